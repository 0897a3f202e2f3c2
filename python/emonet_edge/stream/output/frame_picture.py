"""The pixels of a frame as RGB, for eyes: the models read the planes as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emonet_edge._extras import pillow, pyav
from emonet_edge.stream.frames import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["picture_of", "pyav"]

_SPACES = {"bt601": "ITU601", "bt709": "ITU709"}  # PyAV's names
_RANGES = {"limited": "MPEG", "full": "JPEG"}


def picture_of(frame: Frame, longest: int) -> Any:
    """Return a frame as PIL.Image.Image, RGB, its longer side at most `longest` pixels.

    Raises:
        MissingExtraError: Pillow is not installed, or PyAV for a YUV frame.
    """
    zoom = min(1.0, longest / max(frame.width, frame.height))
    size = (max(1, round(frame.width * zoom)), max(1, round(frame.height * zoom)))
    if frame.color in ("rgb", "bgr"):
        pixels = np.asarray(frame.image)
        rgb = np.ascontiguousarray(pixels if frame.color == "rgb" else pixels[..., ::-1])
        picture = pillow().fromarray(rgb)
        return picture if picture.size == size else picture.resize(size, reducing_gap=2.0)
    converted = _video_frame(frame).reformat(
        *size,
        "rgb24",
        src_colorspace=_SPACES[frame.matrix],
        src_color_range=_RANGES[frame.range],
        dst_color_range="JPEG",
    )
    return pillow().fromarray(converted.to_ndarray())


def _video_frame(frame: Frame) -> Any:
    av = pyav()
    # 4:2:0 and 4:2:2 have whole pairs; an odd last column or row of a frame is not shown.
    width, height = frame.width & ~1, frame.height & ~1
    if frame.color == "yuyv":
        packed = np.asarray(frame.image)
        packed = packed.reshape(packed.shape[0], -1)[:height, : 2 * width]
        return av.VideoFrame.from_ndarray(
            np.ascontiguousarray(packed).reshape(height, width, 2), format="yuyv422"
        )
    luma, chroma = _nv12_planes(frame)
    whole = np.concatenate((luma[:height, :width], chroma[: height // 2, :width]))
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(whole), format="nv12")


def _nv12_planes(frame: Frame) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    image = frame.image
    if isinstance(image, Sequence):
        luma, chroma = image
        return luma, chroma.reshape(chroma.shape[0], -1)
    rows = image.shape[0] // 3 * 2
    return image[:rows], image[rows:]
