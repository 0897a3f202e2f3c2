"""What every benchmark works on: made here, the same each time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FACE_BOX", "picture_1080p", "thirty_seconds", "voice_embedding"]

FACE_BOX = (700, 200, 512, 512)
"""A face in a 1080p frame: x, y, width, height in pixels."""


def thirty_seconds() -> NDArray[np.float32]:
    """30 s at 16 kHz that rise and fall as speech does: a gliding voice with harmonics, and noise.

    No padding: every frame has work to do.
    """
    seconds = np.arange(480000) / 16000
    pitch = 140 + 40 * np.sin(2 * np.pi * 0.7 * seconds)
    phase = 2 * np.pi * np.cumsum(pitch) / 16000
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    loudness = 0.5 + 0.5 * np.sin(2 * np.pi * 2.3 * seconds)
    noise = np.random.default_rng(0).normal(0, 0.01, len(seconds))
    return np.asarray(0.1 * loudness * voice + noise, dtype=np.float32)


def picture_1080p() -> NDArray[np.uint8]:
    """[1080, 1920, 3]: smooth shapes and grain, so that neither resize has it easy."""
    rows, columns = np.mgrid[0:1080, 0:1920]
    waves = [np.sin(rows / (40 + 9 * c)) * np.cos(columns / (55 - 7 * c)) for c in range(3)]
    grain = np.random.default_rng(0).normal(0, 12, (1080, 1920, 3))
    return np.clip(128 + 90 * np.stack(waves, axis=-1) + grain, 0, 255).astype(np.uint8)


def voice_embedding() -> NDArray[np.float32]:
    """[1500, 768], of the size that the encoder's last norm gives."""
    values: Any = np.random.default_rng(0).standard_normal((1500, 768), dtype=np.float32)
    return values
