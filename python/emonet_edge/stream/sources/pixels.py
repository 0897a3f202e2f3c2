"""Decoded frames as the planes that the native core takes, copied as little as can be.

=====================  ======  ==================================================================
ffmpeg's format        color   what reading `Frame.image` costs
=====================  ======  ==================================================================
nv12, yuyv422          same    nothing: views of the decoder's memory
rgb24, bgr24           same    nothing
yuv420p, yuvj420p      nv12    U and V are interleaved; Y is a view
yuv422p, yuvj422p      yuyv    Y, U and V are interleaved: 4:2:2 stays whole
everything else        rgb     ffmpeg converts it (more than 8 bits, 4:4:4, odd sides, BT.2020)
=====================  ======  ==================================================================

Matrix and range are the frame's tags. Where it has none: the yuvj formats, which is what JPEG has,
are full range, all others limited; JPEG and cameras are BT.601 (JFIF; the default of USB video
class 1.5), else 720 rows or more are BT.709 and smaller pictures BT.601, as players have it.

A phone's rotation (the display matrix, to the nearest quarter turn) is applied, mirrors are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from emonet_edge.image import Color, YuvMatrix, YuvRange

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "PictureFormat",
    "Planes",
    "interleave_chroma",
    "picture_format",
    "planes_of",
    "untagged_matrix",
]

Planes: TypeAlias = "NDArray[np.uint8] | Sequence[NDArray[np.uint8]]"

_COLORS: dict[str, Color] = {
    "nv12": "nv12",
    "yuv420p": "nv12",
    "yuvj420p": "nv12",
    "yuyv422": "yuyv",
    "yuv422p": "yuyv",
    "yuvj422p": "yuyv",
    "rgb24": "rgb",
    "bgr24": "bgr",
}
# ISO/IEC 23091-2 (ffmpeg's AVColorSpace); 2 is "unspecified", and 0 says RGB, which YUV is not.
_MATRICES: dict[int, YuvMatrix] = {1: "bt709", 5: "bt601", 6: "bt601"}
_UNTAGGED = (0, 2)
_LIMITED, _FULL = 1, 2  # AVColorRange
_HD_ROWS = 720


@dataclass(frozen=True)
class PictureFormat:
    """What every frame of a track looks like once its planes are read.

    Args:
        width, height: upright, in pixels.
        color: "rgb", "bgr", "nv12" or "yuyv".
        matrix, range: of nv12 and yuyv.
        turns: quarter turns counterclockwise that make it upright.
    """

    width: int
    height: int
    color: Color
    matrix: YuvMatrix = "bt601"
    range: YuvRange = "limited"
    turns: int = 0


def untagged_matrix(height: int) -> YuvMatrix:
    """Return the matrix of pictures that state none: BT.709 from 720 rows on, else BT.601."""
    return "bt709" if height >= _HD_ROWS else "bt601"


def picture_format(
    pixel_format: str,
    size: tuple[int, int],
    tags: tuple[int, int] = (2, 0),
    rotation: int = 0,
    default_matrix: YuvMatrix | None = None,
) -> PictureFormat:
    """Choose how frames are handed over.

    Args:
        pixel_format: ffmpeg's name for it, such as "yuv420p".
        size: width and height as decoded, in pixels.
        tags: ffmpeg's numbers for matrix and range; (2, 0) says nothing.
        rotation: of the display matrix, in degrees counterclockwise.
        default_matrix: where the tag says nothing; None: by the height.
    """
    width, height = size
    turns = round(rotation / 90) % 4
    upright = (height, width) if turns % 2 else (width, height)
    color = _COLORS.get(pixel_format, "rgb")
    if color in ("rgb", "bgr"):
        return PictureFormat(*upright, color, turns=turns)
    untagged = tags[0] in _UNTAGGED
    matrix = (default_matrix or untagged_matrix(height)) if untagged else _MATRICES.get(tags[0])
    # The core has two matrices and even sides, and a turned 4:2:2 is no yuyv any more.
    if matrix is None or width % 2 or height % 2 or (color == "yuyv" and turns):
        return PictureFormat(*upright, "rgb", turns=turns)
    full = tags[1] == _FULL or (tags[1] != _LIMITED and pixel_format.startswith("yuvj"))
    return PictureFormat(*upright, color, matrix, "full" if full else "limited", turns)


def planes_of(frame: Any, wanted: PictureFormat) -> Planes:
    """Return the pixels of an `av.VideoFrame` as `preprocess_image` takes them.

    Where nothing has to be rearranged they are views, which keep the frame's memory alive.
    """
    upside_down = any(plane.line_size < 0 for plane in frame.planes)
    if upside_down or _COLORS.get(frame.format.name) != wanted.color:
        frame = _converted(frame, wanted)
    planes = _VIEWS[frame.format.name](frame)
    return _upright(planes, frame.width, wanted.turns) if wanted.turns else planes


_FFMPEG_NAMES = {"rgb": "rgb24", "bgr": "bgr24", "nv12": "nv12", "yuyv": "yuyv422"}


def _converted(frame: Any, wanted: PictureFormat) -> Any:
    tagged = frame.colorspace not in _UNTAGGED
    matrix = frame.colorspace if tagged else (1 if wanted.matrix == "bt709" else 5)
    full = frame.color_range == _FULL or frame.format.name.startswith("yuvj")
    range_ = _FULL if full else _LIMITED
    is_rgb = wanted.color in ("rgb", "bgr")
    return frame.reformat(
        format=_FFMPEG_NAMES[wanted.color],
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=range_,
        dst_color_range=_FULL if is_rgb or wanted.range == "full" else _LIMITED,
    )


def _nv12(frame: Any) -> Planes:
    return _rows(frame, 0), _rows(frame, 1)


def _yuyv(frame: Any) -> Planes:
    return _rows(frame, 0)


def _packed(frame: Any) -> Planes:
    return _rows(frame, 0)[:, : 3 * frame.width].reshape(frame.height, frame.width, 3)


def _planar_420(frame: Any) -> Planes:
    half = frame.width // 2
    return _rows(frame, 0), interleave_chroma(_rows(frame, 1)[:, :half], _rows(frame, 2)[:, :half])


def interleave_chroma(u: NDArray[np.uint8], v: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return nv12's second plane, uint8 [height / 2, width / 2, 2], from U and V."""
    # One 16-bit write a pair instead of two 8-bit ones: a third of the time.
    pairs = v.astype(np.uint16)
    pairs <<= 8
    pairs |= u
    return pairs.astype("<u2", copy=False).view(np.uint8).reshape(*u.shape, 2)


