"""Raw pictures on a pipe: the cheapest way in, and one that parses nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from emonet_edge.exceptions import InputError, MediaError
from emonet_edge.stream.clock import Clock
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.sources.byte_stream import ByteStream
from emonet_edge.stream.sources.container_video import frame_of
from emonet_edge.stream.sources.containers import check_picture
from emonet_edge.stream.sources.media_time import Pacer
from emonet_edge.stream.sources.pixels import (
    Planes,
    interleave_chroma,
    picture_format,
)
from emonet_edge.stream.sources.source import Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RawGeometry", "RawVideo"]

# ffmpeg's names and ours, and the bytes of a frame in halves of its pixels.
_FORMATS = {
    "nv12": ("nv12", 3),
    "yuv420p": ("yuv420p", 3),
    "i420": ("yuv420p", 3),
    "yuyv": ("yuyv422", 4),
    "yuyv422": ("yuyv422", 4),
    "rgb": ("rgb24", 6),
    "rgb24": ("rgb24", 6),
    "bgr": ("bgr24", 6),
    "bgr24": ("bgr24", 6),
}


@dataclass(frozen=True)
class RawGeometry:
    """How raw pictures lie in a pipe: rows without padding, one frame after the other.

    Args:
        pixel_format: "nv12", "yuyv", "i420", "rgb" or "bgr" (or as ffmpeg calls them).
        width, height: in pixels; even ones where chroma is shared.
        rate: frames per second, for files.

    Raises:
        InputError: an unknown format, a size that no picture has, or a rate outside of 0 to 1000.
        MediaError: more pixels than a frame may have.
    """

    pixel_format: str
    width: int
    height: int
    rate: float = 30.0

    def __post_init__(self) -> None:
        if self.pixel_format not in _FORMATS:
            raise InputError(
                f"a raw picture must be one of {', '.join(_FORMATS)}; got {self.pixel_format!r}; "
                "have it converted"
            )
        check_picture(self.width, self.height, "the pipe")
        shared = _FORMATS[self.pixel_format][1] < 6
        if shared and (self.width % 2 or self.height % 2):
            raise InputError(
                f"a {self.pixel_format} picture must have even sides; got "
                f"{self.width}x{self.height}; crop it"
            )
        if not 0 < self.rate <= 1000:
            raise InputError(f"a rate must be 0 to 1000 frames per second; got {self.rate}")

    @property
    def frame_bytes(self) -> int:
        """The bytes of one frame."""
        return self.width * self.height * _FORMATS[self.pixel_format][1] // 2

    @property
    def ffmpeg_name(self) -> str:
        """The name that ffmpeg has for the pixel format."""
        return _FORMATS[self.pixel_format][0]


class RawVideo(Source[Frame]):
    """Frames of a stated geometry from a pipe, a FIFO or a file.

    Args:
        path: a file or FIFO, or "-" for standard input.
        geometry: of every frame.
        clock: the stream's.
        pacer: for files; None, for pipes: a picture was taken when it arrives.
    """

    def __init__(
        self, path: str, geometry: RawGeometry, clock: Clock, pacer: Pacer | None = None
    ) -> None:
        super().__init__("standard input" if path == "-" else path)
        self._path = path
        self._geometry = geometry
        self._clock = clock
        self._pacer = pacer
        self._looks = picture_format(geometry.ffmpeg_name, (geometry.width, geometry.height))
        self._bytes: ByteStream | None = None
        self._seq = 0

    def _open(self) -> None:
        self._bytes = ByteStream(self._path, self._stop)

    def _read(self) -> Frame | None:
        assert self._bytes is not None
        # A pool of buffers was tried: it saves nothing, the allocator keeps the last one at hand.
        buffer = np.empty(self._geometry.frame_bytes, np.uint8)
        filled = self._bytes.read_into(buffer.data)
        if self.closed or not filled:
            return None
        if filled < len(buffer):
            raise MediaError(
                f"{self.name} ended inside a picture, after {filled:,} of {len(buffer):,} bytes: "
                "the writer went away, or the stated geometry is not the real one"
            )
        seq, self._seq = self._seq, self._seq + 1
        return frame_of(
            seq, self._captured_at(seq), self._looks, partial(_planes, buffer, self._geometry)
        )

    def _captured_at(self, seq: int) -> float:
        if self._pacer is None:
            return self._clock.now()
        return self._pacer.hand_over(self._stop, seq / self._geometry.rate)

    def _release(self) -> None:
        if self._bytes is not None:
            self._bytes.release()
            self._bytes = None


def _planes(buffer: NDArray[np.uint8], geometry: RawGeometry) -> Planes:
    width, height = geometry.width, geometry.height
    if geometry.ffmpeg_name == "nv12":
        return buffer.reshape(height * 3 // 2, width)
    if geometry.ffmpeg_name == "yuyv422":
        return buffer.reshape(height, 2 * width)
    if geometry.ffmpeg_name == "yuv420p":
        luma, quarter = width * height, width * height // 4
        u, v = buffer[luma : luma + quarter], buffer[luma + quarter :]
        half = (height // 2, width // 2)
        chroma = interleave_chroma(u.reshape(half), v.reshape(half))
        return buffer[:luma].reshape(height, width), chroma
    return buffer.reshape(height, width, 3)
