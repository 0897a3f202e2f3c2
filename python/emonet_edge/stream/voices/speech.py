"""When somebody speaks: from 16 kHz sound to the beginnings and ends of speech.

Positions are samples at 16 kHz on the stream's own count, Python ints, which never wrap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from numbers import Real
from typing import TYPE_CHECKING, Final

import numpy as np

from emonet_edge.audio import SAMPLE_RATE, resample
from emonet_edge.exceptions import AudioError, InputError
from emonet_edge.stream.voices.vad import CHUNK, VoiceActivityDetector

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SpeechChange", "SpeechOptions", "SpeechSegmenter", "segment_speech"]

_REFRESH: Final = 20 * SAMPLE_RATE  # samples of quiet, see VoiceActivityDetector.refresh


@dataclass(frozen=True)
class SpeechOptions:
    """What counts as speech. Probabilities are 0 to 1, durations are in seconds.

    Args:
        threshold: speech begins with a chunk (32 ms) at least this probable. 0.5 is what the
            model was trained for; higher in a loud hall.
        release: it goes on while chunks are at least this probable; lower than `threshold`, so
            that a soft syllable does not cut a word. Below 0.25 music keeps it going: ends behind
            a tune 5 to 20 dB below the voice were then up to 1.1 s late.
        min_speech_s: less than this at or above `threshold` is a cough, a door or a click, and is
            no speech: the shortest answers ("yes") last 0.3 s.
        min_silence_s: the hangover: a shorter pause belongs to the speech. Pauses for breath and
            between clauses last 0.2 to 0.5 s; every final result comes this much later.
        pre_roll_s: sound before the beginning that is scored with it: unvoiced consonants and
            drawn breath, which the detector notices late.
        post_roll_s: sound after the end that is scored with it; at most `min_silence_s`.

    Raises:
        InputError: one of them is out of range.
    """

    threshold: float = 0.5
    release: float = 0.35
    min_speech_s: float = 0.25
    min_silence_s: float = 0.6
    pre_roll_s: float = 0.3
    post_roll_s: float = 0.2

    def __post_init__(self) -> None:
        for field in fields(self):
            check_number(field.name, getattr(self, field.name), 0, 60)
        if not 0 < self.release <= self.threshold < 1:
            raise InputError(
                "speech needs 0 < release <= threshold < 1; got release "
                f"{self.release} and threshold {self.threshold}"
            )
        if self.post_roll_s > self.min_silence_s:
            raise InputError(
                f"post_roll_s is at most min_silence_s, which is {self.min_silence_s} s; "
                f"got {self.post_roll_s} s: nothing later has been heard when speech ends"
            )


@dataclass(frozen=True)
class SpeechChange:
    """Speech began (`speaking`) or ended at `position`, a sample; known once `heard` was."""

    speaking: bool
    position: int
    heard: int


class SpeechSegmenter:
    """Finds speech in a stream. The answer does not depend on how the stream is cut into blocks.

    Args:
        options: what counts as speech.
        first_sample: the position of the first sample that will be fed.

    Raises:
        DeviceError, IntegrityError: as for `VoiceActivityDetector`.
    """

    def __init__(self, options: SpeechOptions | None = None, first_sample: int = 0) -> None:
        self.options = options or SpeechOptions()
        self._detector = VoiceActivityDetector()
        self._gate = _Gate(self.options)
        self._pending = np.empty(CHUNK, np.float32)
        self._filled = 0  # of `_pending`, which holds what has not been judged yet
        self._restart(first_sample)

    @property
    def position(self) -> int:
        """The position of the next sample that will be fed."""
        return self._judged + self._filled

    @property
    def speech(self) -> tuple[int, int] | None:
        """Beginning and end so far of the speech that goes on, or None."""
        gate = self._gate
        return (gate.begin, gate.end) if gate.speaking else None

    def feed(self, samples: NDArray[np.float32]) -> list[SpeechChange]:
        """Take the next samples, float32 [n] at 16 kHz, and return what changed, in order.

        A beginning is known `min_speech_s` after it, an end `min_silence_s` after it.

        Raises:
            AudioError: not float32 [n], or a sample is NaN or infinite. Nothing was taken.
            DeviceError: the CPU failed.
        """
        check_samples(samples)
        return [change for chunk in self._chunks(samples) for change in self._judge(chunk, CHUNK)]

    def flush(self) -> list[SpeechChange]:
        """End the speech that goes on, as if the stream were over; the next begins anew."""
        changes = []
        length, self._filled = self._filled, 0
        if length:
            self._pending[length:] = 0
            changes += self._judge(self._pending, length)
        ended = self._gate.close(self.position)
        if ended:
            changes.append(ended)
        self._restart(self._judged)
        return changes

    def reset(self, first_sample: int) -> list[SpeechChange]:
        """Flush, and go on at another position: samples were lost, or the source is another."""
        changes = self.flush()
        self._restart(first_sample)
        return changes

    def _restart(self, position: int) -> None:
        self._judged = position  # samples before it have been judged
        self._filled = 0
        self._refreshed = position
        self._detector.reset()

    def _chunks(self, samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Yield every chunk that is full; what remains waits in `_pending`."""
        taken = 0
        while self._filled + len(samples) - taken >= CHUNK:
            upto = taken + CHUNK - self._filled
            self._pending[self._filled :] = samples[taken:upto]
            self._filled, taken = 0, upto
            yield self._pending
        rest = samples[taken:]
        self._pending[self._filled : self._filled + len(rest)] = rest
        self._filled += len(rest)

    def _judge(self, chunk: NDArray[np.float32], length: int) -> list[SpeechChange]:
        """Judge a chunk, of which `length` samples are sound and the others padding."""
        begin, self._judged = self._judged, self._judged + length  # even if the device fails
        change = self._gate.step(self._detector.probability(chunk), begin, self._judged)
        over = change is not None and not change.speaking
        if over or (self._gate.quiet and self._judged - self._refreshed >= _REFRESH):
            self._detector.refresh()
            self._refreshed = self._judged
        return [] if change is None else [change]


