"""The recipe `auto`: search it on the calibration set, and keep the front as JSON and picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emonet_edge._types import Float32
from emonet_edge.inference.openvino_core import core, openvino
from emonet_edge.runtime_info import cpu_name
from emonet_edge.threads import thread_budget
from emonet_edge_export.calibration import Samples
from emonet_edge_export.encoder.quantize import Recipe, default_recipe, quantize
from emonet_edge_export.progress import Progress
from emonet_edge_export.search.draw_front import draw_front
from emonet_edge_export.search.front import Point
from emonet_edge_export.search.journal import Journal
from emonet_edge_export.search.judge import Judge
from emonet_edge_export.search.run import Found, SearchOptions, search
from emonet_edge_export.workspace import Workspace, fingerprint

__all__ = ["FRONT_FILES", "AutoPlan", "search_recipe"]

FRONT_FILES = ("front.json", "front.png")
WEIGHTS_ONLY = "weights only"


@dataclass(frozen=True)
class AutoPlan:
    """What `auto` needs beside the calibration set.

    `make_judge` is given embeddings of neutral faces (or None) in FP32: it is asked once the FP32
    encoder has run. `key` is of everything that a trial depends on.
    """

    modality: str
    options: SearchOptions
    make_judge: Callable[[Float32 | None], Judge]
    key: str


def search_recipe(
    fp32: Path,
    plan: AutoPlan,
    samples: Samples,
    neutral: Float32 | None,
    work: Workspace,
    progress: Progress,
) -> tuple[Any, dict[str, Any]]:
    """Search, write the front into the working folder, and return (model, recipe as JSON).

    INT8 weights with float arithmetic are the fallback: they are taken where they reach the goal
    and nothing faster does. Where nothing reaches it, the best there is, and a line says so.
    """

    def fresh() -> Any:
        return core().read_model(fp32)

    named = {
        WEIGHTS_ONLY: lambda seen: quantize(fresh(), Recipe("int8-weights"), seen),
        "int8, the default": lambda seen: quantize(fresh(), default_recipe(plan.modality), seen),
        "int8, NNCF's own": lambda seen: quantize(fresh(), Recipe("int8"), seen),
    }
    journal = Journal(work.path("search.jsonl"), fingerprint(plan.key, samples.sha256))
    judge = plan.make_judge(neutral)
    found = search(fresh(), samples, judge, plan.options, progress, journal, named)
    fallback = _fallback(found, plan.options)
    recipe = {"name": "auto", "target": "cpu", **found.described()}
    model, point = found.model, found.point
    if fallback is not None:
        model, point = named[WEIGHTS_ONLY](samples), fallback
        recipe = {"name": "int8-weights", "target": "cpu", **found.facts, "reached_on_unseen": True}
    if fallback is None and not found.reached:
        _say_shortfall(point, plan.options, progress)
    _write_front(found, point, plan, judge, work)
    return model, {**recipe, "point": point.to_dict()}


def _fallback(found: Found, options: SearchOptions) -> Point | None:
    """Return the point of INT8 weights alone where it is the one to take."""
    point = {p.name: p for p in found.points}.get(WEIGHTS_ONLY)
    if point is None or not all(point.meets(options.goal, unseen) for unseen in (False, True)):
        return None
    return point if not found.reached or point.relative < found.point.relative else None


def _say_shortfall(point: Point, options: SearchOptions, progress: Progress) -> None:
    goal = options.goal
    progress.say(
        f"no INT8 recipe reached a mean Pearson of {goal.mean:g} (worst head {goal.worst:g}) on "
        f"both halves within {options.seconds:.0f} s: taking {point.name}; a longer --time-budget, "
        "more calibration material or a lower --min-agreement may help"
    )


def _write_front(found: Found, point: Point, plan: AutoPlan, judge: Judge, work: Workspace) -> None:
    versions = f"OpenVINO {openvino().get_version().split('-')[0]}"
    where = f"{cpu_name()}, {thread_budget()} threads, hint {plan.options.hint}, {versions}"
    document: Mapping[str, Any] = {
        "machine": where,
        "judged_by": judge.source,
        "goal": found.facts["goal"],
        "chosen": point.name,
        "points": [p.to_dict() for p in sorted(found.points, key=lambda p: p.relative)],
    }
    work.path("front.json").write_text(json.dumps(document, indent=1) + "\n")
    drawn = [p for p in found.points if p.latency_ms > 0]
    caption = f"{where}; scored by {judge.source}; times of different runs differ by their noise"
    draw_front(drawn, point.name, plan.options.goal, caption).save(work.path("front.png"))
