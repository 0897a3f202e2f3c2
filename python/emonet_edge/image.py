"""Image preparation: a picture, or a box of it, becomes the face encoder's input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias

import numpy as np

from emonet_edge import _core
from emonet_edge.exceptions import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Box", "Color", "YuvMatrix", "YuvRange", "picture_sides", "preprocess_image"]

Color = Literal["rgb", "bgr", "nv12", "yuyv"]
"""The order of channels or the layout of planes; see `preprocess_image`."""
YuvMatrix = Literal["bt601", "bt709"]
"""ITU-R BT.601 or BT.709."""
YuvRange = Literal["limited", "full"]
"""Y from 16 to 235, or all of 0 to 255."""
Box: TypeAlias = Sequence[float]
"""(x, y, width, height) in pixels from the top left."""

_HALF = (0.5, 0.5, 0.5)
_CHANNEL_HINTS = {
    1: "repeat a grey picture: np.repeat(image, 3, axis=2)",
    2: "pass color='yuyv' if this is YUYV; drop the alpha of a grey picture and repeat it",
    4: "drop the fourth channel: image[..., :3], after blending where it is not opaque",
}


def preprocess_image(
    image: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    box: Box | None = None,
    color: Color = "rgb",
    *,
    width: int | None = None,
    matrix: YuvMatrix = "bt601",
    range: YuvRange = "limited",  # noqa: A002 - the word that video tags use
    mean: Sequence[float] = _HALF,
    std: Sequence[float] = _HALF,
    size: int | tuple[int, int] = 384,
) -> NDArray[np.float32]:
    """Crop, resize and normalise a picture as the face encoder expects it.

    The resize is Pillow's antialiased bilinear one (the filter's support scales with the
    reduction; 22-bit fixed point; two passes, each rounded to 8 bits, in the order of Pillow 13:
    rows first unless the height shrinks by more than twice as many pixels as the width): for rgb
    it equals ``Image.crop(box).resize((width, height), BILINEAR)`` to the last bit, with an older
    Pillow to one level where that takes another order. Pixels outside the box
    have no influence. Then ``(x / 255 - mean) / std`` per channel. The picture is only read, and
    the GIL is released meanwhile. Rows may be strided (a view of a larger picture costs no copy);
    a picture whose rows are not contiguous is copied once.

    Args:
        image: uint8, by ``color``:
            rgb, bgr: [height, width, 3];
            nv12: [height * 3 / 2, stride], or the planes Y [height, stride] and UV
            [height / 2, stride] (or [height / 2, width / 2, 2]) as a tuple;
            yuyv: [height, width, 2], or [height, stride] in bytes.
        box: (x, y, width, height) in pixels from the top left, wholly inside the picture; floats
            are rounded outward (a thousandth of a pixel counts as rounding noise). None takes the
            whole picture.
        color: the order of the channels, which cannot be seen from the numbers.
        width: pixels per row of nv12 and yuyv, where the rows are padded; by default all of them.
        matrix: of nv12 and yuyv: ITU-R BT.601 or BT.709, as the frame is tagged.
        range: of nv12 and yuyv: limited (Y 16..235) or full (0..255), as the frame is tagged.
        mean: red, green, blue, on the scale 0..1.
        std: red, green, blue, on the scale 0..1, above 0.
        size: side of the result in pixels, or (height, width) of it; each 1..4096. The box is
            stretched where its shape is another.

    Chroma is taken from the nearest sample; the integer conversion is written down in
    ``cpp/image/yuv.hpp`` and within one grey level of the real-valued one. Only the pixels of the
    box are converted.

    Returns:
        float32 [3, height, width] of ``size``, channels red, green, blue. The same bits on every
        instruction set.

    Raises:
        ImageError: wrong dtype, rank or channel count; a side of 0 or above 65535 pixels; an odd
            nv12 or yuyv side; rows shorter than width; a box that is empty, not finite or not
            inside; an unknown color, matrix or range; a bad mean, std or size.

    """
    data, chroma, pixels = _planes(image, color, width)
    return _core.preprocess_image(
        data,
        chroma,
        pixels,
        color=color,
        matrix=matrix,
        range=range,
        box=None if box is None else _floats(box, 4, "box must be (x, y, width, height) in pixels"),
        size=_sides(size),
        mean=_floats(mean, 3, "mean must be three numbers: red, green, blue"),
        std=_floats(std, 3, "std must be three numbers: red, green, blue"),
    )


def picture_sides(image: Any, color: Color = "rgb", width: int | None = None) -> tuple[int, int]:
    """Return (height, width) in pixels of a picture as `preprocess_image` takes it.

    Raises:
        ImageError: wrong dtype, rank or channel count, or an unknown color.
    """
    data, _, pixels = _planes(image, color, width)
    return data.shape[0], pixels


_Planes: TypeAlias = "tuple[NDArray[np.uint8], NDArray[np.uint8] | None, int]"


def _planes(image: Any, color: str, width: int | None) -> _Planes:
    """Return the plane or planes as bytes [rows, bytes per row], and the width in pixels."""
    if color == "nv12":
        return _nv12_planes(image, width)
    if color == "yuyv":
        return _yuyv_plane(image, width)
    if color not in ("rgb", "bgr"):
        _refuse("color must be one of rgb, bgr, nv12, yuyv", repr(color), "name the order it has")
    return _packed_plane(image, color, width)


def _packed_plane(image: Any, color: str, width: int | None) -> _Planes:
    rule = f"a picture in {color} must be uint8 [height, width, 3]"
    _check_bytes(image, rule)
    if width is not None:
        _refuse("width= is for nv12 and yuyv rows with padding", f"color={color!r}", "slice it")
    if image.ndim == 2:
        _refuse(rule, _shape(image), "repeat a grey picture: np.stack([image] * 3, axis=2)")
    if image.ndim != 3:
        _refuse(rule, _shape(image), "pass one picture at a time")
    if image.shape[2] != 3:
        hint = "transpose a [3, height, width] picture" if image.shape[0] == 3 else "convert it"
        _refuse(rule, _shape(image), _CHANNEL_HINTS.get(image.shape[2], hint))
    return _as_bytes(image), None, image.shape[1]


def _nv12_planes(image: Any, width: int | None) -> _Planes:
    rule = "nv12 must be uint8 [height * 3 / 2, stride], or a tuple of Y and UV"
    if isinstance(image, (tuple, list)):
        if len(image) != 2:
            _refuse(rule, f"{len(image)} planes", "pass (Y, UV)")
        luma, chroma = image
        _check_bytes(luma, rule)
        _check_bytes(chroma, rule)
        if luma.ndim != 2 or not (chroma.ndim == 2 or _is_pairs(chroma)):
            _refuse(rule, f"{_shape(luma)} and {_shape(chroma)}", "pass them as they are in memory")
    else:
        _check_bytes(image, rule)
        if image.ndim != 2 or image.shape[0] % 3:
            _refuse(rule, _shape(image), "pass Y and UV as a tuple where they stand apart")
        height = image.shape[0] // 3 * 2
        luma, chroma = image[:height], image[height:]
    pixels = luma.shape[1] if width is None else _integer(width, "width")
    if 2 * chroma.shape[0] < luma.shape[0] - luma.shape[0] % 2:
        _refuse(
            "nv12 must have half as many rows of UV as of Y", _shape(chroma), "check the planes"
        )
    return _as_bytes(luma), _as_bytes(chroma), pixels


def _yuyv_plane(image: Any, width: int | None) -> _Planes:
    rule = "yuyv must be uint8 [height, width, 2] or [height, stride]"
    _check_bytes(image, rule)
    if image.ndim != 2 and not _is_pairs(image):
        _refuse(rule, _shape(image), "pass the frame as the camera gave it, or another color")
    data = _as_bytes(image)
    return data, None, data.shape[1] // 2 if width is None else _integer(width, "width")


def _is_pairs(image: NDArray[np.uint8]) -> bool:
    return image.ndim == 3 and image.shape[2] == 2


def _as_bytes(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """View the same memory as [rows, bytes per row]; copy only where a row is not contiguous."""
    rows, row_bytes = image.shape[0], math.prod(image.shape[1:])
    if image.size == 0:  # its strides mean nothing
        return np.empty((rows, row_bytes), np.uint8)
    expected = 1
    for length, stride in zip(reversed(image.shape[1:]), reversed(image.strides[1:]), strict=True):
        if length > 1 and stride != expected:
            return np.ascontiguousarray(image).reshape(rows, row_bytes)
        expected *= length
    return np.lib.stride_tricks.as_strided(
        image, (rows, row_bytes), (image.strides[0], 1), writeable=False
    )


def _check_bytes(image: Any, rule: str) -> None:
    if not isinstance(image, np.ndarray):
        _refuse(rule, type(image).__name__, "convert it with np.asarray")
    if image.dtype != np.uint8:
        remedy = "scale 0..1 to 0..255 and convert with .astype(np.uint8)"
        _refuse(rule, f"dtype {image.dtype}", remedy if image.dtype.kind == "f" else "convert it")


def _floats(values: Sequence[float], count: int, rule: str) -> tuple[Any, ...]:
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        _refuse(rule, repr(values), "pass plain numbers")
    if len(numbers) != count:
        _refuse(rule, repr(values), f"pass {count} numbers")
    return numbers


def _sides(size: Any) -> tuple[int, int]:
    """Return (height, width) of the result."""
    if not isinstance(size, (tuple, list, str)):
        size = (size, size)
    if len(size) != 2 or isinstance(size, str):
        _refuse("size must be a number of pixels, or (height, width)", repr(size), "pass two")
    return _integer(size[0], "size"), _integer(size[1], "size")


def _integer(value: Any, name: str) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or number != value or abs(number) >= 2**31:
        _refuse(f"{name} must be a whole number of pixels", repr(value), "round it")
    return number


def _shape(image: NDArray[np.uint8]) -> str:
    return f"shape {list(image.shape)}"


def _refuse(rule: str, value: str, remedy: str) -> NoReturn:
    raise ImageError(f"{rule}; got {value}; {remedy}")
