"""Measure one model directory in this process; `python -m emonet_edge.bench REQUEST` calls it.

The clock is time.perf_counter_ns; warm-up runs are counted and left out; Python's garbage collector
is left as it is, because it runs in a service as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import emonet_edge as ee
from emonet_edge._types import Progress
from emonet_edge.bench.energy import EnergyMeter
from emonet_edge.bench.memory import memory
from emonet_edge.bench.page_cache import drop_pages
from emonet_edge.bench.percentiles import summarize, unsupported
from emonet_edge.bench.request import Request
from emonet_edge.bench.stages import INPUTS, STAGES, make_input, one_run

_REPORT_EVERY_S = 0.2  # a line for each run would cost more than some runs


def measure(request: Request, report: Progress) -> dict[str, Any]:
    """Load, run, and return figures, JSON-ready: times in ms or s, memory in bytes."""
    report("loading and compiling", 0.0)
    prepare = make_input(request.modality)
    pages = drop_pages(_files(request.model)) if request.drop_pages else None
    before = memory()
    start = perf_counter()
    model = _load(request)
    load_s = perf_counter() - start
    stages, scores = one_run(model, prepare, request.batch)
    first = {"seconds": perf_counter() - start, "load_s": load_s, "stages_ms": stages}
    result: dict[str, Any] = {"first": first, "pages": pages, "encoder": asdict(model.report)}
    if not request.first_only:
        loop = _timed_loop(model, prepare, request, report)
        last = one_run(model, prepare, request.batch)[1]
        repeats = bool((scores.values == last.values).all())
        result |= {**_identity(model, scores), **loop, "same_scores_at_the_end": repeats}
    return {**result, "memory": {**memory(), "before_loading_bytes": before["resident_bytes"]}}


def _timed_loop(model: Any, prepare: Any, request: Request, report: Progress) -> dict[str, Any]:
    progress = _Progress(request, report)
    for done in range(request.warmup):
        one_run(model, prepare, request.batch)
        progress.warming(done + 1)
    times: dict[str, list[float]] = {stage: [] for stage in STAGES}
    meter, cpu, start = EnergyMeter(), process_time(), perf_counter()
    runs, elapsed = 0, 0.0
    while not enough(request, runs, elapsed):
        for stage, milliseconds in one_run(model, prepare, request.batch)[0].items():
            times[stage].append(milliseconds)
        runs, elapsed = runs + 1, perf_counter() - start
        if progress.measuring(runs, elapsed):
            meter.sample()
    meter.sample()
    cpu_s, wall_s = process_time() - cpu, perf_counter() - start
    joules = None if meter.joules is None else meter.joules / (runs * request.batch)
    return {
        "runs": runs,
        "warmup": request.warmup,
        "stages_ms": summarize(times, request.batch),
        "unsupported": unsupported(runs),
        "wall_s": wall_s,
        "cpu_share": cpu_s / wall_s,
        "energy": {"joules_per_result": joules, "reason": meter.reason},
    }


def enough(request: Request, runs: int, elapsed: float) -> bool:
    """Tell whether the timed runs are over."""
    return _share(request, runs, elapsed) >= 1.0


def _share(request: Request, runs: int, elapsed: float) -> float:
    """Return how much of the runs is done, 0 to 1."""
    by_runs = runs / request.runs if request.runs else 0.0
    by_time = elapsed / request.seconds if request.seconds else 0.0
    return min(1.0, max(by_runs, min(by_time, runs / request.at_least)))


class _Progress:
    """Reports a few times a second."""

    def __init__(self, request: Request, report: Progress) -> None:
        self._request, self._report = request, report
        self._due = 0.0

    def warming(self, done: int) -> None:
        if self._is_due():
            self._report(f"warming up, {done} of {self._request.warmup}", 0.0)

    def measuring(self, runs: int, elapsed: float) -> bool:
        """Report if it is time; returns whether it was."""
        share = _share(self._request, runs, elapsed)
        due = self._is_due() or share == 1.0
        if due:
            self._report(f"measuring, {runs} runs", share)
        return due

    def _is_due(self) -> bool:
        now = perf_counter()
        if now < self._due:
            return False
        self._due = now + _REPORT_EVERY_S
        return True


def _identity(model: Any, scores: Any) -> dict[str, Any]:
    heads: Mapping[str, Any] = model.info["heads"]
    return {
        "suite": scores.suite,
        "synthetic": scores.synthetic,
        "input": INPUTS[model.modality],
        "heads": {
            "count": len(heads["names"]),
            "precision": heads["precision"],
            "bytes": heads["bytes"],
            "left_out": heads["left_out"],
        },
    }


def _files(model: str) -> list[Path]:
    directory = ee.ModelDir.open(model)
    return [
        directory.encoder_xml, directory.encoder_xml.with_suffix(".bin"), directory.heads_bin
    ]  # fmt: skip


def _load(request: Request) -> Any:
    """Load without a stand-in: figures of the CPU must not appear under an accelerator's name."""
    from emonet_edge.threads import set_core_type

    if request.cores is not None:
        set_core_type(request.cores)  # type: ignore[arg-type]  # it checks
    options: dict[str, Any] = {
        "device": request.device,
        "threads": request.threads,
        "precision_hint": request.precision_hint,
        "batch": request.batch,
        "fallback": request.device == "AUTO",
    }
    if request.modality == "face":
        return ee.FaceEmotionModel.load(request.model, **options)
    return ee.VoiceEmotionModel.load(request.model, heads=request.heads, **options)
