"""Drawn pictures and synthesised sounds to calibrate on: deterministic and made in code."""

from __future__ import annotations

import numpy as np

from emonet_edge._types import Float32
from emonet_edge.synthetic.architectures import (
    Architecture,
    VisionArchitecture,
    VoiceArchitecture,
)

__all__ = ["calibration_inputs"]


def calibration_inputs(architecture: Architecture, count: int = 8) -> list[Float32]:
    """Make inputs of the encoder's shape, as preparation would from pictures or sounds."""
    draw = _picture if isinstance(architecture, VisionArchitecture) else _sound
    return [
        draw(architecture, np.random.Generator(np.random.PCG64(index)))  # type: ignore[arg-type]
        for index in range(count)
    ]


def _picture(arch: VisionArchitecture, random: np.random.Generator) -> Float32:
    """Draw a gradient, a dozen ellipses and grain, in [-1, 1]: float32 [1, 3, image, image]."""
    size = arch.image
    y, x = np.mgrid[0:size, 0:size] / size
    corners = random.uniform(0, 1, (3, 3, 1, 1))
    picture = corners[0] + (corners[1] - corners[0]) * x + (corners[2] - corners[0]) * y
    for _ in range(12):
        center_x, center_y, radius_x, radius_y = random.uniform(
            (0, 0, 0.03, 0.03), (1, 1, 0.4, 0.4)
        )
        inside = ((x - center_x) / radius_x) ** 2 + ((y - center_y) / radius_y) ** 2 < 1
        color = random.uniform(-0.1, 1.1, (3, 1, 1))
        picture = np.where(inside, 0.2 * picture + 0.8 * color, picture)
    picture += random.normal(0, random.uniform(0.0, 0.06), (3, size, size))
    prepared: Float32 = np.clip(picture, 0, 1).astype(np.float32)[None] * 2 - 1
    return prepared


def _sound(arch: VoiceArchitecture, random: np.random.Generator) -> Float32:
    """Make syllables of a gliding tone over noise, then silence: float32 [1, mels, frames].

    Drawn as a mel power spectrum and compressed as Whisper's log-mel is.
    """
    frames, mels = arch.input_shape[2], arch.mels
    time, band = np.arange(frames)[None, :] / 100, np.arange(mels)[:, None]
    power = 10.0 ** random.uniform(-9, -5) * random.exponential(1.0, (mels, frames))
    pitch = random.uniform(4, 14) * (1 + 0.2 * np.sin(time * random.uniform(1, 6)))
    envelope = np.clip(np.sin(time * random.uniform(6, 25)) + random.uniform(-0.3, 0.8), 0, None)
    tilt = 10.0 ** (-band / random.uniform(15, 40))
    for harmonic in range(1, 12):
        # Mel bands are about linear below 1 kHz (band 26 of 80) and logarithmic above.
        place = pitch * harmonic
        place = np.where(place < 26, place, 26 + 25 * np.log(np.maximum(place, 26) / 26))
        power += envelope**2 * tilt * np.exp(-0.5 * (band - place) ** 2)
    power += 0.02 * envelope * random.exponential(1.0, (mels, frames))
    power[:, int(random.uniform(0.1, 1.1) * frames) :] = 0  # 30 s windows end in padding
    logarithm = np.log10(np.maximum(power * 10.0 ** random.uniform(-3, 2), 1e-10))
    logarithm = np.maximum(logarithm, logarithm.max() - 8)
    prepared: Float32 = ((logarithm + 4) / 4).astype(np.float32)[None]
    return prepared
