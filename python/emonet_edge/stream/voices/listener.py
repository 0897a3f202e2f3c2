"""From the blocks of an audio source to utterances on the stream's clock.

A microphone counts samples by its own crystal, which is off by up to 0.01 %: four seconds in ten
hours. So times come from the samples, which are exact from one to the next, and their distance to
the stream's clock follows `captured_at`, which jitters, over ten seconds.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from emonet_edge.audio import SAMPLE_RATE
from emonet_edge.exceptions import AudioError
from emonet_edge.stream.voices.mono import MonoStream
from emonet_edge.stream.voices.utterances import UtteranceJob, UtteranceOptions, Utterances

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Listener", "SampleBlock"]

_FOLLOW_S: Final = 10.0  # jitter of 0.02 s then moves times by less than 0.001 s
_ASTRAY_S: Final = 0.5  # more than jitter: samples were lost uncounted, or come too fast


class SampleBlock(Protocol):
    """Consecutive samples of a source.

    `first_sample` counts them from the source's opening, at its own `sample_rate` in Hz;
    `captured_at` is when the first of them was taken, in seconds of the stream's clock; `samples`
    is what `MonoStream.feed` takes, [n] or [n, channels].
    """

    @property
    def first_sample(self) -> int: ...  # noqa: D102
    @property
    def captured_at(self) -> float: ...  # noqa: D102
    @property
    def sample_rate(self) -> float: ...  # noqa: D102
    @property
    def samples(self) -> NDArray[Any]: ...  # noqa: D102


class Listener:
    """Hears one audio source, through gaps, reopenings and changes of format.

    Where samples are missing (`first_sample` jumps), or rate or channels change, the utterance
    that goes on is finished with what was heard of it, and listening begins anew behind the gap.

    Raises:
        DeviceError, IntegrityError: as for `VoiceActivityDetector`.
    """

    def __init__(self, options: UtteranceOptions | None = None) -> None:
        self._utterances = Utterances(options)
        self._mono: MonoStream | None = None
        self._silenced = 0
        self._origin = (0, 0)  # a sample of the source and the position in `_utterances` it has
        self._next = 0  # sample of the source
        self._offset = 0.0  # stream's clock minus position / 16000, in seconds

    @property
    def speaking(self) -> bool:
        """Whether somebody is speaking, as far as is known."""
        return self._utterances.speaking

    @property
    def silenced(self) -> int:
        """How many values were NaN or infinite and heard as silence."""
        return self._silenced + (self._mono.silenced if self._mono else 0)

    def hear(self, block: SampleBlock) -> list[UtteranceJob]:
        """Take the next block and return the jobs that are due, on the stream's clock.

        Raises:
            AudioError: the block is not what `MonoStream` takes. It counts as a gap.
            MissingExtraError: its rate is not 16000 and soxr is not installed.
            DeviceError: the CPU failed.
        """
        if not math.isfinite(block.captured_at):
            raise AudioError(f"captured_at is a time in seconds; got {block.captured_at}")
        going_on = self._mono if self._continues(block) else None
        mono = going_on or MonoStream(block.sample_rate, _channels(block))
        samples = mono.feed(block.samples)  # a block that is refused must not end an utterance
        jobs = [] if going_on else self._begin(block, mono)
        self._next = block.first_sample + len(block.samples)
        self._follow(block)
        return jobs + self._on_clock(self._utterances.feed(samples))

    def flush(self) -> list[UtteranceJob]:
        """End the utterance that goes on: the source has ended or was lost."""
        rest = [] if self._mono is None else self._utterances.feed(self._mono.flush())
        jobs = self._on_clock(rest + self._utterances.flush())
        if self._mono is not None:
            self._silenced += self._mono.silenced
        self._mono = None
        return jobs

    def _continues(self, block: SampleBlock) -> bool:
        mono = self._mono
        return (
            mono is not None
            and block.first_sample == self._next
            and block.sample_rate == mono.sample_rate
            and _channels(block) == mono.channels
        )

    def _begin(self, block: SampleBlock, mono: MonoStream) -> list[UtteranceJob]:
        """Finish what was heard and be ready for a block that does not continue it."""
        before = self._mono
        jobs = self.flush()
        position = self._utterances.position
        missing = block.first_sample - self._next
        counted = before is not None and before.sample_rate == mono.sample_rate and missing > 0
        if counted:
            position += round(missing * SAMPLE_RATE / mono.sample_rate)
        self._mono = mono
        self._origin = (block.first_sample, position)
        measured = self._measured(block)
        if not counted or abs(measured - self._offset) > _ASTRAY_S:
            self._offset = measured
        self._utterances.reset(position)
        return jobs

    def _measured(self, block: SampleBlock) -> float:
        """Return the distance of the stream's clock to the samples' by this block alone."""
        sample, position = self._origin
        seconds = (block.first_sample - sample) / float(block.sample_rate)
        return block.captured_at - (position / SAMPLE_RATE + seconds)

    def _follow(self, block: SampleBlock) -> None:
        error = self._measured(block) - self._offset
        if abs(error) <= _ASTRAY_S:
            seconds = len(block.samples) / float(block.sample_rate)
            self._offset += error * min(1.0, seconds / _FOLLOW_S)
        elif error > 0 and not self.speaking:
            # Samples were lost without being counted. The opposite, samples ahead of the clock,
            # are a recording that is fed faster than time: its own count is right.
            self._offset += error

    def _on_clock(self, jobs: list[UtteranceJob]) -> list[UtteranceJob]:
        shift = self._offset
        return [replace(job, start=job.start + shift, end=job.end + shift) for job in jobs]


def _channels(block: SampleBlock) -> int:
    samples = block.samples
    return samples.shape[1] if isinstance(samples, np.ndarray) and samples.ndim == 2 else 1
