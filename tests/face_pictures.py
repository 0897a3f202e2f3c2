"""Real photos, what is to be seen in them, and frames made from them.

Two portraits, two pictures of nobody and a detector come from packages; the rest is the larger set.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import emonet_edge as ee
from emonet_edge.stream.frames import Frame
from material import FACELESS, LARGER, PORTRAITS, material, needs_larger

PACKAGED_FACES = {**dict.fromkeys(PORTRAITS, 1), **dict.fromkeys(FACELESS, 0)}
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
    "skimage-astronaut.png": 1,
    "skimage-chelsea-cat-noface.png": 0,
    "tf-grace_hopper.bmp": 1,
}
FACES = PACKAGED_FACES | (LARGER_FACES if LARGER.is_dir() else {})
"""How many people show their face in each picture that is at hand."""

LARGER_PORTRAITS = tuple(name for name, count in LARGER_FACES.items() if count == 1)
SETS = {"packages": PORTRAITS, "larger set": LARGER_PORTRAITS}
LARGER_YUNET = "yunet_n_dynamic.onnx"
YUNETS = ("yunet", *([LARGER_YUNET] if LARGER.is_dir() else []))
"""The detector's files that are at hand: two exports of one network."""


def each(cases: Iterable, more: Iterable, kind: str = "pictures", width: int = 1) -> list:
    """Return the parameters of a test, with one that skips for all of `more` that is not here.

    Args:
        cases: parameters that the packages' material is enough for.
        more: parameters that need the larger set.
        kind: what of the larger set, for the reason: "pictures".
        width: how many arguments each parameter fills.
    """
    if LARGER.is_dir():
        return [*cases, *more]
    nothing = [None] * width
    return [*cases, pytest.param(*nothing, id=f"larger set of {kind}", marks=needs_larger(kind))]


def yunet_file(name: str = "yunet") -> Path:
    return LARGER / "weights" / name if name == LARGER_YUNET else material(name)


@cache
def detector_of(name: str, input_size: int = 640) -> ee.FaceDetector:
    """The packages' detector for their pictures, the larger set's for its own."""
    yunet = LARGER_YUNET if name in LARGER_FACES else "yunet"
    return ee.FaceDetector.load(yunet_file(yunet), input_size=input_size)


def photo_path(name: str) -> Path:
    return LARGER / "faces" / name if name in LARGER_FACES else material(name)


def photo(name: str) -> np.ndarray:
    """uint8 [height, width, 3], rgb."""
    with Image.open(photo_path(name)) as opened:
        return np.asarray(opened.convert("RGB"))


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


def portrait(name: str) -> np.ndarray:
    """A photo, cut to head and shoulders where it shows more."""
    return photo(name)[:330, 90:370] if name == "astronaut" else photo(name)


def pair(width: int = 640) -> np.ndarray:
    """Two people side by side, the officer larger, in a room: uint8 [height, width, 3]."""
    room = empty_room(480, 640)
    paste(room, scaled(portrait("astronaut"), 280), 30, 150)
    paste(room, scaled(photo("officer"), 420), 280, 40)
    return scaled(room, round(480 * width / 640))


def frame_of(image: np.ndarray, at: float = 0.0) -> Frame:
    return Frame(0, at, image.shape[1], image.shape[0], "rgb", lambda: image)
