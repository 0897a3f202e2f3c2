"""What can go wrong while exporting; each message names the rule, the value and the remedy."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emonet_edge.exceptions import EmonetError

__all__ = ["CheckpointError", "DiskFullError", "ExportError", "SourceError", "no_room"]

# EFBIG: a quota or limit on file size, which looks like a full disk to whoever writes.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ExportError(EmonetError):
    """An export cannot be done as it was asked for."""


class SourceError(ExportError):
    """A repository, revision or file cannot be had, or is not what was published."""


class CheckpointError(ExportError):
    """A file of weights is damaged, unsafe, or not of the kind that was expected."""


class DiskFullError(ExportError):
    """There is no room for what has to be written."""


@contextmanager
def no_room(place: Path, kept: str) -> Iterator[None]:
    """Turn a full disk into one clear error.

    Args:
        place: the folder that is written to.
        kept: what the user should know about what is already there.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise DiskFullError(
            f"{place}: no room left while writing ({error.strerror}): free space there or choose "
            f"another --out; {kept}"
        ) from error
