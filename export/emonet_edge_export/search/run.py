"""The search from beginning to end, within a time budget; it goes on where it was interrupted.

1. The calibration groups are halved: the search sees one half, the other judges at the end
   (`halves`).
2. Within the seen half, ranges always come from other groups than those they are judged on
   (`look`).
3. Each part gets its strength and range, convolutions by running the encoder (`fit_parts`).
4. Each part alone in INT8 gives its error; OpenVINO's counters give the time it saves. Parts that
   cost the most accuracy then try other strengths in the encoder (`aim`).
5. Parts go back to float in the order of error per millisecond: candidates from all INT8 to all
   float. Errors of parts add up well enough to aim at the goal; then real trials around it
   (`walk`).
6. From the fastest candidate that reaches the goal, parts return to INT8 one by one while it holds
   (`return_to_int8`).
7. The front is timed again in one run beside FP32 and the named recipes, and judged on the unseen
   half, with ranges from the seen half alone. Where nothing holds there, more parts stay in float
   (`prove`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from emonet_edge_export.calibration import Samples
from emonet_edge_export.progress import Progress
from emonet_edge_export.search.aim import aim, fit_parts
from emonet_edge_export.search.budget import SearchOptions
from emonet_edge_export.search.candidates import Candidates
from emonet_edge_export.search.front import Point, best
from emonet_edge_export.search.journal import Journal
from emonet_edge_export.search.judge import Judge
from emonet_edge_export.search.lab import Lab
from emonet_edge_export.search.look import look
from emonet_edge_export.search.place import PartRecipe
from emonet_edge_export.search.prove import Named, prove
from emonet_edge_export.search.walk import return_to_int8, walk

__all__ = ["Found", "SearchOptions", "search"]


@dataclass(frozen=True)
class Found:
    """The result: the model to ship, its point, everything measured, and how it is quantized.

    `reached`: whether the goal is met, on the selection and on unseen inputs; if not, `point` is
    the one that meets it on the selection, or the closest to FP32.
    """

    model: Any
    point: Point
    points: tuple[Point, ...]
    reached: bool
    recipes: Mapping[str, PartRecipe]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """Return the recipe as JSON: enough to place the same quantizers again."""
        kept = self.point.kept_float
        parts = {
            name: asdict(recipe)
            for name, recipe in self.recipes.items()
            if kept is not None and name not in kept
        }
        return {
            "precision": "int8" if parts else "fp32",
            "kept_float": None if kept is None else list(kept),
            "parts": parts,
            **self.facts,
        }


def search(
    model: Any,
    samples: Samples,
    judge: Judge,
    options: SearchOptions,
    progress: Progress,
    journal: Journal | None = None,
    named: Named | None = None,
) -> Found:
    """Search the fastest recipe that reaches the goal on this machine.

    Args:
        model: the FP32 IR.
        samples: calibration inputs of at least three groups.
        judge: the heads that score candidates.
        options: budgets and goal.
        progress: shows each trial with the best so far.
        journal: keeps trials, so that an interrupted search goes on; None keeps nothing.
        named: other recipes to measure beside the front, by name: from calibration inputs to the
            quantized model.

    Raises:
        ExportError: nothing to quantize, or too few groups of calibration material.
    """
    lab = Lab.open(model, judge, options, progress, journal or Journal())
    selection, unseen = samples.halves()
    seen = look(lab, selection.some(options.samples))
    recipes = fit_parts(lab, seen)
    costs = aim(lab, seen, recipes)
    candidates = Candidates(lab, seen, costs.recipes)
    walk(candidates, costs.order)
    return_to_int8(candidates, costs.saved)
    prove(candidates, unseen, named or {}, costs.order)
    return _found(candidates, unseen)


def _found(candidates: Candidates, unseen: Samples) -> Found:
    """Take the fastest point that reaches the goal, on the selection and on unseen inputs.

    Where the one that the selection alone would take falls short on unseen inputs, the next slower
    one that does not is taken, and the facts say so.
    """
    goal = candidates.lab.options.goal
    points = tuple(candidates.points.values())
    ours = [p for p in points if p.held_out is not None and p.kept_float is not None]
    selected = best(ours, goal)
    proven = best((p for p in ours if p.meets(goal, on_unseen=True)), goal)
    point = proven or selected or max(ours, key=lambda p: p.pearson)
    facts = {
        **_circumstances(candidates, unseen),
        "selected": None if selected is None else selected.name,
        "reached_on_selection": selected is not None,
        "reached_on_unseen": proven is not None,
    }
    made = candidates.model(point.kept_float or ())
    return Found(made, point, points, proven is not None, candidates.recipes, facts)


def _circumstances(candidates: Candidates, unseen: Samples) -> dict[str, Any]:
    lab, seen = candidates.lab, candidates.seen.samples
    return {
        "calibration": seen.described(),
        "judged_by": lab.judge.source,
        "goal": asdict(lab.options.goal),
        "hint": lab.options.hint,
        "groups_seen": len(set(seen.groups)),
        "groups_unseen": len(set(unseen.groups)),
    }
