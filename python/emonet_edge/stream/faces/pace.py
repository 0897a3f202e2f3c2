"""At most so many times a second, on average exactly so many where there are frames enough."""

from __future__ import annotations

import math

from emonet_edge.exceptions import InputError

__all__ = ["Pace"]

# Frames of a camera tremble: 10 Hz out of 30 frames a second would become 7.5 Hz if a frame that
# comes a millisecond early had to wait for the next one.
EARLY_S = 0.01


class Pace:
    """Says when something is due.

    Args:
        rate_hz: at most so many times a second.
    """

    def __init__(self, rate_hz: float) -> None:
        self._next_at = -math.inf
        self.rate_hz = rate_hz

    @property
    def rate_hz(self) -> float:
        """The rate; a new one holds from the next time on."""
        return self._rate_hz

    @rate_hz.setter
    def rate_hz(self, rate_hz: float) -> None:
        if not (math.isfinite(rate_hz) and rate_hz > 0):
            raise InputError(f"a rate must be above 0 Hz; got {rate_hz!r}; pass times per second")
        self._rate_hz = rate_hz

    def due(self, at: float) -> bool:
        """Tell whether it may happen at `at`, in seconds."""
        return at >= self._next_at - min(EARLY_S, 0.2 / self._rate_hz)

    def took(self, at: float) -> None:
        """Say that it happened; a delay of less than an interval is made up for, no longer one."""
        interval = 1 / self._rate_hz
        in_step = at < self._next_at + interval
        self._next_at = (self._next_at if in_step else at) + interval
