"""The two lanes of a session, face and voice: in threads of their own, or in the caller's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from emonet_edge.stream.clock import Clock, ManualClock
from emonet_edge.stream.faces.lane import FaceLane
from emonet_edge.stream.faces.worker import FaceWorker
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.options import LiveOptions
from emonet_edge.stream.publisher import Publisher
from emonet_edge.stream.turns import Turns
from emonet_edge.stream.voices.lane import VoiceLane
from emonet_edge.stream.voices.listener import Listener, SampleBlock
from emonet_edge.stream.voices.utterances import UtteranceJob
from emonet_edge.stream.voices.worker import VoiceWorker

__all__ = ["Lanes", "end_of", "inline_lanes", "threaded_lanes"]


class Faces(Protocol):
    """Takes frames, and publishes what became of each."""

    def submit(self, frame: Frame) -> None:
        """Take a frame."""

    def close(self) -> None:
        """Drop what waits, and end the threads."""


class Voices(Protocol):
    """Takes sound, and publishes what became of each utterance in it."""

    @property
    def lost_s(self) -> float:
        """Seconds of sound that were lost because they came too fast."""

    def submit(self, block: SampleBlock) -> None:
        """Take a block of sound."""

    def flush(self, timeout: float | None = None) -> bool:
        """End the utterance that goes on; False: it took longer than `timeout` seconds."""

    def close(self) -> None:
        """Drop what waits, and end the threads."""


@dataclass(frozen=True)
class Lanes:
    """Where frames and sound go in; a lane that is None takes nothing."""

    faces: Faces | None
    voices: Voices | None
    turns: Turns
    publisher: Publisher

    @property
    def lost_s(self) -> float:
        """Seconds of sound that were lost because they came too fast."""
        return 0.0 if self.voices is None else self.voices.lost_s

    def flush(self, timeout: float | None = None) -> bool:
        """End the utterance that goes on, and see everything through; False: it took longer.

        The timeout, in seconds, holds for each of the two.
        """
        heard = self.voices is None or self.voices.flush(timeout)
        return heard and self.publisher.wait_for_outcomes(timeout)

    def close(self) -> None:
        """Drop what waits, and end the threads."""
        self.turns.close()
        for lane in (self.faces, self.voices):
            if lane is not None:
                lane.close()


def threaded_lanes(
    face: FaceLane | None,
    voice: tuple[Listener, VoiceLane] | None,
    publisher: Publisher,
    clock: Clock,
    options: LiveOptions,
) -> Lanes:
    """Frames and sound are taken in at once; the work is done in four threads."""
    turns = Turns()
    limits = options.max_waiting_sound_s, options.max_waiting_utterances
    return Lanes(
        FaceWorker(face, publisher, turns, clock) if face else None,
        VoiceWorker(*voice, publisher, turns, clock, *limits) if voice else None,
        turns,
        publisher,
    )


def inline_lanes(
    face: FaceLane | None,
    voice: tuple[Listener, VoiceLane] | None,
    publisher: Publisher,
    clock: Clock,
) -> Lanes:
    """Everything is done before the call returns: for recordings, simulations and tests.

    A `ManualClock` is moved on to the time of what comes in.
    """
    return Lanes(
        _InlineFaces(face, publisher, clock) if face else None,
        _InlineVoices(*voice, publisher, clock) if voice else None,
        Turns(),
        publisher,
    )


class _InlineFaces:
    def __init__(self, lane: FaceLane, publisher: Publisher, clock: Clock) -> None:
        self._lane, self._publisher, self._clock = lane, publisher, clock

    def submit(self, frame: Frame) -> None:
        """See `Faces`."""
        _move_on(self._clock, frame.captured_at)
        self._publisher.submit_frame(frame.seq)
        self._publisher.publish_frame(*self._lane.process(frame, self._clock.now()))

    def close(self) -> None:
        """Nothing waits here."""


class _InlineVoices:
    lost_s = 0.0

    def __init__(
        self, listener: Listener, lane: VoiceLane, publisher: Publisher, clock: Clock
    ) -> None:
        self._listener, self._lane = listener, lane
        self._publisher, self._clock = publisher, clock

    def submit(self, block: SampleBlock) -> None:
        """See `Voices`.

        Raises:
            AudioError, MissingExtraError, DeviceError: as `Listener.hear`.
        """
        _move_on(self._clock, end_of(block))
        self._score(self._listener.hear(block))
        self._publisher.tick()

    def flush(self, timeout: float | None = None) -> bool:
        """See `Voices`; it is done at once."""
        self._score(self._listener.flush())
        return True

    def close(self) -> None:
        """Drop the utterance that goes on."""
        for job in self._listener.flush():
            now = self._clock.now()
            self._publisher.submit_utterance(job.seq, job.update)
            work = self._lane.begin(job, now)
            self._publisher.publish_utterance(self._lane.dropped(work, now, "closed"))

    def _score(self, jobs: list[UtteranceJob]) -> None:
        for job in jobs:
            self._publisher.submit_utterance(job.seq, job.update)
            self._publisher.publish_utterance(*self._lane.process(job, self._clock.now()))


def _move_on(clock: Clock, at: float) -> None:
    if isinstance(clock, ManualClock) and at > clock.now():
        clock.advance_to(at)


def end_of(block: SampleBlock) -> float:
    """Return when the last sample of a block was heard, in seconds of the stream's clock."""
    return block.captured_at + len(block.samples) / float(block.sample_rate)