class _Gate:
    """Hysteresis: from the probabilities of chunks to beginnings and ends."""

    def __init__(self, options: SpeechOptions) -> None:
        self._threshold, self._release = options.threshold, options.release
        self._min_speech = _samples(options.min_speech_s)
        self._min_silence = _samples(options.min_silence_s)
        self._forget()

    def _forget(self) -> None:
        self.quiet = True  # no chunk that could belong to speech within the hangover
        self.speaking = False  # for certain
        self.begin = self.end = 0
        self._voiced = 0  # samples at or above the threshold

    def step(self, probability: float, begin: int, end: int) -> SpeechChange | None:
        """Take the probability of the samples from `begin` to `end`."""
        if probability >= self._threshold:
            if self.quiet:
                self.quiet, self.begin = False, begin
            self._voiced += end - begin
        if not self.quiet and probability >= self._release:
            self.end = end
            if not self.speaking and self._voiced >= self._min_speech:
                self.speaking = True
                return SpeechChange(True, self.begin, end)
        elif not self.quiet and end - self.end >= self._min_silence:
            return self.close(end)
        return None

    def close(self, heard: int) -> SpeechChange | None:
        """End what goes on; None if it was no speech."""
        ended = SpeechChange(False, self.end, heard) if self.speaking else None
        self._forget()
        return ended


def segment_speech(
    waveform: NDArray[np.float32], sample_rate: float, options: SpeechOptions | None = None
) -> list[tuple[float, float]]:
    """Find the speech in a recording.

    Args:
        waveform: float32 or float64, [n] or [n, channels], full scale at 1.0.
        sample_rate: of the waveform, in Hz, 1000 to 768000.
        options: what counts as speech; pre-roll and post-roll do not widen the times.

    Returns:
        (start, end) of each stretch of speech in seconds, in order, apart by at least
            `options.min_silence_s`; empty if nobody speaks. They are right within 0.2 s in a
            quiet room; recordings at 8 kHz lack the consonants that tell a soft beginning, which
            may come later.

    Raises:
        AudioError: as for `emonet_edge.resample`.
        MissingExtraError: the sample rate is not 16000 and soxr is not installed.
        DeviceError, IntegrityError: as for `VoiceActivityDetector`.
    """
    segmenter = SpeechSegmenter(options)
    changes = segmenter.feed(resample(waveform, sample_rate)) + segmenter.flush()
    starts = [change.position for change in changes if change.speaking]
    ends = [change.position for change in changes if not change.speaking]
    return [(a / SAMPLE_RATE, b / SAMPLE_RATE) for a, b in zip(starts, ends, strict=True)]


def check_samples(samples: NDArray[np.float32]) -> None:
    """Raise AudioError unless `samples` is float32 [n] and finite."""
    if not isinstance(samples, np.ndarray) or samples.dtype != np.float32 or samples.ndim != 1:
        raise AudioError(
            "samples must be float32 [n] at 16 kHz; got "
            f"{getattr(samples, 'dtype', type(samples).__name__)} "
            f"{list(getattr(samples, 'shape', []))}: convert them with MonoStream"
        )
    # A model with a memory never recovers from one NaN.
    with np.errstate(invalid="ignore"):  # infinity less infinity
        total = samples.sum(dtype=np.float64)
    if not np.isfinite(total):
        raise AudioError("samples must be finite; got NaN or infinity: feed them to MonoStream")


def check_number(name: str, value: object, low: float, high: float) -> None:
    """Raise InputError unless `value` is a number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= float(value) <= high:
        raise InputError(f"{name} is a number from {low:g} to {high:g}; got {value!r}")


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
