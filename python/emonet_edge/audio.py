"""From a waveform to what the voice encoder reads.

A waveform is a one-dimensional float array, mono, 16 kHz, with full scale at 1.0.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emonet_edge import _core
from emonet_edge._extras import soxr
from emonet_edge.exceptions import AudioError

__all__ = [
    "N_FRAMES",
    "N_MELS",
    "SAMPLE_RATE",
    "WINDOW_S",
    "log_mel_spectrogram",
    "resample",
]

SAMPLE_RATE: Final = 16000
"""Samples per second of every waveform that is scored, in Hz."""

WINDOW_S: Final = 30
"""What the encoder hears at once, in seconds."""

N_MELS: Final = 80
"""Mel bands of a spectrogram."""

N_FRAMES: Final = 3000
"""Frames of a spectrogram, one every 10 ms."""

MAX_CHANNELS = 32
_MIN_RATE, _MAX_RATE = 1000, 768000


def log_mel_spectrogram(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute Whisper's log-mel spectrogram of the first 30 s of a waveform.

    The definition is that of Radford et al., "Robust Speech Recognition via Large-Scale Weak
    Supervision" (2022), as in OpenAI's whisper and in transformers.WhisperFeatureExtractor: zeros
    up to 30 s, mirrored ends, periodic Hann window of 400 samples every 160, power spectrum, 80
    mel bands from 0 to 8000 Hz on Slaney's scale with Slaney's normalisation, last frame dropped,
    log10 with a floor of 1e-10, nothing lower than 8 below the greatest value, (x + 4) / 4.

    Args:
        waveform: float32 [n] at 16 kHz, mono, full scale at 1.0. float64 is converted. What lies
            beyond 30 s (480000 samples) is checked, but not used.

    Returns:
        float32 [80, 3000]: mel bands from low to high, frames of 10 ms. No unit; speech lies
        roughly between -1 and 1.5.

    Raises:
        AudioError: The waveform is no array, not one-dimensional, not float, empty, or holds a
            sample that is NaN, infinite or beyond 1e15.
    """
    samples = _float_array(waveform)
    if samples.ndim != 1:
        raise AudioError(
            f"a waveform must be one-dimensional; got shape {samples.shape}; average its channels, "
            "for example with emonet_edge.audio.resample(waveform, 16000)"
        )
    return _core.log_mel_spectrogram(_as_float32(samples))


def resample(waveform: NDArray[np.float32], sample_rate: float) -> NDArray[np.float32]:
    """Average the channels of a recording and bring it to 16 kHz.

    Args:
        waveform: float32 or float64, [n] or [n, channels] with at most 32 channels, full scale
            at 1.0.
        sample_rate: Of the waveform, in Hz, 1000 to 768000.

    Returns:
        float32 [n * 16000 / sample_rate, rounded]: mono at 16 kHz. It may share the waveform's
        memory where there is nothing to do.

    Raises:
        AudioError: The waveform is no array, not float, of another rank, empty, too short to give
            one sample at 16 kHz, or holds a sample that is NaN, infinite or beyond 1e15; or the
            sample rate is not a number from 1000 to 768000.
        MissingExtraError: The sample rate is not 16000 and soxr is not installed.
    """
    rate = checked_rate(sample_rate)
    mono = _as_float32(_mono(_float_array(waveform)))
    _core.check_waveform(mono)
    if rate == SAMPLE_RATE:
        return mono
    resampled: NDArray[np.float32] = soxr().resample(mono, rate, SAMPLE_RATE)
    if resampled.size == 0:
        raise AudioError(
            f"a waveform must last at least one sample at {SAMPLE_RATE} Hz; got {mono.size} "
            f"samples at {rate:g} Hz; skip recordings that short"
        )
    return resampled


def _float_array(waveform: object) -> NDArray[Any]:
    if not isinstance(waveform, np.ndarray):
        raise AudioError(
            f"a waveform must be a numpy array; got {type(waveform).__name__}; convert it with "
            "numpy.asarray(waveform, dtype=numpy.float32)"
        )
    if waveform.dtype.kind in "iu":
        raise AudioError(_integer_message(waveform.dtype))
    if waveform.dtype.kind != "f" or waveform.dtype.itemsize not in (4, 8):
        raise AudioError(
            f"a waveform must be float32 or float64; got {waveform.dtype}; convert it with "
            "waveform.astype(numpy.float32)"
        )
    return waveform


def _integer_message(dtype: np.dtype[Any]) -> str:
    remedy = {
        "int16": "divide it by 32768",
        "int32": "divide it by 2147483648",
        "uint8": "subtract 128 and divide by 128",
    }.get(dtype.name, "divide it by its full scale (32768 for 16-bit samples)")
    return f"a waveform must be float with full scale at 1.0; got {dtype}; {remedy}"


def _mono(samples: NDArray[Any]) -> NDArray[Any]:
    if samples.ndim == 1:
        return samples
    if samples.ndim != 2 or samples.shape[1] == 0:
        raise AudioError(
            f"a recording must be [n] or [n, channels]; got shape {samples.shape}; "
            "pass one recording at a time"
        )
    if samples.shape[1] > MAX_CHANNELS:
        raise AudioError(
            f"a recording must be [n, channels] with at most {MAX_CHANNELS} channels; got shape "
            f"{samples.shape}; if channels come first, pass waveform.T"
        )
    with np.errstate(invalid="ignore", over="ignore"):  # the check that follows names the sample
        return np.asarray(samples.mean(axis=1))


def _as_float32(samples: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # beyond float32 becomes inf, which the check refuses
        return np.require(samples, np.float32, ["C_CONTIGUOUS", "ALIGNED"])


def checked_rate(sample_rate: object) -> float:
    """Return a sample rate as a float from 1000 to 768000. Raises: AudioError."""
    # A bool is a number to Python, and too small to be a rate.
    if isinstance(sample_rate, Real):
        rate = float(sample_rate)
        if math.isfinite(rate) and _MIN_RATE <= rate <= _MAX_RATE:
            return rate
    raise AudioError(
        f"a sample rate must be a number from {_MIN_RATE} to {_MAX_RATE} (Hz); got "
        f"{sample_rate!r}; pass the rate that the recording was made with"
    )
