"""The books of a stream: one outcome for every frame and utterance, and none is lost uncounted."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Hashable
from typing import TypeVar

from emonet_edge.stream.outcomes import FrameOutcome, UtteranceOutcome

__all__ = ["Ledger"]

Outcome = TypeVar("Outcome", FrameOutcome, UtteranceOutcome)


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
