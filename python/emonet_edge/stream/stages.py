"""How long each stage of an outcome took."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

__all__ = ["Stages", "Timer"]

Timer = Callable[[], float]
"""A clock for durations, in seconds: wall time (`time.perf_counter`) or CPU time of a thread."""


class Stages:
    """Milliseconds by stage. A stage that is entered again adds up.

    Args:
        timer: the clock for durations.
    """

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._ms: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is inside the `with`, also if it fails."""
        start = self._timer()
        try:
            yield
        finally:
            self.add(name, 1e3 * (self._timer() - start))

    def add(self, name: str, ms: float) -> None:
        """Add to a stage what was measured elsewhere."""
        self._ms[name] = self._ms.get(name, 0.0) + ms

    def of(self, *names: str) -> float:
        """Return the milliseconds of some stages together."""
        return sum(self._ms.get(name, 0.0) for name in names)

    def to_dict(self) -> dict[str, float]:
        """Return milliseconds by stage, in the order in which they began."""
        return dict(self._ms)
