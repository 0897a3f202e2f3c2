"""Any sample rate and number of channels to 16 kHz mono, block by block.

The result equals `emonet_edge.resample` of the whole, bit for bit, however it is cut into blocks:
both are soxr's linear-phase filter in its quality HQ. The filter looks ahead, so what is fed comes
out up to 0.05 s later (0.12 s from 8 kHz); `flush` gives the rest.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emonet_edge._extras import soxr
from emonet_edge.audio import MAX_CHANNELS, SAMPLE_RATE, checked_rate
from emonet_edge.exceptions import AudioError

__all__ = ["LOUDEST", "MonoStream"]

LOUDEST: Final = 64.0
"""The greatest sample that is believed, in full scales: 36 dB above what a converter gives."""

_FULL_SCALES = {"int16": 32768.0, "int32": 2147483648.0, "float32": 1.0, "float64": 1.0}


class MonoStream:
    """Averages channels and resamples to 16 kHz, keeping what it needs between blocks.

    A sample that is NaN or infinite, as drivers give them after a fault, becomes silence, and
    `silenced` counts those values. One beyond `LOUDEST` means that the scale is wrong (integers
    cast to float): that is an error, and nothing of its block is taken.

    Args:
        sample_rate: of the blocks, in Hz, 1000 to 768000.
        channels: 1 to 32.

    Raises:
        AudioError: the sample rate or the number of channels is out of range.
        MissingExtraError: the sample rate is not 16000 and soxr is not installed.
    """

    def __init__(self, sample_rate: float, channels: int = 1) -> None:
        self.sample_rate = checked_rate(sample_rate)
        self.channels = _checked_channels(channels)
        self.silenced = 0
        self._resampler = self._make_resampler()

    def feed(self, block: NDArray[Any]) -> NDArray[np.float32]:
        """Take the next samples and return those that are ready.

        Args:
            block: int16, int32, float32 or float64 (full scale at 1.0), [n] or [n, channels];
                n may be 0. It is not kept.

        Returns:
            float32 [m] at 16 kHz, in memory of its own.

        Raises:
            AudioError: no array, of another type or shape, or with a sample beyond `LOUDEST`.
                The stream is as it was before.
        """
        mono = self._mono(self._scaled(block))
        if self._resampler is None:
            return mono
        out: NDArray[np.float32] = self._resampler.resample_chunk(mono)
        return out

    def flush(self) -> NDArray[np.float32]:
        """Return what is still inside, float32 [m], and be ready for a new beginning.

        All that came out since the last flush is n * 16000 / sample_rate samples, rounded.
        """
        if self._resampler is None:
            return np.empty(0, np.float32)
        rest: NDArray[np.float32] = self._resampler.resample_chunk(
            np.empty(0, np.float32), last=True
        )
        self._resampler = self._make_resampler()
        return rest

    def _make_resampler(self) -> Any:
        if self.sample_rate == SAMPLE_RATE:
            return None
        return soxr().ResampleStream(self.sample_rate, SAMPLE_RATE, 1, dtype="float32")

    def _scaled(self, block: NDArray[Any]) -> NDArray[np.float32]:
        """Check a block and return it as float32 [n, channels], finite, full scale at 1.0."""
        scale = _FULL_SCALES.get(block.dtype.name) if isinstance(block, np.ndarray) else None
        if scale is None:
            raise AudioError(
                "a block must be a numpy array of int16, int32, float32 or float64; got "
                f"{getattr(block, 'dtype', type(block).__name__)}; convert it first"
            )
        if not 1 <= block.ndim <= 2 or (block.shape[1:] or (1,)) != (self.channels,):
            raise AudioError(
                f"a block of this stream must be [n, {self.channels}]; got shape {block.shape}; "
                "give a stream with another number of channels a MonoStream of its own"
            )
        samples = block.reshape(-1, self.channels)
        if scale != 1.0:
            return np.asarray(samples / np.float32(scale), np.float32)
        return self._believable(samples)

    def _believable(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        peak = float(np.abs(samples).max(initial=0.0))  # NaN if there is one
        if not peak <= LOUDEST:
            finite = np.isfinite(samples)
            peak = float(np.abs(samples[finite]).max(initial=0.0))
            if peak > LOUDEST:
                raise AudioError(
                    f"a sample must be float with full scale at 1.0; got one of {peak:g}; divide "
                    "by the full scale (32768 for 16-bit samples)"
                )
            self.silenced += samples.size - int(finite.sum())
            samples = np.where(finite, samples, 0)
        return samples.astype(np.float32)

    def _mono(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.channels == 1:
            return samples[:, 0]
        mono: NDArray[np.float32] = samples.mean(axis=1)
        return mono


def _checked_channels(channels: int) -> int:
    if isinstance(channels, bool) or not isinstance(channels, int):
        raise AudioError(f"a number of channels is a whole number; got {channels!r}")
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(
            f"a recording has 1 to {MAX_CHANNELS} channels; got {channels}: choose among them"
        )
    return channels
