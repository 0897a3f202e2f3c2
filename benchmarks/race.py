"""Timing contestants side by side.

All contestants of a race run in turn, round after round, so that whatever else the machine does
meets them alike; ratios of medians then mean something even where they are near 1. Before the
race each one's answer is checked, and one with a wrong answer does not start.

pytest-benchmark does statistics and JSON: each contestant is a benchmark of its own in the race's
group, to which the times of the race are played back.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers.threads import limit_threads
from benchmarks.settings import LOCK_VARIABLE, THREADS

__all__ = ["Contestant", "Race", "machine_to_ourselves", "play_back", "replayed_time"]

SETTLE_S = 0.05  # threads of OpenMP, OpenBLAS and TBB spin for some milliseconds after their work


@dataclass(frozen=True)
class Contestant:
    """Something that does the work.

    Attributes:
        run: does the work once and returns the answer.
        check: raises AssertionError if the answer is wrong, with the tolerance it states.
        facts: what stands beside the time in the JSON: bytes, precision hint, remarks.
        every: it runs only in every so-manieth round: for those that take seconds.
    """

    run: Callable[[], Any]
    check: Callable[[Any], None]
    facts: Mapping[str, Any] = field(default_factory=dict)
    every: int = 1


@dataclass
class Race:
    """Contestants by name, timed in turn when the first of them is reported.

    Attributes:
        work: what is done once, with its unit, such as "30 s of sound".
        rounds: how often each runs.
        seconds: no new round starts after so many, once there are three.
        inner: timed runs in a row in each round. With 1 there is no untimed run before it.
        absent: names that cannot take part, and why.
    """

    work: str
    contestants: dict[str, Contestant]
    rounds: int = 15
    seconds: float = 45.0
    inner: int = 3
    threads: int = THREADS
    absent: dict[str, str] = field(default_factory=dict)
    _times: dict[str, list[float]] = field(default_factory=dict)
    _wrong: dict[str, AssertionError] = field(default_factory=dict)

    def report(self, benchmark: Any, name: str) -> None:
        """Check and time everyone, once, then hand `name`'s times to pytest-benchmark."""
        if name in self.absent:
            pytest.skip(self.absent[name])
        if not self._times:
            self._hold(timed=not benchmark.disabled)
        if name in self._wrong:
            raise self._wrong[name]
        contestant = self.contestants[name]
        benchmark.extra_info.update(
            {"work": self.work, "threads": self.threads, "contestant": name, **contestant.facts}
        )
        play_back(benchmark, self._times[name])

    def _hold(self, timed: bool) -> None:
        limit_threads(self.threads)
        for name, contestant in self.contestants.items():
            self._times[name] = []
            try:
                contestant.check(contestant.run())
            except AssertionError as error:
                self._wrong[name] = error
        if timed:
            self._run_rounds()
        limit_threads(THREADS)

    def _run_rounds(self) -> None:
        started = time.perf_counter()
        gc.collect()
        for number in range(self.rounds):
            if number >= 3 and time.perf_counter() - started > self.seconds:
                break
            with machine_to_ourselves():
                self._run_round(number)

    def _run_round(self, number: int) -> None:
        order = [name for name in self.contestants if name not in self._wrong]
        if number % 2:
            order.reverse()
        for name in order:
            contestant = self.contestants[name]
            if number % contestant.every == 0:
                time.sleep(SETTLE_S)
                self._times[name] += _times_of(contestant.run, self.inner)


def _times_of(run: Callable[[], Any], inner: int) -> list[float]:
    times = []
    if inner > 1:
        run()
    for _ in range(inner):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


@contextlib.contextmanager
def machine_to_ourselves() -> Iterator[None]:
    """Hold the lock that $EMONET_BENCH_LOCK names, if it names one."""
    path = os.environ.get(LOCK_VARIABLE)
    if not path:
        yield
        return
    with Path(path).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


_clock: list[float] = []


def replayed_time() -> float:
    """Be a timer for pytest-benchmark that tells the moments of a race that is over."""
    return _clock.pop(0)


def play_back(benchmark: Any, times: list[float]) -> None:
    """Hand times in seconds to pytest-benchmark; its timer has to be `replayed_time`."""
    _clock.clear()
    for seconds in times:
        _clock.extend((0.0, seconds))
    benchmark.pedantic(lambda: None, rounds=max(len(times), 1))
