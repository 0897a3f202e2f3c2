"""The runs: what goes in, and the time of each stage."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import numpy as np

STAGES = ("prepare", "encoder", "heads", "total")

_FRAME = (1080, 1920, 3)  # a camera's frame, of which a face is cropped
_BOX = (760.0, 240.0, 400.0, 480.0)
INPUTS = {"face": "1080p frame, box of 400x480", "voice": "30 s at 16 kHz"}


def make_input(modality: str) -> Callable[[Any], Any]:
    """Return what a run prepares: a face in a 1080p frame, or 30 s of sound at 16 kHz."""
    if modality == "face":
        frame = np.random.default_rng(0).integers(0, 256, _FRAME, dtype=np.uint8)
        return lambda model: model.prepare(frame, _BOX, "rgb")
    from emonet_edge.synthetic.demo_material import SAMPLE_RATE, synthesize_voice

    waveform = synthesize_voice(30.0)
    return lambda model: model.prepare(waveform, SAMPLE_RATE)


def one_run(model: Any, prepare: Callable[[Any], Any], batch: int) -> tuple[dict[str, float], Any]:
    """Run `batch` inputs; returns milliseconds by stage, and the scores of the last input."""
    if batch > 1:
        return _batch_run(model, prepare, batch)
    start = perf_counter_ns()
    tensor = prepare(model)
    prepared = perf_counter_ns()
    embedding = model.embed(tensor)
    embedded = perf_counter_ns()
    scores = model.score(embedding)
    return _times(start, prepared, embedded, perf_counter_ns()), scores


def _batch_run(
    model: Any, prepare: Callable[[Any], Any], batch: int
) -> tuple[dict[str, float], Any]:
    start = perf_counter_ns()
    tensors = np.stack([prepare(model) for _ in range(batch)])
    prepared = perf_counter_ns()
    embeddings = model.embed(tensors)
    embedded = perf_counter_ns()
    scores = model.score_batch(embeddings)[-1]
    return _times(start, prepared, embedded, perf_counter_ns()), scores


def _times(start: int, prepared: int, embedded: int, end: int) -> dict[str, float]:
    spans = (prepared - start, embedded - prepared, end - embedded, end - start)
    return dict(zip(STAGES, (1e-6 * nanoseconds for nanoseconds in spans), strict=True))
