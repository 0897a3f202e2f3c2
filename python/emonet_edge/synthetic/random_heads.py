"""Seeded random heads with the published shapes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emonet_edge.exceptions import InputError
from emonet_edge.synthetic.architectures import Architecture, VisionArchitecture

__all__ = ["HeadShape", "Layers", "draw_head", "evaluate_head", "head_shape"]

Layers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]

# Rows of each layer, from the projection to the score (MODELS.md of the published suites).
_ROWS = {
    ("face", "small"): (128, 32, 1),
    ("face", "large"): (1024, 512, 256, 1),
    ("voice", "small"): (64, 64, 32, 16, 1),
    ("voice", "large"): (128, 128, 64, 32, 1),
}
# The tiny voice: 16 rows instead of 64 keep 55 heads at 42 MB in INT8.
_TINY_VOICE_ROWS = (16, 16, 16, 16, 1)


@dataclass(frozen=True)
class HeadShape:
    """Inputs (the flattened embedding) and rows of each layer of a head."""

    inputs: int
    rows: tuple[int, ...]
    gain: float  # of the projection: what brings its inputs to a standard deviation of 1


def head_shape(
    architecture: Architecture, preset: str, suite: Literal["small", "large"]
) -> HeadShape:
    """Return the shape of a suite's heads on this encoder.

    Raises:
        InputError: no such suite.
    """
    modality = "face" if isinstance(architecture, VisionArchitecture) else "voice"
    rows = _ROWS.get((modality, suite))
    if rows is None:
        raise InputError(f"a synthetic suite must be 'small' or 'large'; got {suite!r}")
    inputs = int(np.prod(architecture.output_shape))
    if modality == "face":  # L2-normalised: each value is about 1 / sqrt(width)
        return HeadShape(inputs, rows, sqrt(inputs))
    return HeadShape(inputs, _TINY_VOICE_ROWS if preset == "tiny" else rows, 1.0)


def draw_head(seed: int, name: str, shape: HeadShape) -> Layers:
    """Draw the layers of one head, uniform as PyTorch initialises them: [(weight, bias), ...].

    A head depends on (seed, name, shape) alone. weight [rows, inputs] and bias [rows] are float32;
    the weights' standard deviation is sqrt(2 / inputs), which keeps the variance through ReLU.
    """
    digest = hashlib.sha256(f"{seed}/head/{name}".encode()).digest()
    generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))
    layers: Layers = []
    inputs = shape.inputs
    for number, rows in enumerate(shape.rows):
        bound = sqrt(6 / inputs) * (shape.gain if number == 0 else 1.0)
        layers.append((_uniform(generator, bound, (rows, inputs)), _uniform(generator, 0.1, rows)))
        inputs = rows
    return layers


def evaluate_head(layers: Layers, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Score in float32 what a head reads, [n, inputs]: [n]; ReLU stands between the layers."""
    values = inputs
    for number, (weight, bias) in enumerate(layers):
        values = (np.maximum(values, 0) if number else values) @ weight.T + bias
    scores: NDArray[np.float32] = values[:, 0]
    return scores


def _uniform(
    generator: np.random.Generator, bound: float, shape: int | tuple[int, ...]
) -> NDArray[np.float32]:
    values = generator.random(shape, dtype=np.float32)
    values -= np.float32(0.5)
    values *= np.float32(2 * bound)
    return values
