"""The arithmetic of NNCF's default post-training quantization, in NumPy.

As `nncf.quantize(model_type=TRANSFORMER)` does it (preset MIXED): activations 8 bit, one range per
tensor, symmetric for queries and keys and asymmetric elsewhere; weights symmetric in [-127, 127],
one scale per output row; SmoothQuant with alpha 0.95 before every linear layer. Two things differ,
which change values and no operation: no bias correction is made, and ranges are wider (see MARGIN).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emonet_edge._types import Float32

__all__ = ["ActivationRange", "activation_limits", "quantize_weight", "smooth_scale"]


ALPHA = 0.95
LEVELS = 256
# NNCF averages the extremes of 300 real inputs. A handful of drawn ones shows less of what a real
# picture or clip can do, and a value beyond the range costs more than a coarser step: with this
# margin the INT8 error over real inputs is half of what the average of the extremes gives.
MARGIN = 1.3


@dataclass(frozen=True)
class ActivationRange:
    """What calibration saw at one place: `low` and `high`, float32 [inputs, channels]."""

    low: Float32
    high: Float32

    def scaled(self, scale: Float32) -> ActivationRange:
        """Return the range of the channels times `scale` [channels], positive."""
        return ActivationRange(self.low * scale, self.high * scale)

    @property
    def largest(self) -> Float32:
        """Return the largest magnitude of each channel over all inputs, [channels]."""
        largest: Float32 = np.maximum(np.abs(self.low), np.abs(self.high)).max(axis=0)
        return largest


def smooth_scale(seen: ActivationRange, weights: list[Float32]) -> Float32:
    """Return the divisors [channels] that move outliers from activations into weights.

    max|x|^alpha / max|w|^(1 - alpha) for each channel, from their 10 % quantile to 100.
    Where several layers read one tensor, the flattest of their scales serves them all.
    """
    activations = np.maximum(seen.largest, 1e-5)
    best, best_ratio = np.ones_like(activations), 0.0
    for weight in weights:
        columns = np.maximum(np.abs(weight).max(axis=0), 1e-5)
        scale = activations**ALPHA / columns ** (1 - ALPHA)
        scale = np.clip(scale, np.quantile(scale, 0.1), 100.0).astype(np.float32)
        ratio = float(scale.min() / scale.max())
        if ratio > best_ratio:
            best, best_ratio = scale, ratio
    return best


def activation_limits(
    seen: ActivationRange, symmetric: bool = False
) -> tuple[np.float32, np.float32]:
    """Return the range of an activation: its extremes over all inputs, and a margin.

    Symmetric, the levels are -128 to 127 and zero is the middle one. Else one border is moved
    outward so that zero is exactly one of the 256 levels.
    """
    low = min(float(seen.low.min()), 0.0) * MARGIN
    high = max(float(seen.high.max()), 0.0) * MARGIN
    if symmetric:
        high = max(-low, high, 8e-5)
        return np.float32(-high * 128 / 127), np.float32(high)
    if high - low < 8e-4:
        low, high = low - 8e-4, high + 8e-4
    top = LEVELS - 1
    zero = round(-low * top / (high - low))
    wider_low = zero / (zero - top) * high if zero < top else low
    wider_high = (zero - top) / zero * low if zero > 0 else high
    if high - wider_low > wider_high - low:
        return np.float32(wider_low), np.float32(high)
    return np.float32(low), np.float32(wider_high)


def quantize_weight(weight: Float32, half_range: bool = False) -> tuple[NDArray[np.int8], Float32]:
    """Return INT8 values in the weight's shape and their scales [rows, 1, ...].

    `half_range` uses 7 of the 8 bits, as NNCF does for the first convolution: products of 8-bit
    unsigned and signed numbers, added in pairs, overflow 16 bits on CPUs without VNNI.
    """
    largest = np.abs(weight).max(axis=tuple(range(1, weight.ndim)), keepdims=True)
    largest = np.maximum(largest, np.float32(max(0.01 * float(largest.max()), 8e-5)))
    top = 64 if half_range else 127
    scale = (largest / np.float32(top)).astype(np.float32)
    rounded = np.rint(weight / scale)
    np.clip(rounded, -63 if half_range else -127, top, out=rounded)
    return rounded.astype(np.int8), scale
