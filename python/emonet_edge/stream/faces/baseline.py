"""What is neutral for this person: the median of how they looked while they were first seen.

A resting face is not neutral to a model: brows, wrinkles, glasses and light shift every head by a
constant of that person. Deviations from their own baseline are comparable between people.

The median over the first minute was chosen over two others. A low quantile suits people who smile
all along, but it is biased: noise alone puts a calm face above its own low quantile for ever, and
`valence` or `dominance` have no low end that means neutral. The first few seconds alone are a
handful of scores, just when somebody steps up and is busy arriving. A median forgets any expression
that takes less than half of the time. After the minute it is frozen, so that a mood that lasts does
not become the new neutral. Somebody who laughs for the whole minute has a laughing baseline: the
raw scores stay beside it.

Anonymous: it belongs to a track, no face is recognised, and it is forgotten with the track.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emonet_edge.exceptions import InputError

__all__ = ["BaselineOptions", "NeutralBaseline"]


@dataclass(frozen=True)
class BaselineOptions:
    """How the neutral baseline of a person is learnt.

    Args:
        sample_every_s: scores closer together than this are one sample, so that a fast encoder
            fills the minute no sooner than a slow one.
        needed: samples before there is a baseline at all (10: five seconds at least).
        enough: samples after which it is frozen (120: a minute at least).
        quantile: of the samples, 0.5 is the median.
    """

    sample_every_s: float = 0.5
    needed: int = 10
    enough: int = 120
    quantile: float = 0.5

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sample_every_s) and self.sample_every_s >= 0):
            raise InputError(
                f"sample_every_s must be at least 0; got {self.sample_every_s!r}; 0 takes all"
            )
        if not 1 <= self.needed <= self.enough <= 10_000:
            raise InputError(
                f"a baseline takes 1 <= needed <= enough <= 10000 samples; got needed="
                f"{self.needed}, enough={self.enough}; lower needed or raise enough"
            )
        if not 0 <= self.quantile <= 1:
            raise InputError(f"a quantile is from 0 to 1; got {self.quantile!r}; 0.5 is the median")


class NeutralBaseline:
    """Learns one person's neutral scores, and says how far a score is from them."""

    def __init__(self, options: BaselineOptions) -> None:
        self._options = options
        self._samples: list[NDArray[np.float64]] = []
        self._next_at = -math.inf
        self._neutral: NDArray[np.float64] | None = None
        self._frozen = False

    @property
    def neutral(self) -> NDArray[np.float64] | None:
        """Neutral scores, float64 [n_heads]; None until there are enough samples."""
        return self._neutral

    def update(self, values: NDArray[np.floating], at: float) -> None:
        """Learn from the raw scores [n_heads] of one moment, `at` in seconds; NaN says nothing."""
        if self._frozen or at < self._next_at:
            return
        options = self._options
        self._samples.append(np.array(values, np.float64))
        self._next_at = at + options.sample_every_s
        if len(self._samples) >= options.needed:
            self._neutral = _quantile(np.stack(self._samples), options.quantile)
        if len(self._samples) >= options.enough:
            self._frozen = True
            self._samples.clear()

    def deviation(self, values: NDArray[np.floating]) -> NDArray[np.float64] | None:
        """Return values minus the person's neutral ones, in raw units; None while unknown."""
        return None if self._neutral is None else values - self._neutral


def _quantile(samples: NDArray[np.float64], quantile: float) -> NDArray[np.float64]:
    """Quantile of each column over what is not NaN, linearly between neighbours.

    As np.nanquantile, but a column of NaN gives NaN without a warning.
    """
    ordered = np.sort(np.where(np.isfinite(samples), samples, np.nan), axis=0)  # NaN comes last
    place = quantile * np.maximum(np.isfinite(ordered).sum(axis=0) - 1, 0)
    low = np.floor(place).astype(int)
    high = np.ceil(place).astype(int)
    columns = np.arange(samples.shape[1])
    below, above = ordered[low, columns], ordered[high, columns]
    return np.asarray(below + (place - low) * (above - below))
