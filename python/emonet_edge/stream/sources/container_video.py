"""Pictures out of an ffmpeg container: files, pipes, network cameras."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from emonet_edge.exceptions import MediaError
from emonet_edge.image import YuvMatrix
from emonet_edge.stream.clock import Clock
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.sources.byte_stream import ByteStream
from emonet_edge.stream.sources.containers import failure_of, library, open_bytes, pick_stream
from emonet_edge.stream.sources.deferred import DeferredDecoder, stands_alone
from emonet_edge.stream.sources.media_time import MediaTimeline, Pacer
from emonet_edge.stream.sources.pixels import PictureFormat, Planes, picture_format, planes_of
from emonet_edge.stream.sources.source import Source

__all__ = ["ContainerVideo", "VideoFile", "frame_of"]

_DAMAGED_IN_A_ROW = 250  # packets; ten seconds of a network camera until its next key frame
_USUAL_INTERVAL = 1 / 30  # seconds, where a container states no rate


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
        self._pictures: Iterator[tuple[Any, PictureFormat, Callable[[], Planes]]] = iter(())
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
        try:
            yield from self._container.demux(track)
        except Exception as error:  # damaged containers make the demuxers raise almost anything
            raise failure_of(error, self.name) from error

    def _decoded(self, track: Any) -> Iterator[tuple[Any, PictureFormat, Callable[[], Planes]]]:
        """Decode every packet, as a picture that builds on others needs them."""
        av, damaged = library(), 0
        for packet in self._packets(track):
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                damaged += 1
                if damaged > _DAMAGED_IN_A_ROW:
                    raise failure_of(error, self.name) from error
                continue
            for frame in frames:
                damaged = 0
                looks = _looks_of(frame, self._default_matrix)
                yield frame, looks, partial(planes_of, frame, looks)
        self._check_that_something_came()

    def _deferred(self, track: Any) -> Iterator[tuple[Any, PictureFormat, Callable[[], Planes]]]:
        """Hand over packets that are decoded if somebody looks."""
        decoder = DeferredDecoder(track.codec_context, self.name)
        is_jpeg = track.codec_context.name == "mjpeg"
        default_matrix = "bt601" if is_jpeg else self._default_matrix
        looks = None
        for packet in self._packets(track):
            if not packet.size:
                continue
            if looks is None:
                looks = _looks_of(decoder.first_frame(packet), default_matrix)
            yield packet, looks, partial(decoder.planes, packet, looks)
        self._check_that_something_came()

    def _check_that_something_came(self) -> None:
        if not self._seq:
            raise MediaError(
                f"{self.name} holds no picture that can be decoded: it is damaged or cut short"
            )


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
