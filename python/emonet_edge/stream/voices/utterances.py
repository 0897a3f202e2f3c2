"""Utterances: what is said between two pauses, cut into what the voice model can hear.

The voice model hears at most 30 s. A longer utterance is followed by a window that slides: every
result of it describes the last `window_s` of what has been said, and the final one the last
`window_s` of the whole. A kiosk that wants each part of a long talk takes the updates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emonet_edge.audio import SAMPLE_RATE, WINDOW_S
from emonet_edge.exceptions import InputError
from emonet_edge.stream.voices.sample_ring import SampleRing
from emonet_edge.stream.voices.speech import (
    SpeechChange,
    SpeechOptions,
    SpeechSegmenter,
    check_number,
    check_samples,
)
from emonet_edge.stream.voices.vad import CHUNK

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["UtteranceJob", "UtteranceOptions", "Utterances"]


@dataclass(frozen=True)
class UtteranceOptions:
    """How speech becomes jobs for the voice model; durations in seconds.

    Args:
        speech: what counts as speech, pre-roll and post-roll.
        window_s: the longest stretch that is scored at once, 1 to 30, pre-roll and post-roll
            included. 30 is what the model hears.
        hop_s: an update is due each time this much more has been said, 0.1 to 3600; None:
            final results only. Every update costs a run of the encoder; 3 s is about a sentence.

    Raises:
        InputError: one of them is out of range.
    """

    speech: SpeechOptions = field(default_factory=SpeechOptions)
    window_s: float = float(WINDOW_S)
    hop_s: float | None = 3.0

    def __post_init__(self) -> None:
        check_number("window_s", self.window_s, 1, WINDOW_S)
        if self.hop_s is not None:
            check_number("hop_s", self.hop_s, 0.1, 3600)


@dataclass(frozen=True, eq=False)
class UtteranceJob:
    """A stretch of an utterance to be scored.

    `seq` numbers utterances from 0; `update` is 0 for the first job of one, then 1, 2, ...;
    `final`: it is over, and this is its only final job. `start` and `end` bound the speech in
    `waveform`, in seconds of the stream's clock; `waveform` is float32 [n] at 16 kHz, at most
    `window_s` long, with the pre-roll before `start` and, in the final job, the post-roll after
    `end`. It belongs to the receiver.
    """

    seq: int
    update: int
    final: bool
    start: float
    end: float
    waveform: NDArray[np.float32] = field(repr=False)


class Utterances:
    """Cuts a stream of 16 kHz samples into utterances, in memory of a fixed size.

    The jobs do not depend on how the stream is cut into blocks.

    Args:
        options: how.
        first_sample: the position of the first sample that will be fed; position / 16000 is the
            time in seconds on the stream's clock.

    Raises:
        DeviceError, IntegrityError: as for `VoiceActivityDetector`.
    """

    def __init__(self, options: UtteranceOptions | None = None, first_sample: int = 0) -> None:
        self.options = options or UtteranceOptions()
        speech = self.options.speech
        self._window = round(self.options.window_s * SAMPLE_RATE)
        self._pre_roll = round(speech.pre_roll_s * SAMPLE_RATE)
        self._post_roll = round(speech.post_roll_s * SAMPLE_RATE)
        self._hop = None if self.options.hop_s is None else round(self.options.hop_s * SAMPLE_RATE)
        self._segmenter = SpeechSegmenter(speech, first_sample)
        hangover = round(speech.min_silence_s * SAMPLE_RATE)
        # The window of a final job ends up to a hangover and two chunks before the newest sample.
        self._ring = SampleRing(self._window + hangover + 2 * CHUNK, first_sample)
        self._seq = 0
        self._begin: int | None = None  # of the utterance that goes on
        self._told = first_sample  # what was said before it belongs to the utterance before
        self._update = 0
        self._due = 0  # the next update is due when speech has reached this position

    @property
    def position(self) -> int:
        """The position of the next sample that will be fed."""
        return self._segmenter.position

    @property
    def speaking(self) -> bool:
        """Whether an utterance goes on (for certain, and its hangover has not passed)."""
        return self._begin is not None

    def feed(self, samples: NDArray[np.float32]) -> list[UtteranceJob]:
        """Take the next samples, float32 [n] at 16 kHz, and return the jobs that are due.

        Raises:
            AudioError: not float32 [n], or a sample is NaN or infinite. Nothing was taken.
            DeviceError: the CPU failed.
        """
        check_samples(samples)
        # A chunk at a time, so that the ring holds what a job needs however long the block is.
        pieces = (samples[at : at + CHUNK] for at in range(0, len(samples), CHUNK))
        return [job for piece in pieces for job in self._feed_piece(piece)]

    def flush(self) -> list[UtteranceJob]:
        """End the utterance that goes on, if any; what is fed next begins a new one."""
        return list(self._jobs(self._segmenter.flush()))

    def reset(self, first_sample: int) -> list[UtteranceJob]:
        """Flush, and go on at another position, after a gap in the source.

        Raises:
            InputError: the position has been passed: the stream's time only goes on.
        """
        if first_sample < self.position:
            raise InputError(
                f"a stream goes on at sample {self.position} or later; got {first_sample}"
            )
        jobs = self.flush()
        self._segmenter.reset(first_sample)
        self._ring.restart(first_sample)
        return jobs

    def _feed_piece(self, piece: NDArray[np.float32]) -> Iterator[UtteranceJob]:
        self._ring.append(piece)
        yield from self._jobs(self._segmenter.feed(piece))
        speech = self._segmenter.speech
        if speech is not None and self._hop is not None and speech[1] >= self._due:
            self._due = speech[1] + self._hop
            yield self._job(speech[1], speech[1], final=False)

    def _jobs(self, changes: list[SpeechChange]) -> Iterator[UtteranceJob]:
        for change in changes:
            if change.speaking:
                self._begin = change.position
                self._due = change.position + (self._hop or 0)
            else:
                stop = min(change.position + self._post_roll, self._ring.stop)
                yield self._job(change.position, stop, final=True)
                self._begin, self._told = None, change.position
                self._seq, self._update = self._seq + 1, 0

    def _job(self, end: int, stop: int, final: bool) -> UtteranceJob:
        assert self._begin is not None
        first = max(self._begin - self._pre_roll, self._told, self._ring.start, stop - self._window)
        job = UtteranceJob(
            seq=self._seq,
            update=self._update,
            final=final,
            start=max(self._begin, first) / SAMPLE_RATE,
            end=end / SAMPLE_RATE,
            waveform=self._ring.copy(first, stop),
        )
        self._update += 1
        return job
