"""Files that are replaced whole: who reads one sees the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

__all__ = ["commit", "replaced"]


@contextlib.contextmanager
def replaced(path: Path, mode: int = 0o666, durable: bool = True) -> Iterator[Path]:
    """Give an empty file beside `path`, which takes the place of `path` at the end.

    If the block raises, or the disk is full, the new file is removed and `path` stays as it was.
    The suffix is that of `path`: writers choose the format by it.

    Args:
        path: the file; its folder must exist.
        mode: rights of the new file, cut by the process's umask.
        durable: whether its bytes are on the disk before its name is; a file that carries its own
            checksum and can be made again need not wait for that.

    Raises:
        OSError: it cannot be written.
    """
    place = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    # O_EXCL: whatever somebody else put there under this name is not followed.
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
    try:
        yield place
        if durable:
            commit(place, path)
        else:
            place.replace(path)
    finally:
        with contextlib.suppress(OSError):
            place.unlink()


def commit(place: Path, path: Path) -> None:
    """Move a complete file to `path`; its bytes are on the disk before its name is.

    Raises:
        OSError: as of `os.fsync` and `os.replace`.
    """
    with place.open("rb") as file:
        os.fsync(file.fileno())
    place.replace(path)
