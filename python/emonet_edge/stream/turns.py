"""Face and voice encoders take turns: one at a time, each with all threads of the budget.

Two encoders at once would have twice the threads that the process may use, and both would be late.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator

from emonet_edge.exceptions import EmonetError

__all__ = ["ClosedError", "Turns"]


class ClosedError(EmonetError):
    """The stream was closed while something waited for its turn."""


class Turns:
    """First come, first served: a lane that has had its turn queues up behind the other.

    With one thread a lane, face and voice alternate as long as both have work, and neither waits
    for more than one run of the other.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()  # the first one has the turn
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return max(len(self._queue) - 1, 0)

    def wait(self) -> contextlib.AbstractContextManager[None]:
        """Wait for the turn, which then lasts until the returned `with` ends.

        Raises:
            ClosedError: `close` was called before it came.
        """
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            self._changed.wait_for(lambda: self._closed or self._queue[0] is ticket)
            if self._closed:
                self._queue.remove(ticket)
                raise ClosedError("the stream was closed while this waited for its turn")
        return self._turn(ticket)

    @contextlib.contextmanager
    def _turn(self, ticket: object) -> Iterator[None]:
        try:
            yield
        finally:
            with self._changed:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def close(self) -> None:
        """Turn away everybody who waits; whoever has the turn finishes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
