"""The two threads of the voice lane: one hears, one scores what was said."""

from __future__ import annotations

import threading

from emonet_edge.stream.clock import Clock
from emonet_edge.stream.outcomes import Notice
from emonet_edge.stream.publisher import Publisher
from emonet_edge.stream.turns import ClosedError, Turns
from emonet_edge.stream.voices.lane import UtteranceWork, VoiceLane
from emonet_edge.stream.voices.listener import Listener, SampleBlock
from emonet_edge.stream.voices.utterances import UtteranceJob
from emonet_edge.stream.voices.waiting import WaitingSound, WaitingUtterances

__all__ = ["VoiceWorker"]

BATCH_S = 0.1  # beside a hangover of 0.6 s it is not felt
CLOSED = "closed"


class VoiceWorker:
    """Hears sound as it comes, and scores utterances when it is their turn.

    Args:
        listener: finds the utterances.
        lane: scores them.
        publisher: takes the outcomes.
        turns: shared with the faces.
        clock: of the stream.
        max_sound_s: see `LiveOptions.max_waiting_sound_s`.
        max_utterances: see `LiveOptions.max_waiting_utterances`.
    """

    def __init__(
        self,
        listener: Listener,
        lane: VoiceLane,
        publisher: Publisher,
        turns: Turns,
        clock: Clock,
        max_sound_s: float,
        max_utterances: int,
    ) -> None:
        self._listener, self._lane, self._publisher = listener, lane, publisher
        self._turns, self._clock = turns, clock
        self._sound = WaitingSound(max_sound_s, BATCH_S)
        self._utterances = WaitingUtterances(max_utterances)
        self._flushed = threading.Condition()
        self._flushes = [0, 0]  # asked for, done
        self._hearing = threading.Thread(target=self._hear, name="emonet-sound", daemon=True)
        self._scoring = threading.Thread(target=self._score, name="emonet-voice", daemon=True)
        self._hearing.start()
        self._scoring.start()

    @property
    def lost_s(self) -> float:
        """Seconds of sound that were lost because they came faster than they could be heard."""
        return self._sound.lost_s

    def submit(self, block: SampleBlock) -> None:
        """Take a block of sound; never blocks."""
        lost_s = self._sound.put(block)
        if lost_s:
            now = self._clock.now()
            text = "sound was lost: it comes faster than it can be heard"
            details = {"lost_s": lost_s, "lost_in_all_s": self.lost_s}
            self._publisher.notice(Notice(now, "source", text, details))

    def flush(self, timeout: float | None = None) -> bool:
        """Hear all sound so far and end the utterance that goes on; False: it took longer."""
        with self._flushed:
            self._flushes[0] += 1
            wanted = self._flushes[0]
            self._sound.put(None)
            return self._flushed.wait_for(
                lambda: self._flushes[1] >= wanted or self._sound.closed, timeout
            )

    def close(self) -> None:
        """Drop what waits, finish what runs, and end the threads."""
        self._sound.close()
        self._hearing.join()
        self._scoring.join()

    def _hear(self) -> None:
        while (batch := self._sound.take()) is not None:
            for block in batch:
                self._take_in(block)
            with self._flushed:
                self._flushes[1] += sum(block is None for block in batch)
                self._flushed.notify_all()
            self._publisher.tick()
        # The utterance that goes on gets its final outcome: what comes now is dropped.
        for work in self._utterances.close():
            self._drop(work, CLOSED)
        self._take_in(None)
        with self._flushed:
            self._flushed.notify_all()

    def _take_in(self, block: SampleBlock | None) -> None:
        """Hear a block, or flush; bad sound is told, and listening goes on behind it."""
        try:
            jobs = self._listener.flush() if block is None else self._listener.hear(block)
        except Exception as error:
            text = f"sound cannot be heard: {type(error).__name__}: {error}"
            self._publisher.notice(Notice(self._clock.now(), "source", text))
        else:
            self._queue(jobs)

    def _queue(self, jobs: list[UtteranceJob]) -> None:
        for job in jobs:
            self._publisher.submit_utterance(job.seq, job.update)
            for gone, reason in self._utterances.put(self._lane.begin(job, self._clock.now())):
                self._drop(gone, reason)

    def _drop(self, work: UtteranceWork, reason: str) -> None:
        self._publisher.publish_utterance(self._lane.dropped(work, self._clock.now(), reason))

    def _score(self) -> None:
        while (work := self._utterances.take()) is not None:
            try:
                self._encode(work)
                now = self._clock.now()
                outcome, events = self._lane.finish(work, now)
            except ClosedError:
                self._drop(work, CLOSED)
            except Exception as error:
                self._publisher.publish_utterance(self._lane.failed(work, self._clock.now(), error))
            else:
                own = work.stages.of("prepare", "embed", "score")
                self._publisher.publish_utterance(outcome, events, 1e3 * (now - work.ready_at), own)

    def _encode(self, work: UtteranceWork) -> None:
        self._lane.prepare(work, self._clock.now())
        with work.stages.stage("turn"):
            turn = self._turns.wait()
        with turn:
            self._lane.run(work)
