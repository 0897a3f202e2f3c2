"""A picture and clips made in code, so that the demo and the benchmark need no file and no licence.

They are deterministic and look and sound roughly like a face and a voice; nobody is portrayed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SAMPLE_RATE", "draw_face", "synthesize_voice"]

SAMPLE_RATE = 16_000  # Hz

_SUPERSAMPLE = 3  # Pillow draws without antialiasing: draw large, then reduce
_SIZE = (480, 600)  # width, height, pixels

# First three formants of five vowels in Hz, an adult's averages (Peterson and Barney, 1952).
_VOWELS = (
    (730, 1090, 2440),
    (530, 1840, 2480),
    (270, 2290, 3010),
    (570, 840, 2410),
    (300, 870, 2240),
)
_BANDWIDTHS = (90.0, 110.0, 170.0)  # Hz
_SYLLABLE = 0.22  # s
_PHRASE = 9  # syllables, then a pause of two


def draw_face() -> NDArray[np.uint8]:
    """Draw a smiling face on a plain background: uint8 [600, 480, 3], RGB.

    Raises:
        MissingExtraError: Pillow is not installed.

    """
    from emonet_edge._extras import pillow

    image_module = pillow()
    from PIL import ImageDraw

    width, height = (side * _SUPERSAMPLE for side in _SIZE)
    picture = image_module.fromarray(_backdrop(width, height))
    draw = ImageDraw.Draw(picture)
    for shape, corners, colour in _face_shapes():
        scaled = [value * _SUPERSAMPLE for value in corners]
        if shape == "ellipse":
            draw.ellipse(scaled, fill=colour)
        elif shape == "polygon":
            draw.polygon(scaled, fill=colour)
        else:
            start, end, line_width = shape
            draw.arc(scaled, start, end, fill=colour, width=line_width * _SUPERSAMPLE)
    return np.array(picture.resize(_SIZE, image_module.Resampling.BOX), dtype=np.uint8)


def _backdrop(width: int, height: int) -> NDArray[np.uint8]:
    shade = np.linspace(0.0, 1.0, height)[:, None, None]
    top, bottom = np.array([206, 218, 228]), np.array([142, 160, 178])
    rows = top * (1 - shade) + bottom * shade
    return np.broadcast_to(rows, (height, width, 3)).astype(np.uint8)


def _face_shapes() -> list[tuple[Any, tuple[float, ...], str]]:
    """Back to front: (shape, coordinates in pixels of the final picture, colour)."""
    eyes: list[tuple[Any, tuple[float, ...], str]] = []
    for x in (186.0, 294.0):
        eyes += [
            ("ellipse", (x - 30, 262, x + 30, 298), "#f7f3ee"),
            ("ellipse", (x - 15, 264, x + 15, 296), "#5c4630"),
            ("ellipse", (x - 8, 271, x + 8, 288), "#17110c"),
            ("ellipse", (x + 2, 270, x + 9, 277), "#ffffff"),
            ((200, 340, 5), (x - 34, 256, x + 34, 312), "#6b4a38"),
            ((205, 335, 11), (x - 42, 218, x + 42, 286), "#3a2a20"),
        ]
    return [
        ("ellipse", (92, 70, 388, 470), "#3a2a20"),
        ("polygon", (60, 600, 130, 505, 350, 505, 420, 600), "#35526e"),
        ("polygon", (190, 420, 290, 420, 304, 530, 240, 560, 176, 530), "#cf9d7c"),
        ("ellipse", (98, 262, 132, 336), "#d3a081"),
        ("ellipse", (348, 262, 382, 336), "#d3a081"),
        ("ellipse", (114, 108, 366, 478), "#e2b493"),
        ("polygon", (116, 236, 130, 130, 240, 76, 350, 130, 364, 236, 322, 176, 240, 152, 158, 176),
         "#3a2a20"),
        ("ellipse", (136, 318, 192, 362), "#e5a58c"),
        ("ellipse", (288, 318, 344, 362), "#e5a58c"),
        *eyes,
        ((20, 160, 6), (212, 312, 268, 362), "#b9805f"),
        ((70, 130, 5), (218, 240, 262, 356), "#c48f6e"),
        ("polygon", (180, 392, 210, 386, 240, 391, 270, 386, 300, 392, 280, 424, 240, 438, 200,
         424), "#b4524f"),
        ("polygon", (196, 396, 240, 400, 284, 396, 268, 414, 240, 420, 212, 414), "#f4efe9"),
        ((20, 160, 4), (170, 360, 310, 440), "#9c4643"),
    ]  # fmt: skip


def synthesize_voice(seconds: float = 3.0) -> NDArray[np.float32]:
    """Synthesise a voice-like clip: harmonics of a gliding pitch, moving formants, pauses.

    Args:
        seconds: length; 3 is the demo's clip, 40 needs several windows.

    Returns:
        float32 [seconds * 16000] at 16 kHz, mono, peak 0.5.

    """
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    syllable = (time / _SYLLABLE).astype(np.int64)
    formants = _glide(np.array(_VOWELS, dtype=np.float64)[(syllable * 7 + syllable // 5) % 5])
    pitch = 125 + 22 * np.sin(2 * np.pi * 0.31 * time) + 3 * np.sin(2 * np.pi * 5.3 * time)
    voice = _harmonics(pitch, formants) * _loudness(time, syllable)
    noise = np.random.default_rng(20_250_601).normal(0.0, 0.002, len(time))
    return (0.5 * voice / max(float(np.abs(voice).max()), 1e-9) + noise).astype(np.float32)


def _glide(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Formants do not jump: a moving mean over 60 ms, by differences of a running sum."""
    width = min(round(0.06 * SAMPLE_RATE), len(steps))
    if width < 2:
        return steps
    padded = np.concatenate([np.repeat(steps[:1], width, axis=0), steps])
    total = np.cumsum(padded, axis=0)
    smooth: NDArray[np.float64] = (total[width:] - total[:-width]) / width
    return smooth


def _harmonics(pitch: NDArray[np.float64], formants: NDArray[np.float64]) -> NDArray[np.float64]:
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    voice = np.zeros(len(pitch))
    for number in range(1, 33):
        frequency = number * pitch
        gain = sum(
            (width / 2) ** 2 / ((frequency - formants[:, i]) ** 2 + (width / 2) ** 2)
            for i, width in enumerate(_BANDWIDTHS)
        )
        voice += (0.02 + gain) / number * np.sin(number * phase)  # the source falls 6 dB an octave
    return voice


def _loudness(time: NDArray[np.float64], syllable: NDArray[np.int64]) -> NDArray[np.float64]:
    within = time / _SYLLABLE - syllable
    spoken = (syllable % (_PHRASE + 2)) < _PHRASE
    loudness: NDArray[np.float64] = np.sin(np.pi * within) ** 0.6 * spoken
    return loudness
