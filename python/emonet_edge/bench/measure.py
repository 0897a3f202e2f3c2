"""Measure one model directory in this process; `python -m emonet_edge.bench REQUEST` calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import emonet_edge as ee
from emonet_edge.bench.memory import memory
from emonet_edge.bench.request import Request
from emonet_edge.bench.stages import make_input, summarize, time_stages


def measure(request: Request, report: Callable[[str, float], None]) -> dict[str, Any]:
    """Load, run, and return figures, JSON-ready: times in ms or s, memory in bytes."""
    report("loading and compiling", 0.0)
    before = memory()
    start = perf_counter()
    model = _load(request)
    load_s = perf_counter() - start
    first, times = time_stages(model, request, report)
    scores = model.score(model.embed(make_input(request.modality)(model)))
    return {
        "model": request.model,
        "modality": request.modality,
        "suite": scores.suite,
        "synthetic": scores.synthetic,
        "input": "1080p frame, 400x480 box" if request.modality == "face" else "30 s at 16 kHz",
        "heads": _heads(model.info["heads"]),
        "encoder": model.info["encoder"],
        "isa": ee.info().get("isa"),
        "threads": request.threads,
        "runs": request.runs,
        "warmup": request.warmup,
        "load_s": load_s,
        "first_ms": first,
        "stages_ms": summarize(times),
        "memory": {**memory(), "before_loading_bytes": before["resident_bytes"]},
    }


def _heads(info: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "count": len(info["names"]),
        "precision": info["precision"],
        "bytes": info["bytes"],
        "left_out": info["left_out"],
    }


def _load(request: Request) -> Any:
    if request.modality == "face":
        return ee.FaceEmotionModel.load(
            request.model, device=request.device, threads=request.threads
        )
    return ee.VoiceEmotionModel.load(
        request.model, device=request.device, heads=request.heads, threads=request.threads
    )
