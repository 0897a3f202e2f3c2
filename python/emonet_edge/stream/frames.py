"""A frame as a source gives it: its planes untouched until somebody needs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from emonet_edge.image import Color, YuvMatrix, YuvRange

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Frame"]


@dataclass(frozen=True)
class Frame:
    """One picture of a stream.

    Most frames of a camera are never looked at ("latest frame wins"), so a frame costs nothing
    until `image` is read: that calls `planes`, once.

    Args:
        seq: number of the frame in its source, from 0; a Python int, so it never wraps.
        captured_at: when it was taken, in seconds of the stream's clock.
        width: in pixels.
        height: in pixels.
        color: "rgb", "bgr", "nv12" or "yuyv".
        planes: returns what `preprocess_image` takes as `image`: uint8 [H, W, 3], or the planes of
            nv12 or yuyv as they lie in memory.
        matrix: of YUV frames, from their tags where they have them.
        range: likewise.
    """

    seq: int
    captured_at: float
    width: int
    height: int
    color: Color
    planes: Callable[[], NDArray[np.uint8] | Sequence[NDArray[np.uint8]]] = field(repr=False)
    matrix: YuvMatrix = "bt601"
    range: YuvRange = "limited"

    @cached_property
    def image(self) -> NDArray[np.uint8] | Sequence[NDArray[np.uint8]]:
        """The pixels, as `preprocess_image` takes them together with `options`."""
        return self.planes()

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments beside `image`: for `preprocess_image` and `FaceDetector.detect`."""
        if self.color in ("rgb", "bgr"):
            return {"color": self.color}
        return {
            "color": self.color,
            "width": self.width,
            "matrix": self.matrix,
            "range": self.range,
        }
