"""The real photos of the shared data, what is to be seen in them, and frames made from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from emonet_edge.stream.frames import Frame

FACES = {
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
"""How many people show their face in each."""

PORTRAITS = [name for name, count in FACES.items() if count == 1]
YUNET = "yunet_n_dynamic.onnx"


def photo(shared_data: Path, name: str) -> np.ndarray:
    """uint8 [height, width, 3], rgb."""
    with Image.open(shared_data / "faces" / name) as opened:
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


def frame_of(image: np.ndarray, at: float = 0.0) -> Frame:
    return Frame(0, at, image.shape[1], image.shape[0], "rgb", lambda: image)
