"""The working folder beside the target: what an interrupted export goes on with."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emonet_edge._files import replaced
from emonet_edge._sizes import bytes_text
from emonet_edge_export.errors import DiskFullError, ExportError

__all__ = ["Workspace", "check_space", "fingerprint"]


def fingerprint(*parts: Any) -> str:
    """Return a hash of anything that JSON can write."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


class Workspace:
    """`.<name>.export` beside the target, held by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    @contextmanager
    def beside(cls, target: Path) -> Iterator[Workspace]:
        """Open, or create, the working folder of a target.

        Raises:
            ExportError: another process is at it, or the folder cannot be created.
        """
        folder = target.with_name(f".{target.name}.export")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / "lock").open("w")
        except OSError as error:
            raise ExportError(
                f"{folder}: cannot be written to ({error.strerror}); choose another --out"
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ExportError(
                    f"{target}: is being exported by another process; wait for it"
                ) from None
            try:
                yield cls(folder)
            finally:
                if folder.is_dir() and not any(p.name != "lock" for p in folder.iterdir()):
                    shutil.rmtree(folder, ignore_errors=True)  # nothing to go on with

    def path(self, name: str) -> Path:
        """Return the path of a file in it."""
        return self.folder / name

    def recall(self, step: str, key: str) -> dict[str, Any] | None:
        """Return what a step left, if it was finished with the same key."""
        try:
            found = json.loads(self.path(f"{step}.json").read_text())
        except (OSError, ValueError):
            return None
        same = isinstance(found, dict) and found.get("key") == key
        return dict(found["facts"]) if same else None

    def remember(self, step: str, key: str, facts: dict[str, Any]) -> None:
        """Note that a step is finished; its files must be complete."""
        with replaced(self.path(f"{step}.json")) as place:
            place.write_text(json.dumps({"key": key, "facts": facts}))

    def remove(self) -> None:
        """Delete all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def check_space(folder: Path, needed: int, what: str) -> None:
    """Refuse before the first byte what cannot fit.

    Raises:
        DiskFullError: less than `needed` bytes are free where `folder` is, or will be.
    """
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if needed > free:
        raise DiskFullError(
            f"{place}: {what} needs about {bytes_text(needed)} of disk, {bytes_text(free)} are "
            "free; free space, choose another --out, fewer --heads, or --discard-sources"
        )
