"""When things happened: the time of a recording, and when to hand it over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from emonet_edge.exceptions import InputError
from emonet_edge.stream.clock import Clock
from emonet_edge.stream.sources.stop_signal import StopSignal

__all__ = ["MediaTimeline", "Pacer", "Playback"]

Playback = Literal["realtime", "fast"]

_LONGEST_STEP = 10.0  # seconds; a timestamp that leaps further is damaged, or begins anew


class MediaTimeline:
    """Timestamps to seconds since the start of a recording: never back, never a leap.

    A stream that was cut together, or a hostile one, has timestamps that fall back or lie years
    ahead; there the time goes on by one interval.

    Args:
        origin: timestamp of the recording's start, in seconds; tracks may begin later.
        interval: between two items, in seconds: where a timestamp says nothing.
    """

    def __init__(self, origin: float | None, interval: float) -> None:
        self._base = origin
        self._interval = interval
        self._last = 0.0
        self._begun = False

    def at(self, timestamp: float | None) -> float:
        """Return the time of the next item in seconds, never less than that of the one before."""
        usual = self._last + self._interval if self._begun else 0.0
        if timestamp is None:
            return self._move(usual)
        if self._base is None:
            self._base = timestamp
        if not 0.0 <= timestamp - self._base - self._last <= _LONGEST_STEP:
            self._base = timestamp - usual
        return self._move(timestamp - self._base)

    def _move(self, to: float) -> float:
        self._begun = True
        self._last = max(self._last, to)
        return self._last


class Pacer:
    """Hands a recording over in real time, or as fast as it is read.

    "fast": nothing waits, and times are the recording's own. "realtime": each item waits until it
    is due, and times are the stream's: `starts_at` plus the recording's own.

    Args:
        pace: "realtime" or "fast".
        clock: the stream's.
        starts_at: when the recording begins, in seconds of the stream's clock; None: with the
            first item. Picture and sound of one recording should be given the same.
        wait: waits at most that many seconds for the signal; returns whether it was set.

    Raises:
        InputError: another pace.
    """

    def __init__(
        self,
        pace: Playback,
        clock: Clock,
        starts_at: float | None = None,
        wait: Callable[[StopSignal, float], bool] = StopSignal.wait,
    ) -> None:
        if pace not in ("realtime", "fast"):
            raise InputError(f"pace must be 'realtime' or 'fast'; got {pace!r}; name one of them")
        self._realtime = pace == "realtime"
        self._clock = clock
        self._wait = wait
        self._starts_at = starts_at

    def hand_over(self, stop: StopSignal, begins: float, ends: float | None = None) -> float:
        """Wait until an item is due.

        Args:
            stop: ends the wait.
            begins: when it begins, in seconds of the recording.
            ends: when the last of it is heard; it is due then.

        Returns:
            When it began, in seconds of the stream's clock.
        """
        if not self._realtime:
            return begins
        due = begins if ends is None else ends
        if self._starts_at is None:
            self._starts_at = self._clock.now() - begins
        while (early := self._starts_at + due - self._clock.now()) > 0:
            if self._wait(stop, early):
                break
        return self._starts_at + begins
