"""PortAudio itself, of which a process has one."""

from __future__ import annotations

import threading
from typing import Any

from emonet_edge.exceptions import MissingExtraError

__all__ = ["close", "library", "look_again", "opened"]

_lock = threading.Lock()
_streams: set[int] = set()


def library() -> Any:
    """Import sounddevice, or say which extra brings it."""
    try:
        import sounddevice
    except ImportError as error:
        raise MissingExtraError(
            "microphones need sounddevice, which is not installed: pip install 'emonet-edge[live]'"
        ) from error
    except OSError as error:  # the wheels for Linux do not hold PortAudio
        raise MissingExtraError(
            f"sounddevice does not find PortAudio ({error}): sudo apt install libportaudio2"
        ) from error
    return sounddevice


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
    sounddevice = library()
    with _lock:
        if _streams:
            return False
        sounddevice._terminate()
        sounddevice._initialize()
    return True
