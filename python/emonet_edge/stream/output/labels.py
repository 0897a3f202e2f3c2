"""What people are shown of scores: the strongest emotions, by their display names."""

from __future__ import annotations

import math
from collections.abc import Mapping

from emonet_edge.scores import Scores
from emonet_edge.stream.outcomes import FaceReading
from emonet_edge.taxonomy import EMOTIONS, display_name

__all__ = ["label", "raw_values", "reading_values", "top_emotions", "top_text"]


def label(name: str, modality: str) -> str:
    """Return the display name of a head."""
    return display_name(name, modality)


def reading_values(reading: FaceReading) -> dict[str, float]:
    """Return a face's values by head: the smoothed ones where there are any, else the raw ones."""
    return dict(reading.smoothed) if reading.smoothed else raw_values(reading.scores)


def raw_values(scores: Scores | None) -> dict[str, float]:
    """Return raw scores by head, as the shortest decimals; nothing if there are none."""
    if scores is None:
        return {}
    return {name: float(str(value)) for name, value in zip(scores.names, scores.raw, strict=True)}


def top_emotions(values: Mapping[str, float], count: int) -> list[tuple[str, float]]:
    """Return the highest emotions as (head, value); attributes and unknown values never rank."""
    known = [(name, values[name]) for name in EMOTIONS if math.isfinite(values.get(name, math.nan))]
    return sorted(known, key=lambda item: -item[1])[:count]


def top_text(values: Mapping[str, float], count: int, modality: str) -> str:
    """Write the highest emotions on one line: "Elation 2.31, Pride 1.02"."""
    ranked = top_emotions(values, count)
    return ", ".join(f"{label(name, modality)} {value:.2f}" for name, value in ranked)
