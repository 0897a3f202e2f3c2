"""What came of a whole stream: how many, and how late."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

from emonet_edge.stream.outcomes import FrameOutcome, StreamRecord, UtteranceOutcome

KINDS = ("result", "dropped", "abstained", "error")
_KEPT = 100_000  # of the newest latencies: three hours at 10 a second, and 3 MB


class Summary:
    """Counts outcomes by kind, and keeps the newest latencies of results."""

    def __init__(self) -> None:
        self.frames: Counter[str] = Counter()
        self.utterances: Counter[str] = Counter()
        self.faces_scored = 0
        self._ages: dict[str, deque[float]] = {
            "frame": deque(maxlen=_KEPT),
            "utterance": deque(maxlen=_KEPT),
        }

    def write(self, record: StreamRecord) -> None:
        """Take one record."""
        if isinstance(record, FrameOutcome):
            self.frames[record.kind] += 1
            self.faces_scored += sum(face.scores is not None for face in record.faces)
            if record.kind == "result" and record.faces:  # an empty room takes no time
                self._ages["frame"].append(record.age_ms)
        elif isinstance(record, UtteranceOutcome):
            self.utterances[record.kind if record.final else "updates"] += 1
            if record.kind == "result":
                self._ages["utterance"].append(record.age_ms)

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
            "latency_ms": {name: percentiles(list(ages)) for name, ages in self._ages.items()},
        }

    def lines(self) -> list[str]:
        """Write it for people; what did not occur is left out."""
        found = []
        if self.frames:
            counts = _counts_text(self.frames)
            ages = _ages_text(percentiles(list(self._ages["frame"])))
            found.append(f"frames: {self.frames.total()} submitted, {counts}{ages}")
        if self.utterances:
            counts = _counts_text(self.utterances, ("updates",))
            ages = _ages_text(percentiles(list(self._ages["utterance"])))
            found.append(f"utterances: {counts}{ages}")
        return found or ["nothing came: neither a frame nor speech"]


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """Return p50 and p95, interpolated; None where there are too few values for them."""
    from emonet_edge.bench.percentiles import summarize

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


def _ages_text(ages: Mapping[str, float | None]) -> str:
    known = [f"{name} {value:.0f} ms" for name, value in ages.items() if value is not None]
    return f"; latency {', '.join(known)}" if known else ""
