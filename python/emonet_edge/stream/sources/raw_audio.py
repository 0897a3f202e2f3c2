"""Raw samples on a pipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from emonet_edge.exceptions import InputError
from emonet_edge.media import MAX_CHANNELS, SAMPLE_RATES
from emonet_edge.stream.clock import Clock
from emonet_edge.stream.sources.byte_stream import ByteStream
from emonet_edge.stream.sources.media_time import Pacer
from emonet_edge.stream.sources.source import AudioBlock, Source

__all__ = ["RawAudio", "SampleLayout"]

_BLOCK_S = 0.032
_TYPES: dict[str, np.dtype[Any]] = {"s16le": np.dtype("<i2"), "f32le": np.dtype("<f4")}


@dataclass(frozen=True)
class SampleLayout:
    """How raw samples lie in a pipe: the channels of one moment side by side.

    Args:
        sample_format: "s16le" (16-bit integers) or "f32le" (floats, full scale at 1.0).
        sample_rate: in Hz.
        channels: per sample.

    Raises:
        InputError: another format, or a rate or number of channels that no sound has.
    """

    sample_format: str
    sample_rate: int
    channels: int = 1

    def __post_init__(self) -> None:
        low, high = SAMPLE_RATES
        if self.sample_format not in _TYPES:
            raise InputError(
                f"raw samples must be {' or '.join(_TYPES)}; got {self.sample_format!r}; "
                "have them converted"
            )
        if not (low <= self.sample_rate <= high and 1 <= self.channels <= MAX_CHANNELS):
            raise InputError(
                f"raw samples must have {low} to {high} Hz and 1 to {MAX_CHANNELS} channels; got "
                f"{self.sample_rate} Hz and {self.channels} channels; state what the writer writes"
            )

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of one value."""
        return _TYPES[self.sample_format]


class RawAudio(Source[AudioBlock]):
    """Samples of a stated layout from a pipe, a FIFO or a file.

    Args:
        path: a file or FIFO, or "-" for standard input.
        layout: of the samples.
        clock: the stream's.
        pacer: for files; None, for pipes: a block was heard when it arrives.
    """

    def __init__(
        self, path: str, layout: SampleLayout, clock: Clock, pacer: Pacer | None = None
    ) -> None:
        super().__init__("standard input" if path == "-" else path)
        self._path = path
        self._layout = layout
        self._clock = clock
        self._pacer = pacer
        self._bytes: ByteStream | None = None
        self._next = 0

    def _open(self) -> None:
        self._bytes = ByteStream(self._path, self._stop)

    def _read(self) -> AudioBlock | None:
        assert self._bytes is not None
        layout = self._layout
        size = layout.dtype.itemsize * layout.channels
        buffer = bytearray(size * max(1, int(_BLOCK_S * layout.sample_rate)))
        filled = self._bytes.read_into(memoryview(buffer))
        count = filled // size  # the last sample of a pipe may be cut in two
        if self.closed or not count:
            return None
        values = np.frombuffer(buffer, layout.dtype, count * layout.channels)
        scale = np.float32(1 / 32768) if layout.dtype.kind == "i" else np.float32(1)
        samples = values.astype(np.float32) * scale
        return self._block(samples if layout.channels == 1 else samples.reshape(count, -1))

    def _block(self, samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> AudioBlock:
        rate, first = self._layout.sample_rate, self._next
        self._next += len(samples)
        if self._pacer is None:
            captured_at = self._clock.now() - len(samples) / rate
        else:
            captured_at = self._pacer.hand_over(self._stop, first / rate, self._next / rate)
        return AudioBlock(first, captured_at, rate, samples)

    def _release(self) -> None:
        if self._bytes is not None:
            self._bytes.release()
            self._bytes = None
