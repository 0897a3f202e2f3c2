"""Files that a stream writes: never onto what is there, and nothing half-written.

Text that grows (NDJSON, CSV, WebVTT) is written in place, one whole record at a time, so that it
can be followed while the stream runs and holds whole records if the power fails. What only makes
sense as a whole (a picture, a video) is written beside its place and moved there when it is
complete.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from emonet_edge._files import replaced
from emonet_edge._types import StrPath
from emonet_edge.exceptions import MediaError

__all__ = ["GrowingText", "check_target", "staged"]


def check_target(path: StrPath, overwrite: bool = False) -> None:
    """Find out early that a file could not be written: a stream may run for hours before it is.

    Raises:
        MediaError: something is there (and may not be replaced), or the folder does not exist.
    """
    target = Path(path)
    if target.is_dir():
        raise MediaError(f"{target} is a directory: name a file in it")
    if target.is_file() and not overwrite:
        raise MediaError(_exists(target))
    if not target.parent.is_dir():
        raise MediaError(f"{target}: there is no folder {target.parent}: make it first")


class GrowingText:
    """A text file that grows by whole records; each is handed to the system at once.

    Args:
        path: the file; a pipe or a device (/dev/null) may be there already.
        overwrite: replace a file that is there.

    Raises:
        MediaError: it exists, or cannot be created.
    """

    def __init__(self, path: StrPath, overwrite: bool = False) -> None:
        self.path = Path(path)
        check_target(self.path, overwrite)
        try:
            self._file: BinaryIO | None = _create(self.path, overwrite)
        except FileExistsError as error:  # it came between the check and now
            raise MediaError(_exists(self.path)) from error
        except OSError as error:
            raise MediaError(_cannot(self.path, error)) from error

    def write(self, text: str) -> None:
        """Append `text`, as UTF-8. After a failure, or `close`, nothing more is written.

        Raises:
            MediaError: the disk is full, the reader of a pipe went away, and the like; said once.
        """
        if self._file is None:
            return
        whole = self._file.tell() if self._file.seekable() else None
        try:
            data = memoryview(text.encode("utf-8", "backslashreplace"))
            while data:  # unbuffered: a nearly full disk takes a part
                data = data[self._file.write(data) :]
        except OSError as error:
            self._end_at(whole)
            raise MediaError(_cannot(self.path, error)) from error

    def _end_at(self, whole: int | None) -> None:
        """Cut off the part of a record that a full disk still took, and close."""
        if self._file is not None and whole is not None:
            with suppress(OSError):
                self._file.truncate(whole)
        self.close()

    def close(self) -> None:
        """Close it; twice is once."""
        file, self._file = self._file, None
        if file is not None:
            file.close()


@contextmanager
def staged(path: StrPath, overwrite: bool = False) -> Iterator[Path]:
    """Give a place beside `path`; what was written there is moved to `path` at the end.

    If the block raises, the place is removed and what was at `path` stays.

    Raises:
        MediaError: `path` exists, or cannot be written.
    """
    target = Path(path)
    check_target(target, overwrite)
    try:
        with replaced(target) as place:
            yield place
            if not overwrite and target.exists():
                raise MediaError(_exists(target))
    except OSError as error:
        raise MediaError(_cannot(target, error)) from error


def _create(path: Path, overwrite: bool) -> BinaryIO:
    if path.exists() and not path.is_file():
        return path.open("wb", buffering=0)
    if not overwrite:
        return path.open("xb", buffering=0)
    place = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    file = place.open("xb", buffering=0)
    place.replace(path)  # whoever reads the old file keeps it whole
    return file


def _exists(target: Path) -> str:
    return f"{target} exists: name another file, or allow it to be replaced (--overwrite)"


def _cannot(target: Path, error: OSError) -> str:
    return f"{target} cannot be written: {error.strerror or error}"
