"""A flag that also wakes whoever waits, be it in `wait` or in `poll` on a descriptor."""

from __future__ import annotations

import os
import threading
import weakref

__all__ = ["StopSignal"]


class StopSignal:
    """Set once, from any thread: ends the waits of a source."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        # Kept until nobody can poll it any more: a number that is closed early is given out again.
        weakref.finalize(self, os.close, self._fd)

    def set(self) -> None:
        """End every wait, those that come later as well."""
        self._event.set()
        os.eventfd_write(self._fd, 1)

    def is_set(self) -> bool:
        """Tell whether it was set."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds`; return whether it was set."""
        return self._event.wait(seconds)

    def fileno(self) -> int:
        """Return a descriptor that is readable from `set` on."""
        return self._fd
