"""One place for the latest frame: whoever is slow gets the newest, and nothing queues up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Mailbox"]

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Holds at most one item. A newer one replaces it: the replaced one is handed back.

    Thread-safe. Nobody spins: whoever waits is woken by `put`, `wake` and `close`.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def put(self, item: T) -> T | None:
        """Leave an item; return the one that it replaces, or the item itself if closed."""
        with self._changed:
            if self._closed:
                return item
            replaced, self._item = self._item, item
            self._changed.notify_all()
            return replaced

    def take(self) -> T | None:
        """Take the item out, or return None if there is none."""
        with self._changed:
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def take_if(self, item: T) -> bool:
        """Take this item out, unless it is gone already."""
        with self._changed:
            if self._item is not item:
                return False
            self._item = None
            self._changed.notify_all()
            return True

    def peek(self) -> T | None:
        """Look at the item and leave it there."""
        return self._item

    def wait_for(self, wanted: Callable[[T | None], bool]) -> bool:
        """Wait until the item (None: there is none) is as wanted; False if closed meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or wanted(self._item))
            return not self._closed

    def wake(self) -> None:
        """Let everybody who waits look again: something else that they wait for has changed."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> T | None:
        """Refuse what comes from now on, wake everybody, and return what was left."""
        with self._changed:
            self._closed = True
            item, self._item = self._item, None
            self._changed.notify_all()
            return item
