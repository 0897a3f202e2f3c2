"""Three ways to write the same encoder: in float, observed, and quantized.

graph.py describes the encoder once and asks these for everything that depends on the precision:
constants, weights, and what stands before a matrix product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonet_edge._types import Float32
from emonet_edge.inference.openvino_core import openvino
from emonet_edge.synthetic.quantization import (
    LEVELS,
    ActivationRange,
    activation_limits,
    quantize_weight,
    smooth_scale,
)
from emonet_edge.synthetic.weights import Tensors

__all__ = ["FloatNumerics", "ObservedNumerics", "QuantizedNumerics", "constant"]

Node = Any  # an openvino node or output; the package has no static import of openvino


def constant(array: NDArray[Any]) -> Node:
    """Make a constant that shares the array's memory: a second copy of a full encoder is 1.7 GB."""
    return openvino().op.Constant(np.asarray(array, order="C"), shared_memory=True)


class FloatNumerics:
    """Weights as they are, nothing before the products."""

    def __init__(self, tensors: Tensors) -> None:
        self.tensors = tensors

    def smoothed(self, node: Node, key: str, weights: tuple[Float32, ...], channels: int) -> Node:
        """Return the input of linear layers with these weights; channels is the axis they read."""
        return node

    def quantized(self, node: Node, key: str, channels: int, symmetric: bool = False) -> Node:
        """Return the input of a convolution, or of the product of queries and keys."""
        return node

    def weight(self, weight: Float32, smooth: str | None = None, half_range: bool = False) -> Node:
        """Return a weight [out, in, ...]; smooth is the key of the smoothed input it multiplies."""
        return constant(weight)


class ObservedNumerics(FloatNumerics):
    """In float, with the minimum and maximum of each channel as further outputs."""

    def __init__(self, tensors: Tensors) -> None:
        super().__init__(tensors)
        self.seen: dict[str, tuple[Node, Node]] = {}

    def smoothed(self, node: Node, key: str, weights: tuple[Float32, ...], channels: int) -> Node:
        """Return the node itself, and note its channels' minima and maxima."""
        return self.quantized(node, key, channels)

    def quantized(self, node: Node, key: str, channels: int, symmetric: bool = False) -> Node:
        """Return the node itself, and note its channels' minima and maxima."""
        op = openvino().opset13
        rank = len(node.get_output_partial_shape(0))
        axes = np.array([axis for axis in range(rank) if axis != channels % rank], dtype=np.int64)
        self.seen[key] = (op.reduce_min(node, axes), op.reduce_max(node, axes))
        return node


class QuantizedNumerics(FloatNumerics):
    """As NNCF writes it: FakeQuantize on activations, INT8 weights, SmoothQuant between them."""

    def __init__(self, tensors: Tensors, ranges: dict[str, ActivationRange]) -> None:
        super().__init__(tensors)
        self._ranges = ranges
        self._scales: dict[str, Float32] = {}

    def smoothed(self, node: Node, key: str, weights: tuple[Float32, ...], channels: int) -> Node:
        """Return the node divided by its SmoothQuant scale, and quantized."""
        seen = self._ranges[key]
        scale = smooth_scale(seen, list(weights))
        self._scales[key] = scale
        inverse: Float32 = np.float32(1) / scale
        rank = len(node.get_output_partial_shape(0))
        shape = [-1 if axis == channels % rank else 1 for axis in range(rank)]
        node = openvino().opset13.multiply(node, constant(inverse.reshape(shape)))
        return self._fake_quantize(node, seen.scaled(inverse))

    def quantized(self, node: Node, key: str, channels: int, symmetric: bool = False) -> Node:
        """Return the node quantized."""
        return self._fake_quantize(node, self._ranges[key], symmetric)

    def weight(self, weight: Float32, smooth: str | None = None, half_range: bool = False) -> Node:
        """Return the weight in INT8, times its rows' scales."""
        op = openvino().opset13
        if smooth is not None:
            weight = weight * self._scales[smooth]
        values, scale = quantize_weight(weight, half_range)
        return op.multiply(op.convert(constant(values), "f32"), constant(scale))

    @staticmethod
    def _fake_quantize(node: Node, seen: ActivationRange, symmetric: bool = False) -> Node:
        low, high = (constant(np.array(limit)) for limit in activation_limits(seen, symmetric))
        return openvino().opset13.fake_quantize(node, low, high, low, high, LEVELS)
