"""Heads in plain NumPy: the specification of packing and evaluation.

Weights are quantized and reconstructed here without any layout, so a mistake in the packed layout
cannot hide: the reconstructed weights are used in float64 on the integers that the inputs become.
"""

from __future__ import annotations

import numpy as np

INT4_GROUP = 64


def activation_levels(width: int) -> int:
    """Levels each side of zero, so that one position's dot product fits int32."""
    return min(16383, (2**31 - 1) // (127 * width))


def quantize_inputs(values: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """[positions, width] -> what the heads see instead, in float64."""
    deviation = (values - mean).astype(np.float32)
    levels = np.float32(activation_levels(values.shape[-1]))
    largest = np.abs(deviation).max(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(largest > 1e-30, levels / largest, 0).astype(np.float32)
    integers = np.rint(deviation * inverse)
    return integers.astype(np.float64) * (largest / levels).astype(np.float64)


def quantize_int8(weights: np.ndarray) -> np.ndarray:
    """[rows, positions, width] float32 -> the weights that INT8 keeps, float64."""
    scale = np.abs(weights).max(axis=-1, keepdims=True) / np.float32(127)
    return _round(weights, scale, 127)


def quantize_int4(weights: np.ndarray) -> np.ndarray:
    """The same for INT4: one float16 scale for each 64 columns."""
    rows, positions, width = weights.shape
    padded = np.zeros((rows, positions, -(-width // INT4_GROUP) * INT4_GROUP), np.float32)
    padded[..., :width] = weights
    groups = padded.reshape(rows, positions, -1, INT4_GROUP)
    scale = np.abs(groups).max(axis=-1, keepdims=True) / np.float32(7)
    scale = scale.astype(np.float16).astype(np.float32)
    return _round(groups, scale, 7).reshape(padded.shape)[..., :width]


def quantize_int4_compensated(
    weights: np.ndarray, next_position: np.ndarray, later_columns: np.ndarray
) -> np.ndarray:
    """INT4 whose rounding errors the weights after them make up for; float32, to the bit."""
    rows, positions, width = weights.shape
    kept = np.zeros(weights.shape)
    errors = np.zeros((rows, width), np.float32)
    for p in range(positions):
        targets = weights[:, p] + _shares(next_position, errors)
        for first in range(0, width, INT4_GROUP):
            scale = _least_squares_scale(targets[:, first : first + INT4_GROUP])
            for c in range(first, min(first + INT4_GROUP, width)):
                wanted = targets[:, c] + _shares(later_columns[c : c + 1, :c], errors)[:, 0]
                value = _int4_values(wanted, scale)
                errors[:, c] = targets[:, c] - value * scale
                kept[:, p, c] = value.astype(np.float64) * scale
    return kept


def _shares(matrix: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """errors [rows, d] @ matrix [c, d].T, added up in the order of d."""
    total = np.zeros((len(errors), len(matrix)), np.float32)
    for d in range(matrix.shape[1]):
        total += errors[:, d : d + 1] * matrix[:, d]
    return total


def _least_squares_scale(targets: np.ndarray) -> np.ndarray:
    """Targets [rows, columns of a group] -> the float16 scale of each row."""
    largest = targets[np.arange(len(targets)), np.abs(targets).argmax(axis=1)]
    best, least = np.zeros(len(targets), np.float32), np.full(len(targets), np.inf, np.float32)
    for divisor in (7.5, 8, 8.5, 9, 9.5, 10):
        scale = (-largest / np.float32(divisor)).astype(np.float16).astype(np.float32)
        error = np.zeros(len(targets), np.float32)
        for column in targets.T:
            error += (column - _int4_values(column, scale) * scale) ** 2
        best = np.where(error < least, scale, best)
        least = np.minimum(error, least)
    return best


def _int4_values(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    inverse = np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale != 0)
    return np.rint(np.clip(values * inverse, np.float32(-8), np.float32(7)))


def _round(weights: np.ndarray, scale: np.ndarray, limit: int) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        integers = np.where(scale > 0, np.rint(weights / scale), 0)
    return np.clip(integers, -limit, limit).astype(np.float64) * scale.astype(np.float64)


def kept_weights(
    weights: np.ndarray,
    precision: str,
    compensation: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """What each precision keeps of weights [rows, positions, width], float64."""
    if compensation is not None and precision == "int4":
        return quantize_int4_compensated(weights, *compensation)
    if precision == "int8":
        return quantize_int8(weights)
    if precision == "int4":
        return quantize_int4(weights)
    if precision == "fp16":
        return weights.astype(np.float16).astype(np.float64)
    return weights.astype(np.float64)


def later_precision(projection: str, n_weights: int) -> str:
    if projection == "fp32" or n_weights <= 1 << 16:
        return "fp32"
    return "fp16" if projection == "fp16" else "int8"


def evaluate_head(
    embedding: np.ndarray,
    layers: list[tuple[np.ndarray, np.ndarray]],
    precision: str,
    mean: np.ndarray | None = None,
    compensation: tuple[np.ndarray, np.ndarray] | None = None,
) -> float:
    """One head on one embedding ([width] or [positions, width]), as the packed file computes it."""
    inputs = embedding.reshape(-1, embedding.shape[-1])
    weight, bias = layers[0]
    projection = weight.reshape(len(bias), *inputs.shape)
    mean = np.zeros_like(inputs) if mean is None else mean.reshape(inputs.shape)
    if precision in ("int8", "int4"):
        folded = bias + np.einsum("rpw,pw->r", projection.astype(np.float64), mean)
        values = np.einsum(
            "rpw,pw->r",
            kept_weights(projection, precision, compensation),
            quantize_inputs(inputs, mean),
        )
        values += folded
    else:
        values = np.einsum("rpw,pw->r", kept_weights(projection, precision), inputs) + bias
    for weight, bias in layers[1:]:
        values = np.maximum(values, 0)
        kind = later_precision(precision, weight.size)
        if kind == "int8":
            values32 = values.astype(np.float32)[np.newaxis]
            values = quantize_inputs(values32, np.zeros_like(values32))[0]
        values = kept_weights(weight[:, np.newaxis, :], kind)[:, 0] @ values + bias
    return float(values[0])


def exact_head(embedding: np.ndarray, layers: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """The published computation in float64: flatten, then Linear and ReLU in turn."""
    values = embedding.reshape(-1).astype(np.float64)
    for number, (weight, bias) in enumerate(layers):
        if number:
            values = np.maximum(values, 0)
        values = weight.astype(np.float64) @ values + bias
    return float(values[0])


def crc32c(data: bytes) -> int:
    """CRC-32C bit by bit (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
