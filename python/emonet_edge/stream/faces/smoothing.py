"""Smoothing of scores over time, with constants in seconds: the frame rate may change as it likes.

Each head is smoothed by itself. A value that is NaN says nothing: the head keeps what it had, and
its next value is weighed by the time since its last known one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from emonet_edge.exceptions import InputError

__all__ = [
    "ExponentialSmoothing",
    "OneEuroSmoothing",
    "Smoothing",
    "SmoothingOptions",
    "make_smoothing",
]

Values = NDArray[np.floating]


@dataclass(frozen=True)
class SmoothingOptions:
    """How the scores of a tracked face are smoothed.

    Args:
        kind: "exponential"; "one-euro", which smooths a still face more and a changing one less;
            "none".
        time_constant_s: of "exponential": a step has gone 63 % of its way after so many seconds.
            Facial expressions last from half a second to four; half a second calms the noise of
            single pictures and leaves the expression.
        min_cutoff_hz: of "one-euro": cut-off frequency while nothing changes.
        beta: of "one-euro": what a change of one raw unit per second adds to the cut-off, in Hz.
        derivative_cutoff_hz: of "one-euro": cut-off frequency of the speed of change.
    """

    kind: Literal["exponential", "one-euro", "none"] = "exponential"
    time_constant_s: float = 0.5
    min_cutoff_hz: float = 0.3
    beta: float = 0.3
    derivative_cutoff_hz: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in ("exponential", "one-euro", "none"):
            raise InputError(
                f"smoothing is 'exponential', 'one-euro' or 'none'; got {self.kind!r}; choose one"
            )
        for name in ("time_constant_s", "min_cutoff_hz", "derivative_cutoff_hz"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} must be above 0; got {value!r}; or use kind='none'")
        if not (math.isfinite(self.beta) and self.beta >= 0):
            raise InputError(f"beta must be at least 0; got {self.beta!r}; 0 is a fixed cut-off")


class Smoothing(Protocol):
    """What all kinds have in common."""

    def update(self, values: Values, at: float) -> NDArray[np.float64]:
        """Take the scores of one moment and return the smoothed ones.

        Args:
            values: [n_heads], NaN where unknown.
            at: seconds; a time before the last one counts as the last one.

        Returns:
            float64 [n_heads], the caller's own; NaN where no value was ever known.
        """


def make_smoothing(options: SmoothingOptions) -> Smoothing:
    """Return a fresh smoother, which knows nothing yet."""
    if options.kind == "exponential":
        return ExponentialSmoothing(options.time_constant_s)
    if options.kind == "one-euro":
        return OneEuroSmoothing(options.min_cutoff_hz, options.beta, options.derivative_cutoff_hz)
    return _NoSmoothing()


class _NoSmoothing:
    def update(self, values: Values, at: float) -> NDArray[np.float64]:
        return np.array(values, np.float64)


class _Known:
    """What is known of each head: its smoothed value, and the time of its last value."""

    def __init__(self, n_heads: int) -> None:
        self.smoothed: NDArray[np.float64] = np.full(n_heads, np.nan)
        self.at: NDArray[np.float64] = np.full(n_heads, np.nan)

    def begin(self, values: Values, at: float) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Take first values as they are; return which others are to be blended in, and after what.

        The elapsed time is in seconds, float64 [n_heads], 0 where nothing is to be blended.
        """
        known = np.isfinite(values)
        first = known & np.isnan(self.at)
        again = known & ~first
        elapsed = np.where(again, np.maximum(at - self.at, 0.0), 0.0)
        self.smoothed[first] = values[first]
        self.at[first] = at
        self.at[again] = np.maximum(self.at[again], at)
        return again, elapsed


class ExponentialSmoothing:
    """First-order low-pass, exact for irregular sampling: the weight is 1 - exp(-elapsed / T)."""

    def __init__(self, time_constant_s: float) -> None:
        self._time_constant_s = time_constant_s
        self._known: _Known | None = None

    def update(self, values: Values, at: float) -> NDArray[np.float64]:
        """See `Smoothing.update`."""
        known = self._known = self._known or _Known(len(values))
        again, elapsed = known.begin(values, at)
        weight = -np.expm1(-elapsed / self._time_constant_s)
        known.smoothed[again] += (weight * (values - known.smoothed))[again]
        return np.array(known.smoothed)


class OneEuroSmoothing:
    """The one-euro filter: a low-pass whose cut-off rises with the speed of change.

    Casiez, Roussel and Vogel, "1 EUR Filter: A Simple Speed-based Low-pass Filter for Noisy Input
    in Interactive Systems" (CHI 2012), algorithm 1, with the elapsed time in place of a fixed rate.
    """

    def __init__(self, min_cutoff_hz: float, beta: float, derivative_cutoff_hz: float) -> None:
        self._min_cutoff_hz = min_cutoff_hz
        self._beta = beta
        self._derivative_cutoff_hz = derivative_cutoff_hz
        self._known: _Known | None = None
        self._speed = np.zeros(0)

    def update(self, values: Values, at: float) -> NDArray[np.float64]:
        """See `Smoothing.update`."""
        if self._known is None:
            self._known, self._speed = _Known(len(values)), np.zeros(len(values))
        known = self._known
        again, elapsed = known.begin(values, at)
        moved = again & (elapsed > 0)
        change = np.where(moved, values - known.smoothed, 0.0)
        speed = change / np.where(moved, elapsed, 1.0)
        self._speed += _weight(self._derivative_cutoff_hz, elapsed) * (speed - self._speed)
        cutoff = self._min_cutoff_hz + self._beta * np.abs(self._speed)
        known.smoothed[moved] += (_weight(cutoff, elapsed) * change)[moved]
        return np.array(known.smoothed)


def _weight(
    cutoff_hz: float | NDArray[np.float64], elapsed: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weight of a new value: 1 / (1 + tau / elapsed) with tau = 1 / (2 pi cutoff), 0 at once."""
    turned = 2 * math.pi * cutoff_hz * elapsed
    return np.asarray(turned / (1 + turned))
