"""Hands records to a callback in a thread of its own: a slow one delays nothing but itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from emonet_edge.stream.outcomes import StreamRecord
from emonet_edge.stream.records import Records

__all__ = ["Callback", "Delivery"]

_log = logging.getLogger("emonet_edge")


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
