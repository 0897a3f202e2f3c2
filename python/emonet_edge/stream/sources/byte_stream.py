"""Bytes of a file, a FIFO or standard input, whose reads end when the source is closed.

ffmpeg is handed bytes and never a name: it cannot open anything by itself, whatever a file says.
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
import sys
from pathlib import Path

from emonet_edge.exceptions import MediaError
from emonet_edge.stream.sources.stop_signal import StopSignal

__all__ = ["ByteStream", "is_fifo"]

_PIPE_BYTES = 1 << 20  # one 1080p frame in three reads instead of fifty; the kernel's usual limit


def is_fifo(path: str) -> bool:
    """Tell whether a path names a FIFO: its writer may go and come back."""
    try:
        return Path(path).is_fifo()
    except (OSError, ValueError):
        return False


class ByteStream:
    """An open file, FIFO or standard input.

    It has what PyAV asks of a file: `read`, `seek`, `tell`, `seekable`. A FIFO opens at once and
    its first read waits for a writer; when the last writer has gone, it ends.

    Args:
        path: a file or FIFO, or "-" for standard input.
        stop: ends a read that waits.

    Raises:
        MediaError: there is nothing at that path, or it is neither a file nor a pipe.
    """

    def __init__(self, path: str, stop: StopSignal) -> None:
        self.name = "standard input" if path == "-" else path
        self._stop = stop
        self._fd = _stdin_descriptor() if path == "-" else _open_descriptor(path)
        self._owned = path != "-"
        self._waits = not stat.S_ISREG(os.fstat(self._fd).st_mode)
        self._poll = select.poll()
        if self._waits:
            _enlarge_pipe(self._fd)
            self._poll.register(self._fd, select.POLLIN)
            self._poll.register(stop.fileno(), select.POLLIN)

    def read(self, size: int) -> bytes:
        """Return 1 to `size` bytes, or none at the end or when the source was closed."""
        while self._ready():
            try:
                return os.read(self._fd, size)
            except BlockingIOError:  # somebody else took them
                continue
        return b""

    def read_into(self, view: memoryview) -> int:
        """Fill a buffer; return its length, or less at the end or when the source was closed."""
        filled = 0
        while filled < len(view) and self._ready():
            try:
                count = os.readv(self._fd, [view[filled:]])
            except BlockingIOError:
                continue
            if not count:
                break
            filled += count
        return filled

    def seekable(self) -> bool:
        """Tell whether `seek` works: files only."""
        return not self._waits

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a byte; return its position."""
        return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        """Return the position, in bytes."""
        return os.lseek(self._fd, 0, os.SEEK_CUR)

    def release(self) -> None:
        """Close the descriptor; standard input stays open.

        Not `close`: PyAV would call it.
        """
        if self._owned and self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _ready(self) -> bool:
        """Wait for bytes, or the end of a pipe; False: the source was closed."""
        if self._waits:
            self._poll.poll()
        return not self._stop.is_set()


def _open_descriptor(path: str) -> int:
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for its writer, and nothing could end that.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise MediaError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"{path} cannot be opened: {reason}") from error
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        os.close(descriptor)
        raise MediaError(f"{path} is neither a file nor a pipe: name one")
    return descriptor


def _stdin_descriptor() -> int:
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError) as error:  # closed, or replaced by an object
        raise MediaError("there is no standard input: start with one, or name a file") from error


def _enlarge_pipe(descriptor: int) -> None:
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError:  # no pipe, or the user's limit is lower: slower, not wrong
        return
