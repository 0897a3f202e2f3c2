"""Where checkpoints come from: a folder laid out as the repositories are, or the hub (`hub`)."""

from __future__ import annotations

import fnmatch
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emonet_edge.model_dir.integrity import sha256_of_file
from emonet_edge_export.errors import SourceError

__all__ = ["LocalRepository", "Repository", "SourceFile"]


@dataclass(frozen=True)
class SourceFile:
    """A file of a repository: size in bytes, sha256 in hex where the repository states it."""

    name: str
    size: int
    sha256: str | None = None


class Repository(ABC):
    """Files of one repository at one revision; `used` collects the sha256 of what was fetched."""

    on_hub = False

    def __init__(self, name: str, revision: str) -> None:
        self.name = name
        self.revision = revision
        self.used: dict[str, str] = {}

    @property
    @abstractmethod
    def files(self) -> Mapping[str, SourceFile]:
        """All files by name."""

    @abstractmethod
    def fetch(self, name: str) -> Path:
        """Return a local path of a file, whole and with the stated hash.

        Raises:
            SourceError: no such file, or it is not what the repository states.
        """

    def state(self) -> object:
        """Return what changes when the files do; for resuming."""
        return [self.name, self.revision]

    def release(self, name: str) -> None:
        """Say that a file is not needed any more; a download may be deleted."""
        del name

    def matching(self, pattern: str) -> list[str]:
        """Names that match a shell pattern, sorted."""
        return sorted(fnmatch.filter(self.files, pattern))

    def described(self) -> dict[str, object]:
        """Return the entry of the manifest's sources."""
        return {
            "repository": self.name,
            "revision": self.revision,
            "files": dict(sorted(self.used.items())),
        }


class LocalRepository(Repository):
    """`folder`/<owner>/<name>: a copy that somebody made; nothing touches the network."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(name, "local")
        self._root = Path(folder) / name
        if not self._root.is_dir():
            raise SourceError(
                f"{self._root}: no such folder; --source DIR needs a copy of the repository at "
                f"DIR/{name}, for instance from `hf download {name} --local-dir ...`"
            )
        self._files = {
            path.relative_to(self._root).as_posix(): SourceFile(
                path.relative_to(self._root).as_posix(), path.stat().st_size
            )
            for path in sorted(self._root.rglob("*"))
            if path.is_file() and not _hidden(path.relative_to(self._root))
        }

    @property
    def files(self) -> Mapping[str, SourceFile]:
        """All files by name."""
        return self._files

    def state(self) -> object:
        """Return name, size and time of every file."""
        stats = {name: (self._root / name).stat() for name in self._files}
        return [str(self._root), [(n, s.st_size, s.st_mtime_ns) for n, s in stats.items()]]

    def fetch(self, name: str) -> Path:
        """Return the path of the copy and note its hash."""
        path = self._root / name
        if name not in self._files:
            raise SourceError(
                f"{path}: missing; copy it from https://huggingface.co/{self.name} as well"
            )
        if name not in self.used:
            self.used[name] = sha256_of_file(path)
        return path


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
