"""Compiled models on disk: bounded, atomic, checked, and never a reason to fail.

A blob is code, so it is only read from a folder that nobody else can write, and only handed on
when its checksum is right, as the very bytes that were checked. Whatever is wrong with the
cache, the answer is "no cache" and the reason, not an error.

One file per entry, `<key>.blob`: magic, version, length and SHA-256 of the blob, then the blob.
One file makes replacing it atomic, so two processes that compile at once leave one good entry.

OpenVINO's own CACHE_DIR was measured against export and import through this file. CACHE_DIR
names its files by itself, never removes any, does not check them, and shows no difference in
memory or speed (27 blocks, 411 MB INT8, 2 cores: compiling 5 s, either way of loading 0.8-1.2 s).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from emonet_edge._files import replaced
from emonet_edge._sizes import parse_size
from emonet_edge.exceptions import InputError
from emonet_edge.machine.paths import cache_dir

__all__ = ["CacheUnavailableError", "CompileCache", "cache_key"]

DEFAULT_LIMIT = 4 << 30  # bytes
STALE_S = 3600.0  # a temporary file older than this was left by a process that died
_HEADER = struct.Struct("<8sIQ32s")  # magic, version, length in bytes, SHA-256
_MAGIC = b"EMONETCC"
_VERSION = 1


class CacheUnavailableError(Exception):
    """There is no cache, and why. Never leaves the encoder, which reports it as "off: why"."""


def cache_key(fields: Mapping[str, object]) -> str:
    """Return the SHA-256, in hex, of everything that the compiled model depends on."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class CompileCache:
    """The entries in one folder; `limit` bounds their total size in bytes."""

    folder: Path
    limit: int = DEFAULT_LIMIT

    @classmethod
    def open(cls, environment: Mapping[str, str] | None = None) -> CompileCache:
        """Open `$XDG_CACHE_HOME/emonet-edge/compiled`, bounded by `$EMONET_CACHE_SIZE`.

        Raises: CacheUnavailableError when it is switched off, cannot be made or is not safe.
        """
        environment = os.environ if environment is None else environment
        limit = _limit(environment.get("EMONET_CACHE_SIZE") or str(DEFAULT_LIMIT))
        if limit == 0:
            raise CacheUnavailableError("EMONET_CACHE_SIZE is 0")
        home = cache_dir(environment)
        if home is None:
            raise CacheUnavailableError("neither XDG_CACHE_HOME nor a home folder is set")
        folder = home / "compiled"
        _make_private(folder)
        return cls(folder, limit)

    def get(self, key: str) -> bytes | None:
        """Return the blob under `key`, or None where there is none or it is damaged."""
        path = self._path(key)
        try:
            blob = _checked_blob(_read_private(path))
        except OSError:
            return None
        if blob is None:
            self.drop(key)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the time of last use, which decides what is removed first
        return blob

    def put(self, key: str, blob: bytes) -> None:
        """Store `blob`, removing the entries unused for longest to stay within the limit.

        Raises: CacheUnavailableError when it cannot be stored: full disk, read-only, too large.
        """
        size = _HEADER.size + len(blob)
        if size > self.limit:
            raise CacheUnavailableError(f"the entry of {size} bytes exceeds the {self.limit} bytes")
        digest = hashlib.sha256(blob).digest()
        try:
            self._make_room(size, keep=key)
            with (
                replaced(self._path(key), mode=0o600, durable=False) as place,
                place.open("wb") as stream,
            ):
                stream.write(_HEADER.pack(_MAGIC, _VERSION, len(blob), digest))
                stream.write(blob)
        except OSError as error:
            raise CacheUnavailableError(f"cannot write {self.folder}: {error.strerror}") from error

    def drop(self, key: str) -> None:
        """Remove an entry, if it is there and can be removed."""
        with contextlib.suppress(OSError):
            self._path(key).unlink()

    def size(self) -> int:
        """Return the bytes that all entries take."""
        return sum(size for _, size, _ in self._entries("[!.]*.blob"))

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.blob"

    def _entries(self, pattern: str) -> Iterator[tuple[float, int, Path]]:
        for path in self.folder.glob(pattern):
            with contextlib.suppress(OSError):  # another process may be removing it
                status = path.lstat()
                yield status.st_mtime, status.st_size, path

    def _make_room(self, needed: int, keep: str) -> None:
        for modified, _, path in self._entries(".*.part.blob"):
            if modified < time.time() - STALE_S:
                _remove(path)
        entries = sorted(e for e in self._entries("[!.]*.blob") if e[2] != self._path(keep))
        total = sum(size for _, size, _ in entries) + needed
        for _, size, path in entries:
            if total <= self.limit:
                break
            _remove(path)
            total -= size


def _limit(text: str) -> int:
    """Read the bound; a mistyped one must not turn into an unbounded cache."""
    try:
        return parse_size(text)
    except InputError as error:
        raise CacheUnavailableError(f"EMONET_CACHE_SIZE: {error}") from error


def _make_private(folder: Path) -> None:
    """Make the folder and its parent with mode 0700; refuse them if others could write there."""
    try:
        folder.parent.parent.mkdir(parents=True, exist_ok=True)
        for path in (folder.parent, folder):
            path.mkdir(mode=0o700, exist_ok=True)
            _check_owner(path.stat(), str(path))
    except OSError as error:
        raise CacheUnavailableError(f"cannot make {folder}: {error.strerror}") from error


def _check_owner(status: os.stat_result, name: str) -> None:
    if status.st_uid != os.geteuid():
        raise CacheUnavailableError(f"{name} belongs to user {status.st_uid}, not {os.geteuid()}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = stat.S_IMODE(status.st_mode)
        raise CacheUnavailableError(f"{name} can be written by others (mode {mode:o}): chmod 700")


def _read_private(path: Path) -> bytes:
    """Read a regular file of our own; anything else, such as a link, is as good as absent."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(file, "rb") as stream:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a regular file")
        try:
            _check_owner(status, str(path))
        except CacheUnavailableError as error:
            raise OSError(str(error)) from error
        return stream.read()


def _checked_blob(data: bytes) -> bytes | None:
    """Return the blob inside `data`, or None if a single bit of it is not as it was written.

    SHA-256 measured 1.3 GB/s on a CPU with SHA instructions (crc32: 2.4): 3 ms for a blob without
    weights, and a third of a second for one of 430 MB.
    """
    if len(data) < _HEADER.size:
        return None
    magic, version, length, digest = _HEADER.unpack_from(data)
    if (magic, version, length) != (_MAGIC, _VERSION, len(data) - _HEADER.size):
        return None
    blob = data[_HEADER.size :]
    return blob if hashlib.sha256(blob).digest() == digest else None


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
