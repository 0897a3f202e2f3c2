"""Seeded random tensors, each drawn on its own.

A tensor depends on (seed, name) alone: the order does not matter, so a layer's tensors can be made,
used and dropped, and a test can make the same ones again for another framework.
"""

from __future__ import annotations

import hashlib

import numpy as np

from emonet_edge._types import Float32
from emonet_edge.synthetic.architectures import Architecture, TensorSpec

__all__ = ["Tensors", "draw_tensor"]


def draw_tensor(seed: int, name: str, spec: TensorSpec) -> Float32:
    """Draw the tensor of that name: float32, reproducible for a given seed.

    Normal with the spec's mean and standard deviation, or Whisper's position table.
    """
    if spec.sinusoids:
        return _sinusoids(*spec.shape)
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))
    values = generator.standard_normal(spec.shape, dtype=np.float32)
    values *= np.float32(spec.std)
    values += np.float32(spec.mean)
    return values


def _sinusoids(length: int, width: int) -> Float32:
    """Whisper's table [length, width]: sines, then cosines, of geometrically spaced periods."""
    half = width // 2
    rates = np.exp(-np.log(10000.0) / (half - 1) * np.arange(half))
    angles = np.arange(length)[:, None] * rates[None, :]
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


class Tensors:
    """The tensors of one encoder, drawn when asked for and kept until `forget`.

    A stage of the encoder is read twice (to calibrate it, then to write it): keeping its tensors
    saves the second drawing, forgetting them afterwards keeps the memory at one stage.
    """

    def __init__(self, architecture: Architecture, seed: int) -> None:
        self._specs = architecture.tensors()
        self._seed = seed
        self._kept: dict[str, Float32] = {}

    def __call__(self, name: str) -> Float32:
        """Return the tensor of that name."""
        if name not in self._kept:
            self._kept[name] = draw_tensor(self._seed, name, self._specs[name])
        return self._kept[name]

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def forget(self) -> None:
        """Drop what was drawn."""
        self._kept.clear()
