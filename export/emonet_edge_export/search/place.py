"""Quantizers of our own: an FP32 IR and one recipe per part become the model that runs in INT8.

A tensor is rounded by one FakeQuantize, which OpenVINO fuses into the operation before it.
SmoothQuant (Xiao et al., 2022) costs nothing extra: the range is divided channel by channel inside
that same FakeQuantize, and the weights are multiplied by as much. Between queries and keys the same
is done without weights: what divides the one multiplies the other.

Weights are INT8, symmetric, one scale per output. Tensors are 8 bits with one scale, symmetric, or
with a zero point where they lie mostly on one side of zero (behind GELU).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from emonet_edge._types import Float32
from emonet_edge.inference.openvino_core import openvino
from emonet_edge_export.search.parts import Part, Reader, nodes_by_name, weight_of
from emonet_edge_export.search.round_weights import compensated
from emonet_edge_export.search.statistics import Extremes

__all__ = [
    "PartRecipe",
    "Quantizer",
    "Reach",
    "Rounded",
    "place",
    "quantized_weights",
    "quantizers",
    "round_part",
    "widest_weights",
]

LEVELS = 256
Reach = Literal["largest", "mean"]
_ONE_SIDED = 0.5
"""A tensor whose shorter side is below this share of the longer one gets a zero point."""
_LEAST = 1e-6


@dataclass(frozen=True)
class PartRecipe:
    """How a part is quantized.

    Args:
        strength: SmoothQuant's alpha: 0 leaves the tensor as it is, 1 gives every channel the same
            range and moves all difference into the weights (or the keys).
        reach: "largest" takes the range of all samples, "mean" the mean of the samples' ranges.
    """

    strength: float = 0.5
    reach: Reach = "largest"


@dataclass(frozen=True)
class Quantizer:
    """Of one tensor: float32 [channels] `scale` divides it, `low` to `high` is its range then."""

    low: float
    high: float
    scale: Float32

    @property
    def step(self) -> float:
        """One level, in the smoothed tensor's unit."""
        return (self.high - self.low) / (LEVELS - 1)

    def __call__(self, values: Float32) -> Float32:
        """Return values [..., channels] smoothed and rounded: what FakeQuantize does."""
        inside = np.clip(values / self.scale, self.low, self.high)
        steps = np.round((inside - self.low) / self.step)
        rounded: Float32 = (steps * self.step + self.low).astype(np.float32)
        return rounded


def quantizers(
    part: Part, extremes: Sequence[Extremes], weights: Float32, recipe: PartRecipe
) -> tuple[Quantizer, ...]:
    """Return one quantizer for each of a part's tensors.

    Args:
        part: the part.
        extremes: of its tensors on calibration data.
        weights: float32 [channels], `widest_weights` of a product; not used for an attention.
        recipe: strength and range.
    """
    if part.form == "attention":
        queries, keys = extremes
        scale = _smoothing(queries.widest, keys.widest, recipe.strength)
        return _quantizer(queries, scale, recipe), _quantizer(keys, np.float32(1) / scale, recipe)
    scale = _smoothing(extremes[0].widest, weights, recipe.strength)
    return (_quantizer(extremes[0], scale, recipe),)


def widest_weights(part: Part, nodes: Mapping[str, Any]) -> Float32:
    """Return the greatest absolute weight that each input channel meets: float32 [channels]."""
    found = np.zeros(part.channels, np.float32)
    for name in part.products:
        weights = np.abs(weight_of(nodes[name]))
        others = tuple(axis for axis in range(weights.ndim) if axis != 1)
        found = np.maximum(found, weights.max(axis=others))
    return found


def quantized_weights(
    weights: Float32, scale: Float32, moments: Float32 | None = None
) -> tuple[NDArray[np.int8], Float32]:
    """Return weights [outputs, inputs, ...] times `scale` as int8, and one step per output.

    With the second moments of the inputs, as they are before smoothing, rounding makes up for
    itself (`round_weights`); without them each weight is rounded to the nearest step.
    """
    smoothed = weights * scale.reshape(1, -1, *[1] * (weights.ndim - 2))
    axes = tuple(range(1, weights.ndim))
    step = np.maximum(np.abs(smoothed).max(axis=axes, keepdims=True), _LEAST) / 127
    if moments is None:
        return np.round(smoothed / step).astype(np.int8), step.astype(np.float32)
    return compensated(smoothed, step, moments / np.outer(scale, scale)), step.astype(np.float32)


