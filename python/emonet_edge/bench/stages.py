"""The latency of each stage, and what is made of the times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from emonet_edge.bench.request import Request

STAGES = ("prepare", "encoder", "heads", "total")

_FRAME = (1080, 1920, 3)  # a camera's frame, of which a face is cropped
_BOX = (760.0, 240.0, 400.0, 480.0)


def make_input(modality: str) -> Callable[[Any], Any]:
    """Return what a run prepares: a face in a 1080p frame, or 30 s of sound at 16 kHz."""
    if modality == "face":
        frame = np.random.default_rng(0).integers(0, 256, _FRAME, dtype=np.uint8)
        return lambda model: model.prepare(frame, _BOX, "rgb")
    from emonet_edge.demo_material import SAMPLE_RATE, synthesize_voice

    waveform = synthesize_voice(30.0)
    return lambda model: model.prepare(waveform, SAMPLE_RATE)


def time_stages(
    model: Any, request: Request, report: Callable[[str, float], None]
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the first run's times and those of the timed runs, in milliseconds by stage."""
    prepare = make_input(request.modality)
    first = _one_run(model, prepare)
    total = request.warmup + request.runs
    times: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for index in range(total):
        run = _one_run(model, prepare)
        if index >= request.warmup:
            for stage, milliseconds in run.items():
                times[stage].append(milliseconds)
        report("warming up" if index < request.warmup else "measuring", (index + 1) / total)
    return first, times


def _one_run(model: Any, prepare: Callable[[Any], Any]) -> dict[str, float]:
    start = perf_counter()
    tensor = prepare(model)
    prepared = perf_counter()
    embedding = model.embed(tensor)
    embedded = perf_counter()
    model.score(embedding)
    end = perf_counter()
    moments = (prepared - start, embedded - prepared, end - embedded, end - start)
    return dict(zip(STAGES, (1e3 * seconds for seconds in moments), strict=True))


def summarize(times: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """By stage: p50, p95, mean, min and max in milliseconds; percentiles interpolate linearly."""
    return {
        stage: {
            "p50": float(np.percentile(values, 50)),
            "p95": float(np.percentile(values, 95)),
            "mean": float(np.mean(values)),
            "min": float(np.min(values)),
            "max": float(np.max(values)),
        }
        for stage, values in times.items()
    }
