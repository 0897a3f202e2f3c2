"""Repositories on the Hugging Face hub: resolved to a commit once, every file checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emonet_edge.model_dir.integrity import sha256_of_file
from emonet_edge_export.errors import SourceError, no_room
from emonet_edge_export.progress import Progress
from emonet_edge_export.upstream.repository import Repository, SourceFile

__all__ = ["HubRepository"]


class HubRepository(Repository):
    """A repository on the hub.

    Args:
        name: owner/name.
        revision: branch, tag or commit; resolved to a commit when this is made.
        progress: shows downloads.
        folder: where files go and are deleted on `release`; None keeps them in the hub's own cache.
        endpoint: another hub, by default $HF_ENDPOINT.

    Raises:
        SourceError: no network, no such repository or revision.
    """

    on_hub = True

    def __init__(
        self,
        name: str,
        revision: str,
        progress: Progress,
        folder: Path | None = None,
        endpoint: str | None = None,
    ) -> None:
        self._progress, self._endpoint = progress, endpoint
        self._folder = None if folder is None else folder / name
        info = self._resolve(name, revision)
        super().__init__(name, str(info.sha))
        self._blobs = {s.rfilename: s.blob_id for s in info.siblings}
        self._files = {
            s.rfilename: SourceFile(s.rfilename, s.size or 0, s.lfs.sha256 if s.lfs else None)
            for s in info.siblings
        }

    @property
    def files(self) -> Mapping[str, SourceFile]:
        """All files by name."""
        return self._files

    def fetch(self, name: str) -> Path:
        """Download a file, or continue or reuse an earlier download; check size and hash."""
        if name not in self._files:
            raise SourceError(f"{self.name}@{self.revision[:12]}: has no file {name}")
        path = self._download(name, force=False)
        if self._fault(name, path):
            path.unlink()  # a leftover of an earlier run can be wrong; a second one is the source's
            path = self._download(name, force=True)
        if fault := self._fault(name, path):
            path.unlink()
            raise SourceError(
                f"{self.name}@{self.revision[:12]}: {name}: {fault}; the download was damaged on "
                "its way: check the connection or proxy and run the same command again"
            )
        return path

    def release(self, name: str) -> None:
        """Delete a download that was made for this export alone."""
        if self._folder is not None:
            (self._folder / name).unlink(missing_ok=True)

    def _resolve(self, name: str, revision: str) -> Any:
        from huggingface_hub import HfApi

        try:
            api = HfApi(endpoint=self._endpoint)
            return api.model_info(name, revision=revision, files_metadata=True, timeout=30)
        except Exception as error:  # httpx's, requests' and the hub's errors have no common class
            raise _explain(name, revision, error) from error

    def _download(self, name: str, force: bool) -> Path:
        from huggingface_hub import hf_hub_download

        size = self._files[name].size
        place: dict[str, Any] = {} if self._folder is None else {"local_dir": str(self._folder)}
        kept = "what was downloaded is kept and continued by the same command"
        where = self._folder or Path("~/.cache/huggingface")
        try:
            with (
                self._progress.bytes(f"Fetching {self.name}/{name}", size) as advance,
                no_room(where, kept),
            ):
                return Path(
                    hf_hub_download(
                        self.name,
                        name,
                        revision=self.revision,
                        endpoint=self._endpoint,
                        force_download=force,
                        tqdm_class=_forwarder(advance),
                        **place,
                    )
                )
        except SourceError:
            raise
        except Exception as error:
            if type(error).__name__ == "DiskFullError":
                raise
            raise _explain(f"{self.name}: {name}", self.revision, error) from error

    def _fault(self, name: str, path: Path) -> str:
        stated = self._files[name]
        size = path.stat().st_size
        if size != stated.size:
            return f"has {size} bytes, the hub states {stated.size}"
        self.used[name] = sha256_of_file(path)
        if stated.sha256 is not None:
            return (
                "" if self.used[name] == stated.sha256 else "its sha256 is not what the hub states"
            )
        blob = self._blobs.get(name)
        return (
            "" if blob is None or _git_blob(path) == blob else "its hash is not what the hub states"
        )


def _git_blob(path: Path) -> str:
    """Hash a small file as git does, which is what the hub states of files outside LFS."""
    data = path.read_bytes()
    header = f"blob {len(data)}\0".encode()
    return hashlib.sha1(header + data, usedforsecurity=False).hexdigest()


def _explain(what: str, revision: str, error: Exception) -> SourceError:
    kind = type(error).__name__
    reason = " ".join(str(error).split())[:200]
    if kind == "RevisionNotFoundError":
        return SourceError(f"{what}: has no revision {revision!r}; name another with --revision")
    if kind == "GatedRepoError":
        return SourceError(
            f"{what}: its owner wants you to accept terms: log in with `hf auth login`"
        )
    if kind == "RepositoryNotFoundError":
        return SourceError(
            f"{what}: no such repository on the hub, or it is private (`hf auth login`)"
        )
    if "consistency" in reason.lower() or "incomplete" in reason.lower() or "Protocol" in kind:
        return SourceError(
            f"{what}: the download was cut short ({reason}); run the same command again"
        )
    return SourceError(
        f"{what}: the hub cannot be reached ({kind}: {reason}); check the network or proxy, or "
        "copy the repositories elsewhere and pass them with --source DIR"
    )


def _forwarder(advance: Any) -> type[Any]:
    """Make a tqdm that only passes on how many bytes came."""
    from tqdm.auto import tqdm

    class Forwarder(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            initial = kwargs.get("initial", 0)
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": True})
            advance(initial)

        def update(self, n: float | None = 1) -> bool | None:
            advance(n or 0)
            return None

    return Forwarder
