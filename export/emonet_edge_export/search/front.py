"""What the search has measured: points of agreement against latency, and which of them is taken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Goal", "Point", "best", "front"]


@dataclass(frozen=True)
class Goal:
    """What a recipe must reach: Pearson's correlation with FP32, mean over heads and worst head."""

    mean: float = 0.998
    worst: float = 0.99


@dataclass(frozen=True)
class Point:
    """One measured candidate.

    `selection` is its agreement where the search chooses, `held_out` (later, and for the front
    only) on recordings that the search has not seen: both as `Agreement.summary` gives them.
    `latency_ms` is the median of one input, `relative` the same as a share of FP32's in that run.
    `kept_float` are the parts that stay in float; None for recipes that have no parts.
    """

    name: str
    kept_float: tuple[str, ...] | None
    selection: dict[str, Any]
    latency_ms: float
    relative: float
    held_out: dict[str, Any] | None = None

    @property
    def pearson(self) -> float:
        """Mean over the heads, on the selection."""
        return _pearson(self.selection, "mean")

    def meets(self, goal: Goal, on_unseen: bool = False) -> bool:
        """Say whether the selection, or what was judged on unseen inputs, reaches the goal."""
        found = self.held_out if on_unseen else self.selection
        if found is None:
            return False
        return _pearson(found, "mean") >= goal.mean and _pearson(found, "worst") >= goal.worst

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def front(points: Iterable[Point]) -> list[Point]:
    """Return the points that no other beats in both agreement and latency, the fastest first."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.relative, -p.pearson)):
        if not kept or point.pearson > kept[-1].pearson:
            kept.append(point)
    return kept


def best(points: Iterable[Point], goal: Goal) -> Point | None:
    """Return the fastest point that reaches the goal, None where none does."""
    return min((p for p in points if p.meets(goal)), key=lambda p: p.relative, default=None)


def _pearson(summary: dict[str, Any], which: str) -> float:
    found = summary["pearson"]
    return float("-inf") if found is None else float(found[which])
