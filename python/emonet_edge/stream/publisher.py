"""Where every record leaves the stream: counted, fused, and handed to whoever listens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from emonet_edge.stream.clock import Clock
from emonet_edge.stream.fusion import Fusion
from emonet_edge.stream.governor import Governor
from emonet_edge.stream.ledger import Ledger
from emonet_edge.stream.outcomes import (
    EmotionEvent,
    FrameOutcome,
    Notice,
    StreamRecord,
    UtteranceOutcome,
)

__all__ = ["Publisher"]

REPEATED_S = 10.0  # the same notice is not told again so soon: a broken driver has many a second


class Publisher:
    """Thread-safe. Records come out in the order in which they are published.

    Args:
        deliver: takes a record at once, without blocking or raising.
        clock: of the stream.
        fusion: what is known at each moment.
        governor: learns from every result.
        speaking: whether somebody speaks now.
    """

    def __init__(
        self,
        deliver: Callable[[StreamRecord], None],
        clock: Clock,
        fusion: Fusion,
        governor: Governor,
        speaking: Callable[[], bool],
    ) -> None:
        self._deliver, self._clock = deliver, clock
        self._fusion, self._governor, self._speaking = fusion, governor, speaking
        self._changed = threading.Condition(threading.RLock())
        self._frames, self._utterances = Ledger(), Ledger()
        self._told: tuple[str, float] = ("", 0.0)

    def submit_frame(self, seq: int) -> None:
        """Count a frame that was submitted."""
        with self._changed:
            self._frames.submit(seq)

    def submit_utterance(self, seq: int, update: int) -> None:
        """Count a part of an utterance that is to be scored."""
        with self._changed:
            self._utterances.submit((seq, update))

    def frame(
        self,
        outcome: FrameOutcome,
        events: Iterable[EmotionEvent] = (),
        runs: int = 0,
        one_face_ms: float = 0.0,
    ) -> None:
        """Publish what became of a frame; `runs` of the encoder, and what one face took."""
        with self._changed:
            outcome = self._frames.enter(outcome.seq, outcome)
            self._fusion.add_frame(outcome)
            self._publish(outcome, events)
            if runs:
                at, age_ms = self._clock.now(), outcome.age_ms
                self._publish_notice(self._governor.face(at, age_ms, one_face_ms, runs))

    def utterance(
        self,
        outcome: UtteranceOutcome,
        events: Iterable[EmotionEvent] = (),
        latency_ms: float | None = None,
        work_ms: float = 0.0,
    ) -> None:
        """Publish what became of a part of an utterance.

        `latency_ms` from when it was known to be due (None: it did not run), `work_ms` of that
        its own work.
        """
        with self._changed:
            outcome = self._utterances.enter((outcome.seq, outcome.update), outcome)
            self._fusion.add_utterance(outcome)
            self._publish(outcome, events)
            if latency_ms is not None:
                at = self._clock.now()
                self._publish_notice(self._governor.voice(at, latency_ms, work_ms))

    def notice(self, notice: Notice) -> None:
        """Publish a notice, unless it only repeats the last one."""
        with self._changed:
            text, at = self._told
            if notice.text != text or notice.at - at >= REPEATED_S:
                self._told = (notice.text, notice.at)
                self._deliver(notice)

    def tick(self) -> None:
        """Publish a fused state if it is time for one."""
        with self._changed:
            now = self._clock.now()
            if self._fusion.due(now):
                self._deliver(self._fusion.state(now, self._speaking()))

    def _publish(self, outcome: StreamRecord, events: Iterable[EmotionEvent]) -> None:
        self._deliver(outcome)
        for event in events:
            self._deliver(event)
        self.tick()
        self._changed.notify_all()

    def _publish_notice(self, notice: Notice | None) -> None:
        if notice is not None:
            self._deliver(notice)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the counts of frames and utterances."""
        with self._changed:
            return {"frames": self._frames.to_dict(), "utterances": self._utterances.to_dict()}

    def wait_for_outcomes(self, timeout: float | None = None) -> bool:
        """Wait for the outcomes of all that was submitted before; False: it took longer."""
        with self._changed:
            frames, utterances = self._frames.waiting, self._utterances.waiting
            return self._changed.wait_for(
                lambda: (
                    not (frames & self._frames.waiting)
                    and not (utterances & self._utterances.waiting)
                ),
                timeout,
            )
