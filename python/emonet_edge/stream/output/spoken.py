"""The time that each result of a voice speaks for, so that updates of one utterance follow on."""

from __future__ import annotations

from emonet_edge.stream.outcomes import UtteranceOutcome

__all__ = ["SpokenTime"]


class SpokenTime:
    """Cuts the windows of a long utterance, which overlap, into pieces that do not.

    An update repeats up to 30 s of speech of which most was in the update before; what it adds is
    the time since then.
    """

    def __init__(self) -> None:
        self._utterance = -1
        self._told_until = 0.0

    def piece(self, outcome: UtteranceOutcome) -> tuple[float, float] | None:
        """Return (start, end) in seconds that this result adds; None if it has no scores."""
        if outcome.scores is None:
            return None
        start = outcome.start
        if outcome.seq == self._utterance:
            start = max(start, self._told_until)
        self._utterance, self._told_until = outcome.seq, max(start, outcome.end)
        return start, max(start, outcome.end)
