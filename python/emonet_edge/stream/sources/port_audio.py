"""PortAudio itself, of which a process has one."""

from __future__ import annotations

import threading
from typing import Any

from emonet_edge._extras import sounddevice

__all__ = ["close", "look_again", "opened"]

_lock = threading.Lock()
_streams: set[int] = set()


def opened(stream: Any) -> Any:
    """Note that a stream is open, and return it."""
    with _lock:
        _streams.add(id(stream))
    return stream


def close(stream: Any) -> None:
    """Close a stream, whatever became of its device."""
    stream.close(ignore_errors=True)
    with _lock:
        _streams.discard(id(stream))


def look_again() -> bool:
    """Let PortAudio see what was plugged in since it last looked; return whether it could.

    It looks once, when it starts. Starting it anew ends every open stream, so it is done only while
    none of ours is open, and only after a device was not found.
    """
    library = sounddevice()
    with _lock:
        if _streams:
            return False
        library._terminate()
        library._initialize()
    return True
