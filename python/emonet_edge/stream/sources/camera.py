"""V4L2 cameras through ffmpeg's demuxer, raw planes untouched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from emonet_edge._extras import pyav
from emonet_edge.exceptions import DeviceError
from emonet_edge.stream.clock import Clock
from emonet_edge.stream.sources.container_video import ContainerVideo

__all__ = ["Camera", "CameraWish", "FormatMemory"]

_AVFMT_FLAG_NONBLOCK = 4  # the one flag that ffmpeg's options have no name for
_POLL_S = 0.002  # between questions for a frame, near the time when it is due
_ENOUGH = 0.9  # of the wished rate; 25 of 30 is another mode, 29.97 is not
_OLDEST_STAMP_S = 2.0  # a kernel's timestamp that says more is on another clock


@dataclass(frozen=True)
class CameraWish:
    """What a camera is asked for; it gives the nearest that it has.

    Args:
        width, height: in pixels.
        rate: frames per second.
    """

    width: int = 1280
    height: int = 720
    rate: float = 30.0


class FormatMemory:
    """The pixel formats to try, best first, so that a camera that returns runs without a search.

    Args:
        formats: "yuyv422", "nv12" and "mjpeg", in the order of preference. Raw ones need no
            decoder.
    """

    def __init__(self, formats: Sequence[str]) -> None:
        self.order = list(formats)
        self.enough = _ENOUGH

    def taken(self, pixel_format: str, match: float) -> None:
        """Try this one first from now on, and be content with what it gave."""
        self.order.remove(pixel_format)
        self.order.insert(0, pixel_format)
        self.enough = min(self.enough, match)


class Camera(ContainerVideo):
    """A V4L2 camera.

    The first pixel format that gives the wished size and rate is taken, else the one that comes
    nearest. It was taken when the kernel says, not when it is read.

    The device is read without blocking: a driver that hangs cannot keep a reader, and a camera
    that is closed ends at once. The exception is the first frame of a JPEG camera: ffmpeg asks for
    it without a pause, for up to `stall_after` seconds.

    Args:
        find: returns the device file; called at every opening, as numbers change when a camera is
            plugged in again.
        name: what messages call it.
        clock: the stream's.
        wish: size and rate.
        formats: of pixels, and what was found out about them: shared by all openings.
        stall_after: without a frame for this long, in seconds, it counts as gone.
    """

    def __init__(
        self,
        find: Callable[[], str],
        name: str,
        clock: Clock,
        wish: CameraWish,
        formats: FormatMemory,
        stall_after: float = 5.0,
    ) -> None:
        # USB video class 1.5: BT.601 where the camera states nothing.
        super().__init__(name, default_matrix="bt601")
        self._find = find
        self._clock = clock
        self._wish = wish
        self._formats = formats
        self._stall_after = stall_after

    def _open_container(self) -> Any:
        path = self._find()
        found: list[tuple[float, str]] = []
        refused = ""
        for pixel_format in tuple(self._formats.order):
            try:
                container = self._try(path, pixel_format)
            except DeviceError as error:
                refused = str(error)
                continue
            if not _is_in(container, pixel_format):  # ffmpeg may take another one instead
                container.close()
                refused = f"{self.name} has no {pixel_format}: allow another pixel format"
                continue
            match = self._match(container)
            if match >= self._formats.enough:
                self._formats.taken(pixel_format, match)
                return container
            found.append((match, pixel_format))
            container.close()
        if not found:
            raise DeviceError(refused)
        match, best = max(found)
        self._formats.taken(best, match)
        return self._try(path, best)

    def _match(self, container: Any) -> float:
        """Rate a mode: 1 is as wished; half the pixels or half the rate is half as good."""
        track = container.streams.best("video")
        pixels = track.codec_context.width * track.codec_context.height
        wished = self._wish.width * self._wish.height
        rate = float(track.average_rate or 0.0)
        size = float(min(pixels / wished, wished / max(pixels, 1)))
        return size * min(1.0, rate / self._wish.rate)

    def _try(self, path: str, pixel_format: str) -> Any:
        options = {
            "input_format": pixel_format,
            "video_size": f"{self._wish.width}x{self._wish.height}",
            "framerate": f"{self._wish.rate:g}",
            "protocol_whitelist": "none",
            # nobuffer: ffmpeg crashes at closing if packets from its probing still wait inside.
            "fflags": f"+nobuffer+{_AVFMT_FLAG_NONBLOCK}",
            # The driver states all there is to know; only JPEG's subsampling needs a first frame.
            "fpsprobesize": "0",
            "max_ts_probe": "0",
        }
        try:
            return pyav().open(
                path,
                mode="r",
                format="video4linux2",
                container_options=options,
                timeout=self._stall_after,
            )
        except (pyav().FFmpegError, OSError, ValueError) as error:
            raise self._failure(error) from error

    def _packets(self, track: Any) -> Iterator[Any]:
        interval = float(1 / track.average_rate) if track.average_rate else _POLL_S
        last = time.monotonic()
        while not self.closed:
            try:
                packet = self._owned_packet(track)
            except BlockingIOError:
                self._await_frame(last, interval)
                continue
            except (pyav().FFmpegError, OSError) as error:
                raise self._failure(error) from error
            if packet.size:  # a driver hands over an empty one where the transfer was damaged
                last = time.monotonic()
                yield packet

    def _owned_packet(self, track: Any) -> Any:
        """Read a packet and copy it out of the driver's memory.

        ffmpeg crashes when a packet of a camera outlives the camera, and a frame that waits to be
        looked at would. So nothing may hold one: neither a frame nor a generator at rest.
        """
        packets = self._container.demux(track)
        try:
            borrowed = next(packets)
            if borrowed.pts is None:  # what PyAV adds at the end
                raise DeviceError(f"{self.name} went away: plug it in")
            packet = pyav().Packet(bytes(borrowed))
            packet.pts, packet.time_base = borrowed.pts, borrowed.time_base
            return packet
        finally:
            packets.close()

    def _await_frame(self, last: float, interval: float) -> None:
        waited = time.monotonic() - last
        if waited > self._stall_after:
            raise DeviceError(
                f"{self.name} gave no picture for {self._stall_after:g} s: plug it in again"
            )
        # Sleep through most of the interval, then ask often: 6 questions a frame instead of 16.
        self._stop.wait(max(_POLL_S, 0.7 * interval - waited))

    def _captured_at(self, timestamp: float | None) -> float:
        # Drivers stamp frames with CLOCK_MONOTONIC, the clock of time.monotonic.
        age = 0.0 if timestamp is None else time.monotonic() - timestamp
        return self._clock.now() - (age if 0.0 <= age < _OLDEST_STAMP_S else 0.0)

    def _failure(self, error: Exception) -> DeviceError:
        reason = getattr(error, "strerror", None) or str(error)
        remedy = "plug it in, or choose one of `emonet-edge live --list-devices`"
        if isinstance(error, PermissionError):
            remedy = "add the user to the group video: sudo usermod -aG video $USER"
        return DeviceError(f"{self.name} cannot be read ({reason}): {remedy}")


def _is_in(container: Any, pixel_format: str) -> bool:
    context = container.streams.best("video").codec_context
    return pixel_format == ("mjpeg" if context.name == "mjpeg" else context.pix_fmt)
