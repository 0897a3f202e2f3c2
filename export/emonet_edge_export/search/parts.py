"""What of an encoder can run in INT8.

A part is what is quantized together or not at all:

product    matrix products or convolutions with constant weights that read the same tensor: the
           queries, keys and values of one attention, fc1, fc2, ...
attention  the queries and keys of one scaled dot product: their product is the largest single cost
           of an encoder with many positions
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from emonet_edge._types import Float32

__all__ = ["Part", "Reader", "find_parts", "nodes_by_name", "weight_of"]

_ATTENTION = "ScaledDotProductAttention"
_MOVES_ONLY = ("Reshape", "Transpose", "Unsqueeze", "Squeeze")


@dataclass(frozen=True)
class Reader:
    """An input of a node: the IR's friendly name and the port."""

    node: str
    port: int = 0


@dataclass(frozen=True)
class Part:
    """A part of an encoder.

    Args:
        name: like encoder.layers.3.fc2.
        form: "product" or "attention".
        tensors: what is quantized: for each tensor those that read it. A product has one; an
            attention two, queries and keys.
        channels: the width of each tensor.
        axis: of the channels, counted from the end: -1, or -2 for a convolution's [n, c, length].
        cores: nodes that run faster when it is quantized, beside its products.
    """

    name: str
    form: Literal["product", "attention"]
    tensors: tuple[tuple[Reader, ...], ...]
    channels: int
    axis: int = -1
    cores: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The name without numbers: what the same part of every layer has in common."""
        return re.sub(r"\.\d+\b", "", self.name)

    @property
    def products(self) -> tuple[str, ...]:
        """Friendly names of the products whose weights are quantized."""
        return tuple(r.node for r in self.tensors[0]) if self.form == "product" else ()


def find_parts(model: Any) -> tuple[Part, ...]:
    """Return the parts of an openvino.Model, in the order in which they run."""
    found: dict[tuple[str, int], list[Any]] = {}
    attentions = []
    for node in model.get_ordered_ops():
        if node.get_type_name() == _ATTENTION:
            attentions += list(_attention(node))
        elif _is_product(node):
            source = node.input_value(0)
            key = (source.get_node().get_friendly_name(), source.get_index())
            found.setdefault(key, []).append(node)
    return (*(_product(nodes) for nodes in found.values()), *attentions)


def nodes_by_name(model: Any) -> dict[str, Any]:
    """Return the nodes of an openvino.Model by friendly name."""
    return {node.get_friendly_name(): node for node in model.get_ops()}


def weight_of(node: Any) -> Float32:
    """Return the weights of a product as float32 [outputs, inputs, ...]."""
    data = _constant(node).get_data().astype(np.float32)
    if node.get_type_name() == "MatMul" and not node.get_attributes()["transpose_b"]:
        data = data.T
    return np.ascontiguousarray(data)


def _product(nodes: list[Any]) -> Part:
    convolution = nodes[0].get_type_name() == "Convolution"
    axis = 1 - len(nodes[0].input_value(0).get_shape()) if convolution else -1
    first, *rest = sorted(_short(node.get_friendly_name()) for node in nodes)
    return Part(
        "+".join([first, *(name.rpartition(".")[2] for name in rest)]),
        "product",
        (tuple(Reader(node.get_friendly_name()) for node in nodes),),
        list(nodes[0].input_value(0).get_shape())[axis],
        axis,
    )


def _attention(node: Any) -> Iterator[Part]:
    """Yield the attention if queries and keys can be followed to where their channels are last."""
    readers = [_before_moves(node, port) for port in (0, 1)]
    if any(reader is None for reader in readers):
        return
    widths = {list(_source(found).get_shape())[-1] for found in readers if found}
    if len(widths) == 1:
        yield Part(
            f"{_short(node.get_friendly_name())}.attention",
            "attention",
            tuple((Reader(found[0].get_friendly_name(), found[1]),) for found in readers if found),
            widths.pop(),
            cores=(node.get_friendly_name(),),
        )


def _before_moves(node: Any, port: int) -> tuple[Any, int] | None:
    """Go up through what only moves values, to the input that still has [..., positions, width].

    The quantizer goes there, right behind the projection, into which OpenVINO fuses it.
    """
    reader = (node, port)
    while True:
        source = _source(reader).get_node()
        if source.get_type_name() not in _MOVES_ONLY:
            return reader if reader[0] is not node else None
        if len(source.output(0).get_target_inputs()) != 1:
            return None
        reader = (source, 0)


def _source(reader: tuple[Any, int]) -> Any:
    return reader[0].input_value(reader[1])


def _is_product(node: Any) -> bool:
    kind = node.get_type_name()
    if kind not in ("MatMul", "Convolution") or _constant(node) is None:
        return False
    if kind == "Convolution":
        return True
    return not node.get_attributes()["transpose_a"] and len(_constant(node).shape) == 2


def _constant(node: Any) -> Any:
    """Return the constant behind the weights, None where they are computed."""
    source = node.input_value(1).get_node()
    if source.get_type_name() == "Convert":  # weights stored as half floats
        source = source.input_value(0).get_node()
    return source if source.get_type_name() == "Constant" else None


def _short(node: str) -> str:
    """Return a node's name without what tracing put around it."""
    return re.sub(r"^__module\.", "", node).partition("/")[0]
