"""Which candidates are tried: along the order of the parts, then from the best one back to INT8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emonet_edge_export.search.candidates import Candidates

__all__ = ["return_to_int8", "walk"]

_WALK_SHARE, _RETURN_SHARE = 0.65, 0.85
"""Of the time, for candidates along the order; then for parts that return to INT8."""


def walk(candidates: Candidates, order: Sequence[str]) -> None:
    """Try both ends of the order, those around the goal, then the others, the nearest first.

    Args:
        candidates: where they are measured.
        order: all parts; the first is the first to stay in float.
    """
    candidates.measure(())
    candidates.measure(order)
    fewest = _fewest_in_float(candidates, order)
    for count in sorted(range(len(order) + 1), key=lambda count: abs(count - fewest)):
        if not candidates.lab.budget.lasts(_WALK_SHARE):
            break
        candidates.measure(order[:count])


def _fewest_in_float(candidates: Candidates, order: Sequence[str]) -> int:
    """Return how many parts have to stay in float for the goal, as far as there was time."""
    low, high = 0, len(order)
    while low < high and candidates.lab.budget.lasts():
        middle = (low + high) // 2
        if candidates.measure(order[:middle]).meets(candidates.lab.options.goal):
            high = middle
        else:
            low = middle + 1
    return high


def return_to_int8(candidates: Candidates, saved: Mapping[str, float]) -> None:
    """From the best so far, let parts go back to INT8 while the goal is still reached.

    Args:
        candidates: where they are measured.
        saved: ms by part; those that save the most are the first to be tried.
    """
    start, lab = candidates.best(), candidates.lab
    kept = list(start.kept_float or ()) if start else []
    for name in sorted(kept, key=lambda name: -saved[name]):
        if not lab.budget.lasts(_RETURN_SHARE):
            return
        fewer = [other for other in kept if other != name]
        if candidates.measure(fewer).meets(lab.options.goal):
            kept = fewer
