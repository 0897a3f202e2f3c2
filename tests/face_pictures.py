"""Real photos, what is to be seen in them, and frames made from them.

Two portraits and two pictures without a face come from packages; the others are the larger set's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emonet_edge.stream.frames import Frame
from material import FACELESS, LARGER, material, needs_larger
from material import PORTRAITS as PACKAGED

LARGER_FACES = {
    "azure-Family1-Dad1.jpg": 1,
    "azure-Family1-Mom1.jpg": 1,
    "azure-Family2-Lady1.jpg": 1,
    "azure-Family2-Man1.jpg": 1,
    "azure-cv-dog.jpg": 0,
    "azure-cv-house.jpg": 0,
    "azure-detection1.jpg": 1,
    "azure-detection2.jpg": 1,
    "azure-detection3.jpg": 1,
    "azure-detection6.jpg": 2,
    "laion-emonetface-fig1a-crop.png": 1,
    "laion-emonetface-fig1b-crop.png": 1,
    "laion-emonetface-fig1c-crop.png": 1,
}
PACKAGED_FACES = {**dict.fromkeys(PACKAGED, 1), **dict.fromkeys(FACELESS, 0)}
FACES = PACKAGED_FACES | (LARGER_FACES if LARGER.is_dir() else {})
"""How many people show their face in each picture that is at hand."""

PORTRAITS = [name for name, count in FACES.items() if count == 1]
YUNETS = ("yunet", *(["yunet_n_dynamic.onnx"] if LARGER.is_dir() else []))
"""The detector's files that are at hand: two exports of one network."""


def each(names, kind="pictures"):
    """Return a test's parameters: the names, and one that says what the larger set would add."""
    rest = pytest.param(None, id=f"larger set of {kind}", marks=needs_larger(kind))
    return [*names, *([] if LARGER.is_dir() else [rest])]


def yunet_file(name: str = YUNETS[-1]) -> Path:
    return LARGER / "weights" / name if name.endswith(".onnx") else material(name)


def photo_path(name: str) -> Path:
    return LARGER / "faces" / name if name in LARGER_FACES else material(name)


def photo(name: str) -> np.ndarray:
    """uint8 [height, width, 3], rgb."""
    with Image.open(photo_path(name)) as opened:
        return np.asarray(opened.convert("RGB"))


def portrait(name: str) -> np.ndarray:
    """A photo, cut to head and shoulders where it shows more."""
    return photo(name)[:330, 90:370] if name == "astronaut" else photo(name)


def pair(width: int = 640) -> np.ndarray:
    """Two people side by side, the officer larger, in a room: uint8 [height, width, 3]."""
    room = empty_room(480, 640)
    paste(room, scaled(portrait("astronaut"), 280), 30, 150)
    paste(room, scaled(photo("officer"), 420), 280, 40)
    return scaled(room, round(480 * width / 640))


def scaled(image: np.ndarray, height: int) -> np.ndarray:
    width = round(image.shape[1] * height / image.shape[0])
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def empty_room(height: int = 720, width: int = 1280) -> np.ndarray:
    """A grey wall with a little noise, uint8 [height, width, 3]."""
    rng = np.random.default_rng(3)
    return rng.normal(110, 3, (height, width, 3)).astype(np.uint8)


def paste(frame: np.ndarray, image: np.ndarray, x: int, y: int) -> None:
    """Put a picture into a frame in place; what lies outside is cut off."""
    height, width = frame.shape[:2]
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + image.shape[1], width), min(y + image.shape[0], height)
    if right > left and bottom > top:
        frame[top:bottom, left:right] = image[top - y : bottom - y, left - x : right - x]


def frame_of(image: np.ndarray, at: float = 0.0) -> Frame:
    return Frame(0, at, image.shape[1], image.shape[0], "rgb", lambda: image)