@dataclass(frozen=True)
class Rounded:
    """A part made ready: a quantizer for each tensor; integers and steps for each product."""

    quantizers: tuple[Quantizer, ...]
    weights: tuple[tuple[NDArray[np.int8], Float32], ...]


def round_part(
    part: Part, extremes: Sequence[Extremes], nodes: Mapping[str, Any], recipe: PartRecipe
) -> Rounded:
    """Make a part of the FP32 model ready to be placed.

    Args:
        part: the part.
        extremes: of its tensors on calibration data.
        nodes: of the FP32 model by name.
        recipe: strength and range.
    """
    found = quantizers(part, extremes, widest_weights(part, nodes), recipe)
    weights = tuple(
        quantized_weights(weight_of(nodes[name]), found[0].scale, extremes[0].moments)
        for name in part.products
    )
    return Rounded(found, weights)


def place(model: Any, parts: Sequence[Part], chosen: Mapping[str, Rounded]) -> Any:
    """Return a copy of an FP32 model in which the parts that are in `chosen` run in INT8."""
    made = model.clone()
    nodes = nodes_by_name(made)
    for part in parts:
        rounded = chosen.get(part.name)
        if rounded is None:
            continue
        for readers, quantizer in zip(part.tensors, rounded.quantizers, strict=True):
            _round_tensor(part, readers, quantizer, nodes)
        for name, (integers, step) in zip(part.products, rounded.weights, strict=True):
            _replace_weights(nodes[name], integers, step)
    made.validate_nodes_and_infer_types()
    return made


def _round_tensor(
    part: Part, readers: Sequence[Reader], quantizer: Quantizer, nodes: Mapping[str, Any]
) -> None:
    op = openvino().opset13
    source = nodes[readers[0].node].input_value(readers[0].port)
    shape = [1] * len(source.get_shape())
    shape[part.axis] = part.channels
    scale = quantizer.scale.reshape(shape)
    low, high = quantizer.low, quantizer.high
    bounds = [np.asarray(b, np.float32) for b in (low * scale, high * scale, low, high)]
    rounded = op.fake_quantize(source, *map(op.constant, bounds), LEVELS).output(0)
    for reader in readers:
        nodes[reader.node].input(reader.port).replace_source_output(rounded)


def _replace_weights(node: Any, integers: NDArray[np.int8], step: Float32) -> None:
    op = openvino().opset13
    if node.get_type_name() == "MatMul" and not node.get_attributes()["transpose_b"]:
        integers, step = np.ascontiguousarray(integers.T), np.ascontiguousarray(step.T)
    wide = op.convert(op.constant(integers), "f32")
    node.input(1).replace_source_output(op.multiply(wide, op.constant(step)).output(0))


def _smoothing(tensor: Float32, other: Float32, strength: float) -> Float32:
    """Return max|tensor|^a / max|other|^(1-a) per channel, with a geometric mean of 1."""
    if strength == 0:
        return np.ones(tensor.shape, np.float32)
    scale = np.maximum(tensor, _LEAST) ** strength / np.maximum(other, _LEAST) ** (1 - strength)
    normal: Float32 = (scale / np.exp(np.log(scale).mean())).astype(np.float32)
    return normal


def _quantizer(extremes: Extremes, scale: Float32, recipe: PartRecipe) -> Quantizer:
    lows, highs = (extremes.low / scale).min(axis=1), (extremes.high / scale).max(axis=1)
    low, high = (
        (float(lows.mean()), float(highs.mean()))
        if recipe.reach == "mean"
        else (float(lows.min()), float(highs.max()))
    )
    low, high = min(low, 0.0), max(high, 0.0)
    if min(-low, high) > _ONE_SIDED * max(-low, high):
        step = max(-low, high, _LEAST) / (LEVELS // 2 - 1)
        return Quantizer(-LEVELS // 2 * step, (LEVELS // 2 - 1) * step, scale)
    # With a zero point: move the bounds so that zero is a level, and padding stays exactly nothing.
    step = max(high - low, _LEAST) / (LEVELS - 1)
    zero = round(-low / step)
    return Quantizer(-zero * step, (LEVELS - 1 - zero) * step, scale)
