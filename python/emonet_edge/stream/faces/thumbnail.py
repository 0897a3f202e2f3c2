"""A face as 48 x 48 grey values: what quality and change are measured on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emonet_edge.image import preprocess_image
from emonet_edge.stream.frames import Frame

__all__ = ["THUMBNAIL_SIZE", "thumbnail"]

THUMBNAIL_SIZE = 48
"""Side in pixels. FER-2013 has shown expressions at this size to people and models since 2013."""

_MARGIN = 0.1  # around the box, so that a shifted detection still shows the whole face
_UNSCALED = (1 / 255, 1 / 255, 1 / 255)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def thumbnail(frame: Frame, box: Sequence[float]) -> NDArray[np.float32]:
    """Return a face as grey values: float32 [48, 48], 0 to 255.

    The box and a tenth of it around, as far as the picture goes, antialiased. Only the pixels of
    that part are read.

    Args:
        frame: the frame.
        box: (x, y, width, height) of the face in pixels.

    Raises:
        ImageError: nothing of the box lies in the picture, or the frame cannot be used.
    """
    x, y, width, height = box
    left, top = max(0.0, x - _MARGIN * width), max(0.0, y - _MARGIN * height)
    right = min(float(frame.width), x + (1 + _MARGIN) * width)
    bottom = min(float(frame.height), y + (1 + _MARGIN) * height)
    planes = preprocess_image(
        frame.image, (left, top, right - left, bottom - top), **frame.options,
        mean=(0, 0, 0), std=_UNSCALED, size=THUMBNAIL_SIZE,
    )  # fmt: skip
    return np.tensordot(_LUMA, planes, axes=1)
