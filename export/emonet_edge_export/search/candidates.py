"""What has been measured so far: one point for each set of parts that stay in float."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from emonet_edge_export.search.front import Point, best
from emonet_edge_export.search.lab import Lab
from emonet_edge_export.search.look import Seen, agreement_of_parts
from emonet_edge_export.search.place import PartRecipe
from emonet_edge_export.search.trial import latencies
from emonet_edge_export.workspace import fingerprint

__all__ = ["Candidates"]

_FLOAT = "fp32"


class Candidates:
    """Measures candidates, each once; `points` by name is all that is known of them.

    Args:
        lab: what the search works with.
        seen: the inputs that agreement and time are measured on.
        recipes: of every part, for when it is in INT8.
    """

    def __init__(self, lab: Lab, seen: Seen, recipes: Mapping[str, PartRecipe]) -> None:
        self.lab, self.seen, self.recipes = lab, seen, recipes
        self.points: dict[str, Point] = {}

    def measure(self, kept_float: Iterable[str]) -> Point:
        """Measure a candidate, or recall it."""
        kept = tuple(sorted(kept_float))
        name = self._name(kept)
        if name not in self.points:
            in_int8 = self._in_int8(kept)
            summary = self.lab.journal.document(
                f"trial {name} {_digest(in_int8, kept)}",
                lambda: agreement_of_parts(self.lab, self.seen, in_int8).summary(),
            )
            times = self.time({name: self.model(kept)})
            self.points[name] = Point(name, kept, summary, *times[name])
            self._say(self.points[name])
        return self.points[name]

    def model(self, kept_float: Sequence[str]) -> Any:
        """Return a candidate with ranges of all that the search sees."""
        return self.lab.place(self.seen.together, self._in_int8(kept_float))

    def time(self, models: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
        """Return (ms, share of FP32's) of models, all in one run with FP32."""
        seconds = min(20.0, 2.0 * (len(models) + 1))
        beside = {_FLOAT: self.lab.model, **models}
        found = latencies(self.lab.bench, beside, self.seen.timed_input, seconds)
        return {name: (found[name], found[name] / found[_FLOAT]) for name in models}

    def best(self) -> Point | None:
        """Return the fastest that reaches the goal so far."""
        return best(self.points.values(), self.lab.options.goal)

    def _in_int8(self, kept_float: Sequence[str]) -> dict[str, PartRecipe]:
        return {name: how for name, how in self.recipes.items() if name not in kept_float}

    def _name(self, kept: Sequence[str]) -> str:
        total = len(self.lab.parts)
        if not kept:
            return "all in INT8"
        if len(kept) == total:
            return "all in float"
        return f"{total - len(kept)} of {total} parts in INT8 ({_digest({}, kept)[:6]})"

    def _say(self, point: Point) -> None:
        leader = self.best()
        lead = "none reaches the goal yet" if leader is None else f"best so far {_line(leader)}"
        self.lab.progress.say(f"trial {len(self.points)}: {_line(point)}; {lead}")


def _line(point: Point) -> str:
    worst = point.selection["pearson"]
    text = (
        "no correlation" if worst is None else f"{point.pearson:.4f} (worst {worst['worst']:.4f})"
    )
    return f"{point.name}, Pearson {text}, {point.latency_ms:.1f} ms ({point.relative:.2f} of FP32)"


def _digest(in_int8: Mapping[str, PartRecipe], kept: Sequence[str]) -> str:
    return fingerprint({name: asdict(recipe) for name, recipe in in_int8.items()}, list(kept))
