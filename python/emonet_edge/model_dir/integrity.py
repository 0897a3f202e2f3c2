"""Whether the files of a model directory are the ones its manifest lists."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emonet_edge._files import replaced
from emonet_edge._types import Progress
from emonet_edge.exceptions import IntegrityError
from emonet_edge.machine.paths import cache_dir
from emonet_edge.model_dir.manifest import MANIFEST_NAME, FileInfo, Manifest

__all__ = [
    "FileResult",
    "check_hash",
    "check_hash_once",
    "check_present",
    "sha256_of_file",
    "verify_all",
]


_CHUNK = 1 << 20
_MEMORY_FILE = "verified-files.json"
_MOST_REMEMBERED = 64
_MOST_BYTES = 1 << 18
_REMEDY = "export or download the model directory again"


@dataclass(frozen=True)
class FileResult:
    """The outcome for one file: its name, size in bytes, and the problem (None: as listed)."""

    name: str
    size: int
    problem: str | None = None

    @property
    def ok(self) -> bool:
        """True if the file is what the manifest lists."""
        return self.problem is None


def sha256_of_file(path: Path, progress: Progress | None = None) -> str:
    """Return the sha256 of a file in hex.

    Read in chunks, not mapped: a file that shrinks meanwhile is then a short read and not a
    SIGBUS, and the pages do not count as this process's memory.
    """
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        done = 0
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            done += count
            if progress is not None:
                progress(path.name, min(1.0, done / max(1, size)))
    return digest.hexdigest()


def check_present(directory: Path, name: str, info: FileInfo) -> Path:
    """Return the path of a listed file after checking that it is there, plain, and of its size.

    Raises:
        IntegrityError: it is missing, not a regular file, a link that leads out of the directory,
            or of another size.
    """
    path = directory / name
    try:
        # Non-regular files are refused unopened: opening a pipe would wait for ever.
        found = path.stat()
        inside = path.resolve().is_relative_to(directory.resolve())
    except FileNotFoundError:
        raise IntegrityError(f"{path}: listed in {MANIFEST_NAME} but missing; {_REMEDY}") from None
    except OSError as error:
        raise IntegrityError(f"{path}: cannot be read: {error.strerror}; {_REMEDY}") from None
    if not inside:
        raise IntegrityError(
            f"{path}: a link to {path.resolve()}, outside the model directory; "
            "put the file itself there"
        )
    if not stat.S_ISREG(found.st_mode):
        raise IntegrityError(f"{path}: must be a regular file; {_REMEDY}")
    if found.st_size != info.size:
        raise IntegrityError(
            f"{path}: {found.st_size} bytes, {MANIFEST_NAME} says {info.size}; {_REMEDY}"
        )
    return path


def check_hash(path: Path, info: FileInfo, progress: Progress | None = None) -> None:
    """Compare the sha256 of a file.

    Raises:
        IntegrityError: it differs, or the file cannot be read.
    """
    try:
        found = sha256_of_file(path, progress)
    except OSError as error:
        raise IntegrityError(f"{path}: cannot be read: {error.strerror}; {_REMEDY}") from None
    if found != info.sha256:
        raise IntegrityError(
            f"{path}: sha256 is {found}, {MANIFEST_NAME} says {info.sha256}; {_REMEDY}"
        )


def check_hash_once(path: Path, info: FileInfo, progress: Progress | None = None) -> bool:
    """Compare the sha256 of a file unless that was done before and the file was not touched since.

    Remembered in the cache directory by (path, inode, size, mtime, sha256). Whatever is wrong with
    that memory means "not remembered" and never an error.

    Returns:
        True if the file was hashed now, False if it was remembered.

    Raises:
        IntegrityError: the hash differs, or the file cannot be read.
    """
    mark = _mark(path, info)
    if mark is not None and mark in _remembered():
        return False
    check_hash(path, info, progress)
    if mark is not None and mark == _mark(path, info):  # not touched while it was read
        _remember(mark)
    return True


def verify_all(
    directory: Path, manifest: Manifest, progress: Progress | None = None
) -> tuple[FileResult, ...]:
    """Hash every listed file and say of each whether it is what the manifest lists."""
    results = []
    for name, info in manifest.files.items():
        problem = None
        try:
            check_hash(check_present(directory, name, info), info, progress)
        except IntegrityError as error:
            problem = str(error)
        results.append(FileResult(name, info.size, problem))
    return tuple(results)


def _mark(path: Path, info: FileInfo) -> list[Any] | None:
    try:
        real = path.resolve()
        found = real.stat()
    except OSError:
        return None
    return [str(real), found.st_ino, found.st_size, found.st_mtime_ns, info.sha256]


def _memory_path() -> Path | None:
    base = cache_dir()
    return None if base is None else base / _MEMORY_FILE


def _remembered() -> list[Any]:
    path = _memory_path()
    if path is None:
        return []
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            # What others can write could vouch for a file that they changed.
            if found.st_uid != os.geteuid() or found.st_mode & 0o022:
                return []
            marks = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return []
    return marks if isinstance(marks, list) else []


def _remember(mark: list[Any]) -> None:
    path = _memory_path()
    if path is None:
        return
    others = [m for m in _remembered() if isinstance(m, list) and m[:1] != mark[:1]]
    text = json.dumps([*others, mark][-_MOST_REMEMBERED:])
    with contextlib.suppress(OSError, ValueError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replaced(path, mode=0o600) as place:
            place.write_text(text, encoding="utf-8")