def _planar_422(frame: Any) -> Planes:
    width, half = frame.width, frame.width // 2
    packed = np.empty((frame.height, half, 4), np.uint8)
    packed[..., ::2] = _rows(frame, 0)[:, :width].reshape(frame.height, half, 2)
    packed[..., 1] = _rows(frame, 1)[:, :half]
    packed[..., 3] = _rows(frame, 2)[:, :half]
    return packed.reshape(frame.height, 2 * width)


_VIEWS = {
    "nv12": _nv12,
    "yuyv422": _yuyv,
    "rgb24": _packed,
    "bgr24": _packed,
    "yuv420p": _planar_420,
    "yuvj420p": _planar_420,
    "yuv422p": _planar_422,
    "yuvj422p": _planar_422,
}


def _rows(frame: Any, index: int) -> NDArray[np.uint8]:
    """View a plane as [rows, bytes per row]; the padding of each row is part of it."""
    plane = frame.planes[index]
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)


def _upright(planes: Planes, width: int, turns: int) -> Planes:
    if isinstance(planes, np.ndarray):
        return np.ascontiguousarray(np.rot90(planes, turns))
    luma, chroma = planes
    pairs = chroma[:, :width].reshape(len(chroma), -1, 2) if chroma.ndim == 2 else chroma
    return (
        np.ascontiguousarray(np.rot90(luma[:, :width], turns)),
        np.ascontiguousarray(np.rot90(pairs, turns)),
    )
