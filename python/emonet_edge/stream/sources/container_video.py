"""Pictures out of an ffmpeg container: files, pipes, network cameras."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

from emonet_edge.image import YuvMatrix
from emonet_edge.stream.clock import Clock
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.sources.byte_stream import ByteStream
from emonet_edge.stream.sources.containers import (
    frames_of,
    nothing_in,
    open_bytes,
    packets_of,
    pick_stream,
)
from emonet_edge.stream.sources.deferred import DeferredDecoder, stands_alone
from emonet_edge.stream.sources.media_time import MediaTimeline, Pacer
from emonet_edge.stream.sources.pixels import PictureFormat, Planes, picture_format, planes_of
from emonet_edge.stream.sources.source import Source

__all__ = ["ContainerVideo", "VideoFile", "frame_of"]

_USUAL_INTERVAL = 1 / 30  # seconds, where a container states no rate

# What has a time, what the frame looks like, and what makes its planes.
_Picture: TypeAlias = "tuple[Any, PictureFormat, Callable[[], Planes]]"


class ContainerVideo(Source[Frame]):
    """Decodes the best picture track of what `_open_container` returns.

    Args:
        name: what messages call it.
        threads: of the decoder.
        default_matrix: of frames whose tags say nothing; None: by their height.
    """

    def __init__(
        self,
        name: str,
        threads: int = 1,
        default_matrix: YuvMatrix | None = None,
    ) -> None:
        super().__init__(name)
        self._threads = threads
        self._default_matrix = default_matrix
        self._container: Any = None
        self._pictures: Iterator[_Picture] = iter(())
        self._seq = 0

    @abstractmethod
    def _open_container(self) -> Any:
        """Return an open `av.container.InputContainer`."""

    @abstractmethod
    def _captured_at(self, timestamp: float | None) -> float:
        """Return when a picture was taken, in seconds of the stream's clock; may wait for it.

        Args:
            timestamp: as the container states it, in seconds.
        """

    def _open(self) -> None:
        self._container = self._open_container()
        track = pick_stream(self._container, "video", self.name, self._threads)
        read = self._deferred if stands_alone(track.codec_context.name) else self._decoded
        self._pictures = read(track)

    def _read(self) -> Frame | None:
        for timed, looks, planes in self._pictures:
            if self.closed:
                break
            frame = frame_of(self._seq, self._captured_at(_seconds(timed)), looks, planes)
            self._seq += 1
            return frame
        return None

    def _release(self) -> None:
        self._pictures = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _packets(self, track: Any) -> Iterator[Any]:
        for packet in packets_of(self._container, track, self.name):
            if self.closed:  # a network camera may send for ever what cannot be decoded
                return
            yield packet

    def _decoded(self, track: Any) -> Iterator[_Picture]:
        """Decode every packet, as a picture that builds on others needs them."""
        for frame in frames_of(self._packets(track), self.name):
            looks = _looks_of(frame, self._default_matrix)
            yield frame, looks, partial(planes_of, frame, looks)

    def _deferred(self, track: Any) -> Iterator[_Picture]:
        """Hand over packets that are decoded if somebody looks."""
        decoder = DeferredDecoder(track.codec_context, self.name)
        is_jpeg = track.codec_context.name == "mjpeg"
        default_matrix = "bt601" if is_jpeg else self._default_matrix
        looks = None
        for packet in self._packets(track):
            if not packet.size:
                continue
            if looks is None and (first := decoder.try_decode(packet)) is not None:
                looks = _looks_of(first, default_matrix)
            if looks is not None:
                yield packet, looks, partial(decoder.planes, packet, looks)
        if looks is None:
            raise nothing_in(self.name)


class VideoFile(ContainerVideo):
    """A video file, or any container on a pipe.

    Args:
        path: a file or FIFO, or "-" for standard input.
        clock: the stream's.
        pacer: makes the recording's times and waits until a picture is due; None, for pipes: a
            picture was taken when it arrives.
        threads: of the decoder.
    """

    def __init__(
        self,
        path: str,
        clock: Clock,
        pacer: Pacer | None,
        threads: int = 1,
    ) -> None:
        super().__init__("standard input" if path == "-" else path, threads)
        self._path = path
        self._clock = clock
        self._pacer = pacer
        self._timeline = MediaTimeline(None, _USUAL_INTERVAL)
        self._bytes: ByteStream | None = None

    def _open_container(self) -> Any:
        self._bytes = ByteStream(self._path, self._stop)
        container = open_bytes(self._bytes)
        track = container.streams.best("video")
        if track is not None:
            interval = float(1 / track.average_rate) if track.average_rate else _USUAL_INTERVAL
            begins = container.start_time
            self._timeline = MediaTimeline(None if begins is None else begins / 1e6, interval)
        return container

    def _captured_at(self, timestamp: float | None) -> float:
        if self._pacer is None:
            return self._clock.now()
        return self._pacer.hand_over(self._stop, self._timeline.at(timestamp))

    def _release(self) -> None:
        super()._release()
        if self._bytes is not None:
            self._bytes.release()
            self._bytes = None


def frame_of(
    seq: int, captured_at: float, looks: PictureFormat, planes: Callable[[], Planes]
) -> Frame:
    """Return a frame whose pixels are made when they are looked at."""
    return Frame(
        seq=seq,
        captured_at=captured_at,
        width=looks.width,
        height=looks.height,
        color=looks.color,
        planes=planes,
        matrix=looks.matrix,
        range=looks.range,
    )


def _looks_of(frame: Any, default_matrix: YuvMatrix | None) -> PictureFormat:
    return picture_format(
        frame.format.name,
        (frame.width, frame.height),
        (int(frame.colorspace), int(frame.color_range)),
        frame.rotation,
        default_matrix,
    )


def _seconds(timed: Any) -> float | None:
    """Return the timestamp of a frame or packet, in seconds."""
    return None if timed.pts is None else float(timed.pts * timed.time_base)
