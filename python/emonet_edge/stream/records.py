"""How records reach their reader: a bounded buffer, so that a slow reader blocks nobody.

Whoever gave a callback is called in a thread of its own: a slow one delays nothing but itself.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from emonet_edge.stream.outcomes import Notice, StreamRecord

__all__ = ["Callback", "Delivery", "Records"]

_log = logging.getLogger("emonet_edge")


class Records:
    """A buffer between the lanes and one reader.

    Where it is full the oldest record is lost. The reader is told how many in a `Notice` at the
    place where they were.

    Args:
        capacity: records that may wait.
        now: the stream's time, for that notice.
    """

    def __init__(self, capacity: int, now: Callable[[], float]) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[StreamRecord] = deque()
        self._capacity = capacity
        self._now = now
        self._untold = 0
        self._closed = False
        self.lost = 0

    def put(self, record: StreamRecord) -> None:
        """Add a record; never blocks."""
        with self._changed:
            if len(self._waiting) >= self._capacity:
                self._waiting.popleft()
                self.lost += 1
                self._untold += 1
            self._waiting.append(record)
            self._changed.notify_all()

    def take(self, wait: bool = True) -> StreamRecord | None:
        """Return the oldest record; None if there is none, after the end if it may wait."""
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._untold:
                return self._notice_of_loss()
            return self._waiting.popleft() if self._waiting else None

    def _notice_of_loss(self) -> Notice:
        lost, self._untold = self._untold, 0
        text = f"{lost} records were lost: they were not read as fast as they came"
        return Notice(self._now(), "records", text, {"lost": lost, "lost_in_all": self.lost})

    def close(self) -> None:
        """Say that there will be no more: the reader gets what is left and then None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Callback:
    """A callback that may raise. The first time is logged, every time is counted."""

    def __init__(self, function: Callable[[StreamRecord], None]) -> None:
        self._function = function
        self.errors = 0

    def __call__(self, record: StreamRecord) -> None:
        """Hand over a record."""
        try:
            self._function(record)
        except Exception:
            self.errors += 1
            if self.errors == 1:
                _log.exception("on_record raised; the stream goes on, later ones are only counted")


class Delivery:
    """Reads records until they end."""

    def __init__(self, records: Records, callback: Callback) -> None:
        self._records, self._callback = records, callback
        self._thread = threading.Thread(target=self._run, name="emonet-records", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (record := self._records.take()) is not None:
            self._callback(record)

    def join(self) -> None:
        """Wait until the last record was handed over, unless the callback itself asks."""
        if self._thread is not threading.current_thread():
            self._thread.join()
