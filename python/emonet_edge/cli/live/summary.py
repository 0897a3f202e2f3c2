"""What came of a whole stream: how many, and how late."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from emonet_edge.stream import FrameOutcome, StreamRecord, UtteranceOutcome

KINDS = ("result", "dropped", "abstained", "error")
_KEPT = 100_000  # of the newest latencies: three hours at 10 a second, and 3 MB


class Summary:
    """Counts outcomes by kind, and keeps the newest latencies of results.

    Args:
        fast: recordings as fast as possible, where the age of a result says nothing: the time of
            its own work stands for it.
        kept: latencies to keep, of frames and of utterances.
    """

    def __init__(self, fast: bool = False, kept: int = _KEPT) -> None:
        self._fast = fast
        self.frames: Counter[str] = Counter()
        self.utterances: Counter[str] = Counter()
        self.faces_scored = 0
        self._ages: dict[str, deque[float]] = {
            "frame": deque(maxlen=kept),
            "utterance": deque(maxlen=kept),
        }

    def write(self, record: StreamRecord) -> None:
        """Take one record."""
        if isinstance(record, FrameOutcome):
            self.frames[record.kind] += 1
            self.faces_scored += sum(face.scores is not None for face in record.faces)
            if record.kind == "result" and record.faces:  # an empty room takes no time
                self._ages["frame"].append(self._time(record))
        elif isinstance(record, UtteranceOutcome):
            self.utterances[record.kind if record.final else "updates"] += 1
            if record.kind == "result":
                self._ages["utterance"].append(self._time(record))

    def _time(self, outcome: FrameOutcome | UtteranceOutcome) -> float:
        return sum(outcome.stages_ms.values()) if self._fast else outcome.age_ms

    @property
    def errors(self) -> int:
        """How many inputs could not be scored because something failed."""
        return self.frames["error"] + self.utterances["error"]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, "type" "summary"; latencies in milliseconds."""
        return {
            "type": "summary",
            "frames": {"submitted": self.frames.total(), **_by_kind(self.frames)},
            "faces_scored": self.faces_scored,
            "utterances": {**_by_kind(self.utterances), "updates": self.utterances["updates"]},
            f"{self._what}_ms": {name: percentiles(list(a)) for name, a in self._ages.items()},
        }

    @property
    def _what(self) -> str:
        return "work" if self._fast else "latency"

    def lines(self) -> list[str]:
        """Write it for people; what did not occur is left out."""
        found = []
        if self.frames:
            counts = _counts_text(self.frames)
            ages = self._ages_text("frame")
            found.append(f"frames: {self.frames.total()} submitted, {counts}{ages}")
        if self.utterances:
            counts = _counts_text(self.utterances, ("updates",))
            ages = self._ages_text("utterance")
            found.append(f"utterances: {counts}{ages}")
        return found or ["nothing came: neither a frame nor speech"]

    def _ages_text(self, name: str) -> str:
        figures = percentiles(list(self._ages[name]))
        known = [f"{key} {value:.0f} ms" for key, value in figures.items() if value is not None]
        return f"; {self._what} {', '.join(known)}" if known else ""


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """Return p50 and p95, interpolated; None where there are too few values for them."""
    from emonet_edge.bench import summarize

    if not values:
        return {"p50": None, "p95": None}
    figures = summarize({"age": values}, 1)["age"]
    return {name: figures[name] for name in ("p50", "p95")}


def _by_kind(counts: Counter[str]) -> dict[str, int]:
    return {kind: counts[kind] for kind in KINDS}


def _counts_text(counts: Counter[str], more: Sequence[str] = ()) -> str:
    words = {"result": "scored", "error": "failed"}
    parts = [(counts[kind], words.get(kind, kind)) for kind in (*KINDS, *more)]
    return ", ".join(f"{count} {word}" for count, word in parts if count)
