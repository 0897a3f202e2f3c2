"""How the front does on inputs that the search has not seen, beside recipes that have a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from emonet_edge_export.calibration import Samples
from emonet_edge_export.search.candidates import Candidates
from emonet_edge_export.search.front import Point, best, front
from emonet_edge_export.search.lab import Lab
from emonet_edge_export.search.look import agreement_of_model
from emonet_edge_export.search.trial import Truth

__all__ = ["Named", "prove"]

Named = Mapping[str, Callable[[Samples], Any]]
"""Recipes by name: from calibration inputs to the quantized model."""
_MOST_AT_ONCE = 12
"""Candidates that are timed in one run."""


def prove(candidates: Candidates, unseen: Samples, named: Named, order: Sequence[str]) -> None:
    """Time the front and the named recipes in one run, and measure them on unseen inputs.

    Where nothing reaches the goal there, more parts are kept in float until something does.

    Args:
        candidates: what was measured; its points are completed.
        unseen: inputs of groups that the search has not seen.
        named: other recipes.
        order: all parts; the first is the first to stay in float.
    """
    lab = candidates.lab
    with lab.progress.waiting("FP32 on the inputs that the search has not seen"):
        truth = Truth.of(lab.model, unseen.some(lab.most_inputs), lab.judge, lab.bench)
    models = {p.name: candidates.model(p.kept_float or ()) for p in _around_the_best(candidates)}
    models |= _make_named(candidates, named)
    times = candidates.time(models)
    with lab.progress.count("The front on unseen inputs", len(models)) as advance:
        for name, model in models.items():
            milliseconds, relative = times[name]
            point = replace(candidates.points[name], latency_ms=milliseconds, relative=relative)
            candidates.points[name] = _held_out(lab, point, model, truth)
            advance(1)
    _lengthen(candidates, truth, order)


def _around_the_best(candidates: Candidates) -> list[Point]:
    """Return the front's points nearest to the best one, as many as fit the memory at once."""
    kept = front(candidates.points.values())
    chosen = best(kept, candidates.lab.options.goal) or kept[-1]
    most = min(_MOST_AT_ONCE, candidates.lab.most_models)
    return sorted(kept, key=lambda p: abs(kept.index(p) - kept.index(chosen)))[:most]


def _make_named(candidates: Candidates, named: Named) -> dict[str, Any]:
    """Quantize by the named recipes, as long as there is time, and note their agreement."""
    lab, seen, models = candidates.lab, candidates.seen, {}
    for name, make in named.items():
        if lab.budget.lasts():
            with lab.progress.waiting(f"Recipe {name}, to compare with"):
                models[name] = make(seen.samples)
            summary = agreement_of_model(lab, seen, models[name]).summary()
            candidates.points[name] = Point(name, None, summary, 0.0, 0.0)
    return models


def _held_out(lab: Lab, point: Point, model: Any, truth: Truth) -> Point:
    """Return the point with how it does on unseen inputs."""
    found = truth.compare(lab.bench.embed(model, truth.inputs), lab.judge)
    return replace(point, held_out=found.summary())


def _lengthen(candidates: Candidates, truth: Truth, order: Sequence[str]) -> None:
    """Where nothing holds on unseen inputs, keep more parts in float until something does."""
    lab, goal = candidates.lab, candidates.lab.options.goal
    proven = [p for p in candidates.points.values() if p.held_out and p.kept_float is not None]
    if any(p.meets(goal) and p.meets(goal, on_unseen=True) for p in proven):
        return
    longest = max(len(p.kept_float or ()) for p in proven if len(p.kept_float or ()) < len(order))
    for count in range(longest + 1, len(order) + 1):
        if not lab.budget.lasts() and count < len(order):
            continue
        point = candidates.measure(order[:count])
        found = _held_out(lab, point, candidates.model(order[:count]), truth)
        candidates.points[point.name] = found
        if found.meets(goal, on_unseen=True) and point.meets(goal):
            return
