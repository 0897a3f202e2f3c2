"""The time of a stream: seconds since its start, as a float64 that stays exact for years.

Everything in `stream` asks one clock, so that a test can let ten hours pass in minutes.
"""

from __future__ import annotations

import time
from typing import Protocol

from emonet_edge.exceptions import InputError

__all__ = ["Clock", "ManualClock", "SystemClock"]


class Clock(Protocol):
    """Tells the time of a stream."""

    def now(self) -> float:
        """Return the seconds since the stream began; never smaller than before."""


class SystemClock:
    """The machine's monotonic clock, from 0 at construction."""

    def __init__(self) -> None:
        self._zero = time.monotonic()

    def now(self) -> float:
        """Return the seconds since construction."""
        return time.monotonic() - self._zero


class ManualClock:
    """A clock that stands still until it is moved: for files, replays and tests."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        """Return the time that it was moved to, in seconds."""
        return self._now

    def advance_to(self, at: float) -> None:
        """Move to `at` seconds.

        Raises:
            InputError: that is in the past.
        """
        if at < self._now:
            raise InputError(f"time only goes on: it is {self._now} s; got {at} s")
        self._now = at
