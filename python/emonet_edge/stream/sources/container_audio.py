"""Sound out of an ffmpeg container: sound files, the sound of video files, pipes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from emonet_edge.exceptions import MediaError
from emonet_edge.media import MAX_CHANNELS, SAMPLE_RATES
from emonet_edge.stream.clock import Clock
from emonet_edge.stream.sources.byte_stream import ByteStream
from emonet_edge.stream.sources.containers import frames_of, open_bytes, packets_of, pick_stream
from emonet_edge.stream.sources.media_time import Pacer
from emonet_edge.stream.sources.source import AudioBlock, Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AudioFile"]

_GAP_S = 0.05  # timestamps of whole recordings jitter by less
_LONGEST_GAP_S = 10.0  # a timestamp that leaps further is damaged


class AudioFile(Source[AudioBlock]):
    """A sound file, the best sound track of a video file, or either on a pipe.

    Args:
        path: a file or FIFO, or "-" for standard input.
        clock: the stream's.
        pacer: makes the recording's times and waits until a block has been heard; None, for pipes:
            a block was heard when it arrives.
    """

    def __init__(self, path: str, clock: Clock, pacer: Pacer | None) -> None:
        super().__init__("standard input" if path == "-" else path)
        self._path = path
        self._clock = clock
        self._pacer = pacer
        self._bytes: ByteStream | None = None
        self._container: Any = None
        self._frames: Iterator[Any] = iter(())
        self._begins: float | None = None
        self._block: AudioBlock | None = None

    def _open(self) -> None:
        self._bytes = ByteStream(self._path, self._stop)
        self._container = open_bytes(self._bytes)
        track = pick_stream(self._container, "audio", self.name, 1)
        begins = self._container.start_time
        self._begins = None if begins is None else begins / 1e6
        self._frames = frames_of(packets_of(self._container, track, self.name), self.name)

    def _read(self) -> AudioBlock | None:
        for frame in self._frames:
            if self.closed:
                break
            self._block = self._block_of(frame)
            return self._block
        return None

    def _release(self) -> None:
        self._frames = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None
        if self._bytes is not None:
            self._bytes.release()
            self._bytes = None

    def _block_of(self, frame: Any) -> AudioBlock:
        rate = int(frame.sample_rate)
        _check_sound(rate, frame.layout.nb_channels, self.name)
        samples = _float_samples(frame)
        first = self._first_sample(frame, rate)
        begins, ends = first / rate, (first + len(samples)) / rate
        if self._pacer is None:
            captured_at = self._clock.now() - (ends - begins)
        else:
            captured_at = self._pacer.hand_over(self._stop, begins, ends)
        return AudioBlock(first, captured_at, rate, samples)

    def _first_sample(self, frame: Any, rate: int) -> int:
        """Number a frame: after the one before, or later where the recording has a gap."""
        after = 0
        if self._block is not None:
            after = self._block.end_sample * rate // self._block.sample_rate
        if frame.pts is None or self._begins is None or self._pacer is None:
            return after
        stamped = round((float(frame.pts * frame.time_base) - self._begins) * rate)
        return stamped if _GAP_S * rate < stamped - after < _LONGEST_GAP_S * rate else after


def _check_sound(rate: int, channels: int, name: str) -> None:
    low, high = SAMPLE_RATES
    if not (low <= rate <= high and 1 <= channels <= MAX_CHANNELS):
        raise MediaError(
            f"{name}: sound must have {low:,} to {high:,} Hz and at most {MAX_CHANNELS} channels; "
            f"got {rate:,} Hz and {channels} channels: the file is damaged, or mix it down"
        )


def _float_samples(frame: Any) -> NDArray[np.float32]:
    """Return float32 [n] or [n, channels], full scale at 1.0."""
    values = frame.to_ndarray()
    channels = frame.layout.nb_channels
    values = values.T if frame.format.is_planar else values.reshape(-1, channels)
    if values.dtype == np.uint8:
        samples = (values.astype(np.float32) - 128.0) / 128.0
    elif values.dtype.kind == "i":
        samples = values.astype(np.float32) / -float(np.iinfo(values.dtype).min)
    else:
        samples = values.astype(np.float32)
    return samples[:, 0] if channels == 1 else np.ascontiguousarray(samples)
