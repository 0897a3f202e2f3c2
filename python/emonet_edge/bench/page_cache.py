"""The system's copy of files in memory: make it forget them, and look whether it did."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np


def drop_pages(paths: Iterable[Path]) -> dict[str, Any]:
    """Ask the system to forget these files, so that the next read comes from the disk.

    Pages that another process has mapped stay, and some file systems ignore the wish.

    Returns:
        dropped (whether most is gone; None: cannot be told), resident_bytes (what is still in
        memory; None likewise), total_bytes, note (one line for people).
    """
    found = list(paths)
    errors = [text for text in map(_drop, found) if text]
    total = sum(path.stat().st_size for path in found)
    resident = resident_bytes(found)
    dropped = None if resident is None else resident < 0.1 * total
    return {
        "dropped": dropped,
        "resident_bytes": resident,
        "total_bytes": total,
        "note": "; ".join(errors) or _note(resident, total),
    }


def _note(resident: int | None, total: int) -> str:
    if resident is None:
        return "asked the system to drop the model's pages; whether it did cannot be told"
    share = resident / max(1, total)
    if share < 0.1:
        return f"the model's pages were dropped ({100 * share:.0f} % stayed)"
    return (
        f"{100 * share:.0f} % of the model's pages stayed in memory (mapped elsewhere, or kept by "
        "the file system): not quite cold"
    )


def _drop(path: Path) -> str:
    if not hasattr(os, "posix_fadvise"):
        return "this system cannot drop pages: the disk's part is missing in the first result"
    try:
        with path.open("rb") as file:
            with contextlib.suppress(OSError):  # a read-only file system has nothing to write
                os.fsync(file.fileno())  # pages not yet written could not be dropped
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    except OSError as error:
        return f"the pages of {path.name} could not be dropped: {error.strerror}"
    return ""


def resident_bytes(paths: Iterable[Path]) -> int | None:
    """Count the bytes of files that are in memory, None where the system does not tell.

    mincore() tells the truth about files that the caller owns or may write; of others it claims
    every page (Linux 5.2 and newer).
    """
    counts = [_resident(path) for path in paths]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _resident(path: Path) -> int | None:
    status = path.stat()
    if status.st_size == 0:
        return 0
    if status.st_uid != os.geteuid() and not os.access(path, os.W_OK):
        return None
    try:
        mincore = ctypes.CDLL(None, use_errno=True).mincore
    except (OSError, AttributeError):
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        view = np.frombuffer(pages, np.uint8)  # ctypes takes no address of a read-only mapping
        flags = np.zeros(-(-status.st_size // mmap.PAGESIZE), np.uint8)
        failed = mincore(
            ctypes.c_void_p(view.ctypes.data), ctypes.c_size_t(status.st_size),
            ctypes.c_void_p(flags.ctypes.data),
        )  # fmt: skip
        del view  # or the mapping could not be closed
    return None if failed else int(np.count_nonzero(flags & 1)) * mmap.PAGESIZE
