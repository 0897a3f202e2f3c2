"""Where every record leaves the stream: counted, fused, and handed to whoever listens.

The books are kept here as well: one outcome for every frame and utterance, none lost uncounted.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from emonet_edge.stream.clock import Clock
from emonet_edge.stream.fusion import Fusion
from emonet_edge.stream.governor import Governor
from emonet_edge.stream.outcomes import (
    EmotionEvent,
    FrameOutcome,
    Notice,
    StreamRecord,
    UtteranceOutcome,
)

__all__ = ["Ledger", "Publisher"]

Outcome = TypeVar("Outcome", FrameOutcome, UtteranceOutcome)

REPEATED_S = 10.0  # the same notice is not told again so soon: a broken driver has many a second


class Ledger:
    """Counts what was submitted and what became of it, for frames or for utterances.

    Its keys are whatever tells one submission from another: (seq,) or (seq, update).
    """

    def __init__(self) -> None:
        self._submitted = 0
        self._waiting: set[Hashable] = set()
        self._kinds: Counter[str] = Counter()
        self._dropped_since = 0

    @property
    def waiting(self) -> frozenset[Hashable]:
        """The keys of those that have no outcome yet."""
        return frozenset(self._waiting)

    def submit(self, key: Hashable) -> None:
        """Enter one that was submitted."""
        self._submitted += 1
        self._waiting.add(key)

    def enter(self, key: Hashable, outcome: Outcome) -> Outcome:
        """Enter an outcome, and return it with the drops since the last one that was no drop.

        Raises:
            KeyError: it was never submitted, or has its outcome already.
        """
        self._waiting.remove(key)
        self._kinds[outcome.kind] += 1
        if outcome.kind == "dropped":
            self._dropped_since += 1
            return outcome
        dropped, self._dropped_since = self._dropped_since, 0
        return dataclasses.replace(outcome, dropped_before=dropped) if dropped else outcome

    def to_dict(self) -> dict[str, int]:
        """Return the counts: submitted, waiting, and each kind of outcome."""
        kinds = {kind: self._kinds[kind] for kind in ("result", "dropped", "abstained", "error")}
        return {"submitted": self._submitted, "waiting": len(self._waiting), **kinds}


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

    def publish_frame(
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
                self._publish_notice(self._governor.observe_face(at, age_ms, one_face_ms, runs))

    def publish_utterance(
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
                self._publish_notice(self._governor.observe_voice(at, latency_ms, work_ms))

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
