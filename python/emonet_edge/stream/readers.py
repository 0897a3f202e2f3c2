"""What reads the sources of a session: a thread for each, or all of them in turn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emonet_edge.stream.frames import Frame
from emonet_edge.stream.lanes import end_of

__all__ = ["Readers", "read_in_turn"]

Take = Callable[[Any], None]


@dataclass
class _Reading:
    source: Any
    take: Take
    item: Any = None

    @property
    def due(self) -> float:
        """When the item that was read was complete, in seconds."""
        return self.item.captured_at if isinstance(self.item, Frame) else end_of(self.item)


class Readers:
    """Reads sources until they end, each in a thread.

    Args:
        on_error: is told what a source raised; that source is over.
        on_end: is called when all that were added have ended, in the thread of the last.
    """

    def __init__(
        self, on_error: Callable[[Any, Exception], None], on_end: Callable[[], None]
    ) -> None:
        self._on_error, self._on_end = on_error, on_end
        self._changing = threading.Lock()
        self._readings: list[_Reading] = []
        self._threads: list[threading.Thread] = []
        self._running = 0

    def add(self, source: Any, take: Take, name: str) -> None:
        """Begin to read a source."""
        reading = _Reading(source, take)
        thread = threading.Thread(target=self._read, args=(reading,), name=name, daemon=True)
        with self._changing:
            self._readings.append(reading)
            self._threads.append(thread)
            self._running += 1
        thread.start()

    @property
    def over(self) -> bool:
        """Whether none is being read."""
        return self._running == 0

    def close_sources(self) -> None:
        """End every read that waits."""
        for reading in self._readings:
            reading.source.close()

    def join(self) -> None:
        """Wait for the threads, unless it is one of them that asks."""
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _read(self, reading: _Reading) -> None:
        try:
            while (item := reading.source.read()) is not None:
                reading.take(item)
        except Exception as error:
            self._on_error(reading.source, error)
        finally:
            reading.source.close()
            with self._changing:
                self._running -= 1
                last = self._running == 0
            if last:
                self._on_end()


def read_in_turn(
    sources: list[tuple[Any, Take]], on_error: Callable[[Any, Exception], None]
) -> Callable[[], bool]:
    """Return a function that takes the next item in of whichever source is behind in time.

    It returns False once all have ended. Each source is closed at its end.
    """
    readings = [_Reading(source, take) for source, take in sources]

    def fetch(reading: _Reading) -> None:
        try:
            reading.item = reading.source.read()
        except Exception as error:
            on_error(reading.source, error)
            reading.item = None
        if reading.item is None:
            reading.source.close()
            readings.remove(reading)

    def step() -> bool:
        for reading in [reading for reading in readings if reading.item is None]:
            fetch(reading)
        if not readings:
            return False
        behind = min(readings, key=lambda reading: reading.due)
        item, behind.item = behind.item, None
        try:
            behind.take(item)
        except Exception as error:
            on_error(behind.source, error)
        return True

    return step
