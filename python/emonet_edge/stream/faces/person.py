"""What is known of a tracked face, and forgotten with its track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonet_edge.scores import Scores
from emonet_edge.stream.faces.baseline import BaselineOptions, NeutralBaseline
from emonet_edge.stream.faces.smoothing import SmoothingOptions, make_smoothing

__all__ = ["LastScores", "Person"]


@dataclass(frozen=True)
class LastScores:
    """Scores, the time of their picture in seconds, and its thumbnail."""

    scores: Scores
    at: float
    thumbnail: Any


class Person:
    """Smoothed scores and neutral baseline of one track. Anonymous: it holds no picture.

    The thumbnail of the face that was scored last is kept, a few hundred numbers, to see whether
    the face has changed.
    """

    def __init__(self, smoothing: SmoothingOptions, baseline: BaselineOptions) -> None:
        self.last: LastScores | None = None
        self._smoothing = make_smoothing(smoothing)
        self._baseline = NeutralBaseline(baseline)

    def show(self, last: LastScores, at: float) -> tuple[NDArray[np.float64], dict[str, float]]:
        """Take the scores that hold at a moment, new ones or those of an unchanged face.

        An unchanged face goes on having its scores: smoothing and baseline hear of it, as they
        would if the encoder had run again.

        Returns:
            The smoothed values, float64 [n_heads], and the deviations from the person's neutral
            ones by head (empty until there is a baseline).
        """
        if self.last is None or last.at >= self.last.at:
            self.last = last
        values = last.scores.values
        smoothed = self._smoothing.update(values, at)
        self._baseline.update(values, at)
        deviation = self._baseline.deviation(values)
        if deviation is None:
            return smoothed, {}
        return smoothed, dict(zip(last.scores.names, deviation.tolist(), strict=True))
