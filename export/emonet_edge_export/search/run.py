"""The search from beginning to end, within a time budget; it goes on where it was interrupted.

1. The calibration groups are halved: the search sees one half, the other judges at the end.
2. Within the seen half, ranges always come from other groups than those they are judged on.
3. Each part gets its strength and range (`fit`), convolutions by running the encoder.
4. Each part alone in INT8 gives its error; OpenVINO's counters give the time it saves.
5. Parts go back to float in the order of error per millisecond: candidates from all INT8 to all
   float. Errors of parts add up well enough to aim at the goal; then real trials around it.
6. From the fastest candidate that reaches the goal, parts return to INT8 one by one while it holds.
7. The front is timed again in one run beside FP32 and the named recipes, and judged on the unseen
   half, with ranges from the seen half alone. Where nothing holds there, more parts stay in float.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonet_edge.agreement import Agreement, agree
from emonet_edge_export.calibration import Samples
from emonet_edge_export.errors import ExportError
from emonet_edge_export.progress import Progress
from emonet_edge_export.search.fit import CHOICES, fit
from emonet_edge_export.search.front import Goal, Point, best, front
from emonet_edge_export.search.journal import Journal
from emonet_edge_export.search.judge import Judge
from emonet_edge_export.search.parts import Part, find_parts, nodes_by_name
from emonet_edge_export.search.place import Choice, Rounded, place, round_part, widest_weights
from emonet_edge_export.search.statistics import Extremes, collect
from emonet_edge_export.search.trial import Bench, Truth, latencies, part_times

__all__ = ["Found", "SearchOptions", "search"]

Float32 = NDArray[np.float32]
Statistics = Mapping[str, Sequence[Extremes]]
_FLOAT = "fp32"
_PROBES = 8
"""Inputs that tell parts apart; agreement is measured on all."""
_MOST_AT_ONCE = 12
"""Candidates that are timed in one run."""
_FIT_SHARE = 0.4
"""Of the time, for strengths; then candidates, from the best of which parts return to INT8."""
_WALK_SHARE, _RETURN_SHARE = 0.65, 0.85


@dataclass(frozen=True)
class SearchOptions:
    """How long the search may take, what it must reach, and what it may keep in memory.

    `seconds`: no new trial begins after them, but for all parts in INT8 and all in float, which are
    always tried. `samples`: at most so many inputs. `memory_bytes`: for the embeddings that
    candidates are compared with; three times that for models that are timed side by side.
    """

    seconds: float = 1800.0
    goal: Goal = field(default_factory=Goal)
    hint: str | None = "f32"
    samples: int = 128
    memory_bytes: int = 2_000_000_000


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
    choices: Mapping[str, Choice]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """Return the recipe as JSON: enough to place the same quantizers again."""
        kept = self.point.kept_float
        parts = {
            name: asdict(choice)
            for name, choice in self.choices.items()
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
    named: Mapping[str, Callable[[Samples], Any]] | None = None,
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
    return _Search(model, samples, judge, options, progress, journal or Journal()).run(named or {})


class _Search:
    def __init__(
        self,
        model: Any,
        samples: Samples,
        judge: Judge,
        options: SearchOptions,
        progress: Progress,
        journal: Journal,
    ) -> None:
        self.model, self.judge, self.options = model, judge, options
        self.progress, self.journal = progress, journal
        self.end = time.monotonic() + options.seconds
        self.bench = Bench(options.hint)
        self.parts = find_parts(model)
        if not self.parts:
            raise ExportError("the encoder has no product that could run in INT8: use fp32 or fp16")
        self.nodes = nodes_by_name(model)
        self.rounded: dict[tuple[int, str, Choice], Rounded] = {}
        seen, self.unseen = samples.halves()
        self.seen = seen.some(options.samples)
        self.points: dict[str, Point] = {}

    def run(self, named: Mapping[str, Callable[[Samples], Any]]) -> Found:
        self._look()
        self._aim()
        self._refine()
        order = self._order()
        self._walk(order)
        self._return_to_int8()
        self._judge_front(named)
        self._lengthen(order)
        return self._found()

    def _look(self) -> None:
        """Statistics of both folds and of all, the truth of each fold, and the choices."""
        folds = self.seen.halves()
        statistics = [
            collect(self.model, self.parts, fold.widened(), self.progress) for fold in folds
        ]
        self.together = {
            part.name: tuple(
                one + other
                for one, other in zip(*(found[part.name] for found in statistics), strict=True)
            )
            for part in self.parts
        }
        with self.progress.waiting("FP32 on the inputs that the search sees"):
            truths = [
                Truth.of(self.model, fold.some(self._most()), self.judge, self.bench)
                for fold in folds
            ]
        # Crossed: ranges of one fold are judged on the other.
        self.folds = [(statistics[0], truths[1]), (statistics[1], truths[0])]
        self.choices = fit(
            self.model,
            self.parts,
            {part.name: widest_weights(part, self.nodes) for part in self.parts},
            [(statistics[0], folds[1].some(_PROBES)), (statistics[1], folds[0].some(_PROBES))],
            self.progress,
        )
        self._fit_in_place([part for part in self.parts if part.axis != -1], CHOICES)

    def _most(self) -> int:
        embedding = 4 * int(np.prod(list(self.model.outputs[0].shape)))
        return max(4, min(self.options.samples, self.options.memory_bytes // (4 * embedding)))

    def _fit_in_place(self, parts: Sequence[Part], choices: Sequence[Choice]) -> None:
        """Choose by running the encoder with a part alone in INT8, as long as there is time."""
        with self.progress.count("Strengths tried in the encoder", len(parts)) as advance:
            for part in parts:
                if not self._in_time(_FIT_SHARE):
                    return
                tried = dict.fromkeys([self.choices[part.name], *choices])
                errors = {choice: self._alone(part, choice) for choice in tried}
                self.choices[part.name] = min(errors, key=errors.__getitem__)
                advance(1)

    def _aim(self) -> None:
        """Measure each part alone: its squared error, and the time that it saves."""
        with self.progress.count("Error of each part alone", len(self.parts)) as advance:
            self.errors = {}
            for part in self.parts:
                self.errors[part.name] = self._alone(part, self.choices[part.name])
                advance(1)
        tensor = self.folds[0][1].inputs[0]
        with self.progress.waiting("Time of each part"):
            slow = part_times(self.bench, self.model, self.parts, tensor)
            fast = part_times(self.bench, self._place(self.together, ()), self.parts, tensor)
        least = 1e-3 * max(slow.values())
        self.saved = {name: max(slow[name] - fast[name], least) for name in slow}

    def _alone(self, part: Part, choice: Choice) -> float:
        """Return the squared error of the encoder with this part alone in INT8."""
        self.choices[part.name] = choice
        others = [p.name for p in self.parts if p is not part]
        return self.journal.number(
            f"alone {part.name} {asdict(choice)}",
            lambda: self._agreement(others, _PROBES // 2).error ** 2,
        )

    def _refine(self) -> None:
        """Try other strengths in the encoder, for the parts first that cost the most accuracy."""
        plain = [part for part in self.parts if part.axis == -1]
        plain.sort(key=lambda part: -self.errors[part.name])
        strengths = [Choice(strength) for strength in (0.5, 0.65, 0.8, 0.9)]
        self._fit_in_place(plain, strengths)
        for part in plain:
            self.errors[part.name] = self._alone(part, self.choices[part.name])

    def _order(self) -> list[str]:
        """Parts by error for each millisecond saved: the first is the first to stay in float."""
        names = [part.name for part in self.parts]
        return sorted(names, key=lambda name: -self.errors[name] / self.saved[name])

    def _walk(self, order: Sequence[str]) -> None:
        """Try candidates along the order: both ends, those around the goal, then the others."""
        self._try(())
        self._try(order)
        low, high = 0, len(order)
        while low < high and self._in_time():  # the fewest parts in float that reach the goal
            middle = (low + high) // 2
            if self._try(order[:middle]).meets(self.options.goal):
                high = middle
            else:
                low = middle + 1
        for count in sorted(range(len(order) + 1), key=lambda count: abs(count - high)):
            if not self._in_time(_WALK_SHARE):
                break
            self._try(order[:count])

    def _return_to_int8(self) -> None:
        """From the best so far, let parts go back to INT8 while the goal is still reached."""
        start = best(self.points.values(), self.options.goal)
        kept = list(start.kept_float or ()) if start else []
        for name in sorted(kept, key=lambda name: -self.saved[name]):
            if not self._in_time(_RETURN_SHARE):
                return
            fewer = [other for other in kept if other != name]
            if self._try(fewer).meets(self.options.goal):
                kept = fewer

    def _try(self, kept_float: Iterable[str]) -> Point:
        """Measure a candidate, or recall it."""
        kept = tuple(sorted(kept_float))
        name = _name(kept, self.parts)
        if name not in self.points:
            summary = self.journal.document(
                f"trial {name} {_digest(self.choices, kept)}",
                lambda: self._agreement(kept).summary(),
            )
            times = self._time({name: self._place(self.together, kept)})
            self.points[name] = Point(name, kept, summary, *times[name])
            self._show(self.points[name])
        return self.points[name]

    def _time(self, models: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
        """Return (ms, share of FP32's) of models, all in one run with FP32."""
        seconds = min(20.0, 2.0 * (len(models) + 1))
        tensor = self.folds[0][1].inputs[0]
        found = latencies(self.bench, {_FLOAT: self.model, **models}, tensor, seconds)
        return {name: (found[name], found[name] / found[_FLOAT]) for name in models}

    def _agreement(self, kept_float: Sequence[str], count: int | None = None) -> Agreement:
        """Compare a candidate with FP32 over both folds, each with the other's ranges."""
        exact, found, pairs = [], [], []
        for statistics, truth in self.folds:
            judged = truth if count is None else truth.some(count)
            made = self.bench.embed(self._place(statistics, kept_float), judged.inputs)
            exact.append(judged.scores)
            found.append(self.judge(made))
            pairs.append((judged.embeddings, made))
        spreads = np.concatenate([truth.scores for _, truth in self.folds]).std(axis=0)
        return agree(
            self.judge.names,
            np.concatenate(exact),
            np.concatenate(found),
            embeddings=tuple(np.concatenate(side) for side in zip(*pairs, strict=True)),  # type: ignore[arg-type]
            heads=self.judge.heads,
            spreads=spreads.tolist(),
        )

    def _place(self, statistics: Statistics, kept_float: Sequence[str]) -> Any:
        chosen = {
            part.name: self._rounded(statistics, part)
            for part in self.parts
            if part.name not in kept_float
        }
        return place(self.model, self.parts, chosen)

    def _rounded(self, statistics: Statistics, part: Part) -> Rounded:
        """Round a part once for each set of statistics and choice: it takes a second."""
        choice = self.choices[part.name]
        key = (id(statistics), part.name, choice)
        if key not in self.rounded:
            self.rounded[key] = round_part(part, statistics[part.name], self.nodes, choice)
        return self.rounded[key]

    def _judge_front(self, named: Mapping[str, Callable[[Samples], Any]]) -> None:
        """Time the front and the named recipes in one run; judge them on the unseen half."""
        with self.progress.waiting("FP32 on the inputs that the search has not seen"):
            unseen = self.unseen.some(self._most())
            self.unseen_truth = Truth.of(self.model, unseen, self.judge, self.bench)
        models = {p.name: self._place(self.together, p.kept_float or ()) for p in self._around()}
        for name, make in named.items():
            if self._in_time():
                with self.progress.waiting(f"Recipe {name}, to compare with"):
                    models[name] = make(self.seen)
                self.points[name] = Point(name, None, self._seen_by(models[name]), 0.0, 0.0)
        times = self._time(models)
        with self.progress.count("The front on unseen inputs", len(models)) as advance:
            for name, made in models.items():
                milliseconds, relative = times[name]
                point = replace(self.points[name], latency_ms=milliseconds, relative=relative)
                self._judge(point, made)
                advance(1)

    def _around(self) -> list[Point]:
        """Return the front's points nearest to the best one, as many as fit the memory at once."""
        kept = front(self.points.values())
        chosen = best(kept, self.options.goal) or kept[-1]
        constants = [n for n in self.model.get_ops() if n.get_type_name() == "Constant"]
        weights = sum(node.get_byte_size() for node in constants)
        most = int(max(2, min(_MOST_AT_ONCE, 3 * self.options.memory_bytes // weights)))
        return sorted(kept, key=lambda p: abs(kept.index(p) - kept.index(chosen)))[:most]

    def _judge(self, point: Point, model: Any) -> Point:
        """Note how a point does on unseen inputs."""
        found = self.unseen_truth.compare(
            self.bench.embed(model, self.unseen_truth.inputs), self.judge
        )
        self.points[point.name] = replace(point, held_out=found.summary())
        return self.points[point.name]

    def _lengthen(self, order: Sequence[str]) -> None:
        """Where nothing holds on unseen inputs, keep more parts in float until something does."""
        goal = self.options.goal
        judged = [p for p in self.points.values() if p.held_out and p.kept_float is not None]
        if any(p.meets(goal) and p.meets(goal, on_unseen=True) for p in judged):
            return
        longest = max(
            len(p.kept_float or ()) for p in judged if len(p.kept_float or ()) < len(order)
        )
        for count in range(longest + 1, len(order) + 1):
            if not self._in_time() and count < len(order):
                continue
            point = self._try(order[:count])
            made = self._place(self.together, order[:count])
            if self._judge(point, made).meets(goal, on_unseen=True) and point.meets(goal):
                return

    def _seen_by(self, model: Any) -> dict[str, Any]:
        """Judge a recipe that was calibrated on all that the search sees, on the same."""
        exact, found = [], []
        for _, truth in self.folds:
            exact.append(truth.scores)
            found.append(self.judge(self.bench.embed(model, truth.inputs)))
        return agree(self.judge.names, np.concatenate(exact), np.concatenate(found)).summary()

    def _found(self) -> Found:
        """Take the fastest point that reaches the goal, on the selection and on unseen inputs.

        Where the one that the selection alone would take falls short on unseen inputs, the next
        slower one that does not is taken, and the facts say so.
        """
        goal = self.options.goal
        judged = [point for point in self.points.values() if point.held_out is not None]
        ours = [point for point in judged if point.kept_float is not None]
        selected = best(ours, goal)
        proven = best((p for p in ours if p.meets(goal, on_unseen=True)), goal)
        point = proven or selected or max(ours, key=lambda p: p.pearson)
        facts = {
            "calibration": self.seen.described(),
            "judged_by": self.judge.source,
            "goal": asdict(goal),
            "hint": self.options.hint,
            "groups_seen": len(set(self.seen.groups)),
            "groups_unseen": len(set(self.unseen.groups)),
            "selected": None if selected is None else selected.name,
            "reached_on_selection": selected is not None,
            "reached_on_unseen": proven is not None,
        }
        return Found(
            self._place(self.together, point.kept_float or ()),
            point,
            tuple(self.points.values()),
            proven is not None,
            self.choices,
            facts,
        )

    def _in_time(self, share: float = 1.0) -> bool:
        """Say whether less than this share of the budget is used up."""
        return time.monotonic() < self.end - (1 - share) * self.options.seconds

    def _show(self, point: Point) -> None:
        leader = best(self.points.values(), self.options.goal)
        lead = "none reaches the goal yet" if leader is None else f"best so far {_line(leader)}"
        self.progress.say(f"trial {len(self.points)}: {_line(point)}; {lead}")


def _line(point: Point) -> str:
    worst = point.selection["pearson"]
    text = (
        "no correlation" if worst is None else f"{point.pearson:.4f} (worst {worst['worst']:.4f})"
    )
    return f"{point.name}, Pearson {text}, {point.latency_ms:.1f} ms ({point.relative:.2f} of FP32)"


def _name(kept: Sequence[str], parts: Sequence[Part]) -> str:
    if not kept:
        return "all in INT8"
    if len(kept) == len(parts):
        return "all in float"
    digest = _digest({}, kept)[:6]
    return f"{len(parts) - len(kept)} of {len(parts)} parts in INT8 ({digest})"


def _digest(choices: Mapping[str, Choice], kept: Sequence[str]) -> str:
    from emonet_edge_export.workspace import fingerprint

    return fingerprint({n: asdict(c) for n, c in choices.items() if n not in kept}, list(kept))
