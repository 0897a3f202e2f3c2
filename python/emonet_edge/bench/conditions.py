"""Conditions on the change between two measurements: 'encoder.p95>+5%'."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emonet_edge.bench.figures import OTHER_FIGURES, STAGE_FIGURES
from emonet_edge.bench.stages import STAGES
from emonet_edge.exceptions import InputError

GRAMMAR = f"""\
[STAGE.]FIGURE then > or < (>=, <=) then a number:
  p95>+5%            changed by more than +5 percent (new against old); the sign may be left out
  peak_mb>+50        changed by more than +50, in the figure's unit (a sign, no %)
  peak_mb>1300       the new value itself (no sign, no %)
STAGE   {", ".join(STAGES)} (default: total)
FIGURE  with a stage: {", ".join(STAGE_FIGURES)} (ms; rate in results per second)
        without: {", ".join(OTHER_FIGURES[:6])},
        {", ".join(OTHER_FIGURES[6:])}"""

_SHAPE = re.compile(r"([\w.]+?)\s*(>=|<=|>|<)\s*([+-]?)(\d+(?:\.\d+)?|\.\d+)\s*(%?)")


class ConditionError(InputError):
    """A condition that cannot be read."""


@dataclass(frozen=True)
class Condition:
    """`key` is a figure as `bench.figures` names it, `kind` "percent", "change" or "value"."""

    text: str
    key: str
    operator: str
    kind: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition. Raises: ConditionError with the grammar."""
        match = _SHAPE.fullmatch(text.strip())
        if match is None:
            raise _refusal(text, "it is not of this form")
        name, operator, sign, number, percent = match.groups()
        kind = "percent" if percent else "change" if sign else "value"
        limit = float(number) * (-1.0 if sign == "-" else 1.0)
        return cls(text.strip(), _key(name, text), operator, kind, limit)

    def holds(self, old: float | None, new: float | None) -> bool | None:
        """Tell whether it holds; None: a value is missing, or a change of nothing has no percent.

        Only a condition on the new value can be told without the old one.
        """
        if new is None:
            return None
        if self.kind == "value":
            return self._beyond(new)
        if old is None or (self.kind == "percent" and old <= 0):
            return None
        return self._beyond(new - old if self.kind == "change" else 100.0 * (new - old) / old)

    def _beyond(self, value: float) -> bool:
        compare = {">": float.__gt__, ">=": float.__ge__, "<": float.__lt__, "<=": float.__le__}
        return bool(compare[self.operator](value, self.limit))


def _key(name: str, text: str) -> str:
    if name in OTHER_FIGURES:
        return name
    if name in STAGE_FIGURES:
        return f"total.{name}"
    stage, _, figure = name.partition(".")
    if stage not in STAGES and figure:
        raise _refusal(text, f"{stage!r} is no stage")
    if figure in OTHER_FIGURES:
        raise _refusal(text, f"{figure} is of the whole model, without a stage")
    if figure not in STAGE_FIGURES:
        raise _refusal(text, f"{figure or name!r} is no figure")
    return name


def _refusal(text: str, why: str) -> ConditionError:
    return ConditionError(
        f"the condition {text!r} cannot be read, {why}. A condition is\n{GRAMMAR}"
    )
