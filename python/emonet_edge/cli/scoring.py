"""The three public steps of a model, timed, and the shape of what is reported."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

from emonet_edge.drawing.style import FULL_SCALE
from emonet_edge.taxonomy import display_name

_T = TypeVar("_T")

WINDOW = 30.0  # seconds that the voice encoder hears at once


@dataclass(frozen=True)
class Scored:
    """Scores, and the time of each stage in milliseconds."""

    scores: Any
    times_ms: Mapping[str, float]


class Stopwatch:
    """Adds up named stages, in milliseconds."""

    def __init__(self) -> None:
        self.times_ms: dict[str, float] = {}

    def time(self, stage: str, work: Callable[[], _T]) -> _T:
        """Run `work` and note how long it took."""
        start = perf_counter()
        result = work()
        self.times_ms[stage] = 1e3 * (perf_counter() - start)
        return result


def score_picture(
    model: Any, image: Any, box: tuple[float, float, float, float] | None = None
) -> Scored:
    """Prepare, embed and score one picture (RGB)."""
    return _three_steps(model, lambda: model.prepare(image, box, "rgb"))


def score_clip(model: Any, waveform: Any, sample_rate: int) -> Scored:
    """Prepare, embed and score one window of sound."""
    return _three_steps(model, lambda: model.prepare(waveform, sample_rate))


def _three_steps(model: Any, prepare: Callable[[], Any]) -> Scored:
    watch = Stopwatch()
    tensor = watch.time("prepare", prepare)
    embedding = watch.time("encoder", lambda: model.embed(tensor))
    scores = watch.time("heads", lambda: model.score(embedding))
    times = dict(watch.times_ms)
    return Scored(scores, {**times, "total": sum(times.values())})


def windows(samples: int, sample_rate: int, hop: float) -> list[tuple[int, int]]:
    """Cut a clip into windows of `WINDOW` seconds: (first sample, sample behind the last).

    They start `hop` seconds apart. The last one ends with the clip, so that it is not mostly
    padding; up to `WINDOW` seconds are one window.
    """
    size = round(WINDOW * sample_rate)
    if samples <= size:
        return [(0, samples)]
    step = max(1, round(hop * sample_rate))
    count = math.ceil((samples - size) / step)
    starts = [index * step for index in range(count)] + [samples - size]
    return [(start, start + size) for start in starts]


def top(scores: Any, count: int, calibrated: bool) -> list[tuple[str, float]]:
    """Return the highest emotions with their display names."""
    return [
        (display_name(name, scores.modality), value)
        for name, value in scores.top(count, calibrated)
    ]


def full_scale(modality: str, values: Sequence[float]) -> float:
    """Return where a bar ends: the modality's scale, or the highest value if that is above."""
    return max([FULL_SCALE[modality], *(value for value in values if math.isfinite(value))])


def scale_caption(modality: str, calibrated: bool, scale: float) -> str:
    """Say what the numbers are, in one line."""
    what = "Raw scores"
    if calibrated and modality == "face":
        what = "Above the neutral face, in raw units"
    elif calibrated:
        what = "In standard deviations of everyday speech"
    return f"{what}; a full bar is {scale:.3g}."


def times_text(times_ms: Mapping[str, float]) -> str:
    """Write the stages on one line."""
    return ", ".join(f"{stage} {milliseconds:.1f} ms" for stage, milliseconds in times_ms.items())
