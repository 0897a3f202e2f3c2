"""A picture prepared for SigLIP by other libraries: uint8 [h, w, 3] -> float32 [3, 384, 384]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["nv12_face_by_opencv", "opencv", "pillow", "siglip_processor", "siglip_run"]

Picture = NDArray[np.uint8]
SIDE = 384


def pillow(picture: Picture) -> Callable[[], Any]:
    """Pillow's antialiased resize, and the normalisation in NumPy as one multiply-add."""
    from PIL import Image

    def run() -> Any:
        small = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        return normalised(np.asarray(small))

    return run


def siglip_processor() -> Any:
    """SiglipImageProcessor with SigLIP2's settings, on the back end without torchvision."""
    try:
        from transformers import SiglipImageProcessorPil as Processor
    except ImportError:  # transformers 4
        from transformers import SiglipImageProcessor as Processor
    return Processor(size={"height": SIDE, "width": SIDE}, resample=2)


def siglip_run(picture: Picture) -> Callable[[], Any]:
    """The Hugging Face processor on an RGB array."""
    processor = siglip_processor()
    return lambda: processor(images=picture, return_tensors="np")["pixel_values"][0]


def opencv(picture: Picture) -> Callable[[], Any]:
    """OpenCV's INTER_LINEAR: four pixels for each result however much it shrinks."""
    import cv2

    return lambda: normalised(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR))


def nv12_face_by_opencv(frame: Picture, box: tuple[int, ...]) -> Callable[[], Any]:
    """OpenCV converts the whole NV12 frame to RGB, then Pillow crops and resizes."""
    import cv2
    from PIL import Image

    x, y, width, height = box

    def run() -> Any:
        rgb = cv2.cvtColor(frame, cv2.COLOR_YUV2RGB_NV12)
        face = np.ascontiguousarray(rgb[y : y + height, x : x + width])
        small = Image.fromarray(face).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        return normalised(np.asarray(small))

    return run


def normalised(small: Picture) -> NDArray[np.float32]:
    """(x / 255 - 0.5) / 0.5 as float32 [3, side, side]."""
    planes = np.ascontiguousarray(small.transpose(2, 0, 1), dtype=np.float32)
    planes *= np.float32(2 / 255)
    planes -= np.float32(1)
    return planes
