"""Which recipe each part gets, and what the part in INT8 costs and saves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from emonet_edge_export.search.fit import PART_RECIPES, fit
from emonet_edge_export.search.lab import Lab
from emonet_edge_export.search.look import Seen, agreement_of_parts
from emonet_edge_export.search.parts import Part
from emonet_edge_export.search.place import PartRecipe, widest_weights
from emonet_edge_export.search.trial import part_times

__all__ = ["Costs", "aim", "fit_parts"]

_PROBES = 8
"""Inputs that tell parts apart; agreement is measured on all."""
_FIT_SHARE = 0.4
"""Of the time, for strengths that are tried in the encoder."""
_STRENGTHS = tuple(PartRecipe(strength) for strength in (0.5, 0.65, 0.8, 0.9))


@dataclass(frozen=True)
class Costs:
    """By part: how it is quantized, its squared error alone in INT8, and the ms that it saves."""

    recipes: Mapping[str, PartRecipe]
    errors: Mapping[str, float]
    saved: Mapping[str, float]

    @property
    def order(self) -> list[str]:
        """Parts by error for each millisecond saved: the first is the first to stay in float."""
        return sorted(self.errors, key=lambda name: -self.errors[name] / self.saved[name])


def fit_parts(lab: Lab, seen: Seen) -> dict[str, PartRecipe]:
    """Choose strength and range of each part, of convolutions by running the encoder."""
    recipes = fit(
        lab.model,
        lab.parts,
        {part.name: widest_weights(part, lab.place.nodes) for part in lab.parts},
        [(fold.statistics, fold.other.some(_PROBES)) for fold in seen.folds],
        lab.progress,
    )
    convolutions = [part for part in lab.parts if part.axis != -1]
    return _fit_in_place(lab, seen, recipes, convolutions, PART_RECIPES)


def aim(lab: Lab, seen: Seen, recipes: Mapping[str, PartRecipe]) -> Costs:
    """Measure each part alone; then try other strengths in the encoder, where it costs the most."""
    errors = {}
    with lab.progress.count("Error of each part alone", len(lab.parts)) as advance:
        for part in lab.parts:
            errors[part.name] = _error_alone(lab, seen, part, recipes[part.name])
            advance(1)
    saved = _time_saved(lab, seen, recipes)
    plain = [part for part in lab.parts if part.axis == -1]
    plain.sort(key=lambda part: -errors[part.name])
    refined = _fit_in_place(lab, seen, recipes, plain, _STRENGTHS)
    for part in plain:
        errors[part.name] = _error_alone(lab, seen, part, refined[part.name])
    return Costs(refined, errors, saved)


def _fit_in_place(
    lab: Lab,
    seen: Seen,
    recipes: Mapping[str, PartRecipe],
    parts: Sequence[Part],
    others: Sequence[PartRecipe],
) -> dict[str, PartRecipe]:
    """Choose by running the encoder with a part alone in INT8, as long as there is time."""
    chosen = dict(recipes)
    with lab.progress.count("Strengths tried in the encoder", len(parts)) as advance:
        for part in parts:
            if not lab.budget.lasts(_FIT_SHARE):
                break
            tried = dict.fromkeys([chosen[part.name], *others])
            errors = {recipe: _error_alone(lab, seen, part, recipe) for recipe in tried}
            chosen[part.name] = min(errors, key=errors.__getitem__)
            advance(1)
    return chosen


def _error_alone(lab: Lab, seen: Seen, part: Part, recipe: PartRecipe) -> float:
    """Return the squared error of the encoder with this part alone in INT8."""
    return lab.journal.number(
        f"alone {part.name} {asdict(recipe)}",
        lambda: agreement_of_parts(lab, seen, {part.name: recipe}, _PROBES // 2).error ** 2,
    )


def _time_saved(lab: Lab, seen: Seen, recipes: Mapping[str, PartRecipe]) -> dict[str, float]:
    """Return the ms that each part in INT8 saves, by OpenVINO's counters; never nothing."""
    tensor = seen.timed_input
    with lab.progress.waiting("Time of each part"):
        slow = part_times(lab.bench, lab.model, lab.parts, tensor)
        fast = part_times(lab.bench, lab.place(seen.together, recipes), lab.parts, tensor)
    least = 1e-3 * max(slow.values())
    return {name: max(slow[name] - fast[name], least) for name in slow}
