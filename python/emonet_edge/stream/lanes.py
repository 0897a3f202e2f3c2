"""The two lanes of a session, face and voice: in threads of their own, or in the caller's."""

from __future__ import annotations

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

__all__ = ["InlineLanes", "Lanes", "ThreadedLanes", "end_of"]


class Lanes(Protocol):
    """What takes frames and sound in, and publishes what became of them."""

    @property
    def lost_s(self) -> float:
        """Seconds of sound that were lost because they came too fast."""

    def frame(self, frame: Frame) -> None:
        """Take a frame."""

    def sound(self, block: SampleBlock) -> None:
        """Take a block of sound."""

    def flush(self, timeout: float | None = None) -> bool:
        """End the utterance that goes on, and see everything through; False: it took longer."""

    def close(self) -> None:
        """Drop what waits, and end the threads."""


class ThreadedLanes:
    """Frames and sound are taken in at once; the work is done in four threads.

    A lane that is None takes nothing.
    """

    def __init__(
        self,
        face: FaceLane | None,
        voice: VoiceLane | None,
        listener: Listener | None,
        publisher: Publisher,
        clock: Clock,
        options: LiveOptions,
    ) -> None:
        self._publisher = publisher
        self._turns = Turns()
        self._faces = self._voice = None
        if face is not None:
            self._faces = FaceWorker(face, publisher, self._turns, clock)
        if voice is not None and listener is not None:
            limits = options.max_waiting_sound_s, options.max_waiting_utterances
            self._voice = VoiceWorker(listener, voice, publisher, self._turns, clock, *limits)

    @property
    def lost_s(self) -> float:
        """See `Lanes`."""
        return 0.0 if self._voice is None else self._voice.lost_s

    def frame(self, frame: Frame) -> None:
        """See `Lanes`."""
        assert self._faces is not None
        self._faces.submit(frame)

    def sound(self, block: SampleBlock) -> None:
        """See `Lanes`."""
        assert self._voice is not None
        self._voice.submit(block)

    def flush(self, timeout: float | None = None) -> bool:
        """See `Lanes`; the timeout, in seconds, holds for each of its two halves."""
        heard = self._voice is None or self._voice.flush(timeout)
        return heard and self._publisher.wait_for_outcomes(timeout)

    def close(self) -> None:
        """See `Lanes`."""
        self._turns.close()
        for worker in (self._faces, self._voice):
            if worker is not None:
                worker.close()


class InlineLanes:
    """Everything is done before the call returns: for recordings, simulations and tests.

    A `ManualClock` is moved on to the time of what comes in.
    """

    lost_s = 0.0

    def __init__(
        self,
        face: FaceLane | None,
        voice: VoiceLane | None,
        listener: Listener | None,
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        self._face, self._voice, self._listener = face, voice, listener
        self._publisher, self._clock = publisher, clock

    def frame(self, frame: Frame) -> None:
        """See `Lanes`."""
        assert self._face is not None
        self._move_on(frame.captured_at)
        self._publisher.submit_frame(frame.seq)
        self._publisher.frame(*self._face.process(frame, self._clock.now()))

    def sound(self, block: SampleBlock) -> None:
        """See `Lanes`.

        Raises:
            AudioError, MissingExtraError, DeviceError: as `Listener.hear`.
        """
        assert self._listener is not None
        self._move_on(end_of(block))
        self._score(self._listener.hear(block))
        self._publisher.tick()

    def _move_on(self, at: float) -> None:
        if isinstance(self._clock, ManualClock) and at > self._clock.now():
            self._clock.advance_to(at)

    def _score(self, jobs: list[UtteranceJob]) -> None:
        assert self._voice is not None
        for job in jobs:
            self._publisher.submit_utterance(job.seq, job.update)
            self._publisher.utterance(*self._voice.process(job, self._clock.now()))

    def flush(self, timeout: float | None = None) -> bool:
        """See `Lanes`."""
        if self._listener is not None:
            self._score(self._listener.flush())
        return True

    def close(self) -> None:
        """Drop the utterance that goes on."""
        if self._listener is None or self._voice is None:
            return
        for job in self._listener.flush():
            now = self._clock.now()
            self._publisher.submit_utterance(job.seq, job.update)
            work = self._voice.begin(job, now)
            self._publisher.utterance(self._voice.dropped(work, now, "closed"))


def end_of(block: SampleBlock) -> float:
    """Return when the last sample of a block was heard, in seconds of the stream's clock."""
    return block.captured_at + len(block.samples) / float(block.sample_rate)
