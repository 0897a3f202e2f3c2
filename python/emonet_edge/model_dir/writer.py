"""Writing a model directory so that it is there completely or not at all."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from emonet_edge._types import Progress
from emonet_edge.exceptions import ModelDirectoryError
from emonet_edge.model_dir.attribution import attribution_text
from emonet_edge.model_dir.integrity import sha256_of_file
from emonet_edge.model_dir.manifest import MANIFEST_NAME, REQUIRED_FILES, FileInfo, safe_name
from emonet_edge.model_dir.manifest_json import seal_manifest

__all__ = ["ModelDirWriter"]

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class ModelDirWriter:
    """Writes into a staging folder beside the target and renames it when all is complete.

        with ModelDirWriter("models/voice-small") as writer:
            export_encoder(writer.path("encoder.xml"))
            ...
            writer.finish(fields)

    Leaving the block by an exception, or without `finish`, removes the staging folder; what the
    user had at the target stays as it was until the new directory is complete.

    Args:
        path: the target; missing parents are created.
        overwrite: replace a model directory that is there. Anything else that is there, but for an
            empty folder, is never replaced.

    Raises:
        ModelDirectoryError: the target exists, or its parent cannot be created or written to.
    """

    def __init__(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        self.target = Path(path).absolute()
        self.overwrite = overwrite
        self._staging: Path | None = None
        self._finished = False

    def __enter__(self) -> ModelDirWriter:
        self._check_target()
        self.target = self.target.resolve()  # a link to a model directory: replace what it names
        staging = self.target.with_name(f".{self.target.name}.staging-{secrets.token_hex(4)}")
        try:
            staging.parent.mkdir(parents=True, exist_ok=True)
            staging.mkdir()
        except OSError as error:
            raise ModelDirectoryError(
                f"{self.target.parent}: cannot be created or written to: {error.strerror}; "
                "choose another target or change the folder's rights"
            ) from error
        self._staging = staging
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        finished = self._finished
        self.abort()
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            raise ModelDirectoryError(
                f"{self.target}: the disk is full ({error.strerror}); nothing was left behind: "
                "free space or choose another target"
            ) from error
        if error is None and not finished:
            raise ModelDirectoryError(
                f"{self.target}: finish() was not called, so nothing was written; call it last"
            )

    def path(self, name: str) -> Path:
        """Return where to write a file of the directory.

        Raises:
            ModelDirectoryError: not a plain file name, or manifest.json, which `finish` writes.
        """
        if not safe_name(name) or name == MANIFEST_NAME:
            raise ModelDirectoryError(
                f"{name!r}: a file of a model directory needs a plain name other than "
                f"{MANIFEST_NAME}; use letters, digits, '.', '_' and '-'"
            )
        return self._open_staging() / name

    def finish(self, manifest_fields: Mapping[str, Any], progress: Progress | None = None) -> Path:
        """Hash the files, write the manifest last, flush all to disk and put it in its place.

        ATTRIBUTION.md and an empty report.json are written if the caller did not.

        Args:
            manifest_fields: everything in the manifest but format, format_version, files and
                manifest_sha256.
            progress: called with a file name and the share of it that is hashed.

        Returns:
            The target.

        Raises:
            ManifestError: the fields break the manifest's schema, or a required file is missing.
            ModelDirectoryError: a file is not a plain one, or the target appeared meanwhile.
        """
        staging = self._open_staging()
        _check_fields(manifest_fields)  # before gigabytes are hashed
        self._write_customary(manifest_fields)
        files = {path.name: _describe(path, progress) for path in sorted(staging.iterdir())}
        (staging / MANIFEST_NAME).write_bytes(seal_manifest(manifest_fields, files))
        for name in (*files, MANIFEST_NAME):
            _sync(staging / name)
        _sync(staging)
        self._check_target()
        self._swap(staging)
        self._finished = True
        return self.target

    def abort(self) -> None:
        """Remove the staging folder; harmless when there is none."""
        staging, self._staging = self._staging, None
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)

    def _open_staging(self) -> Path:
        if self._staging is None:
            raise ModelDirectoryError(
                f"{self.target}: nothing is being written; use `with ModelDirWriter(...) as writer`"
            )
        return self._staging

    def _check_target(self) -> None:
        if not os.path.lexists(self.target):
            return
        if not self.overwrite:
            raise ModelDirectoryError(
                f"{self.target}: exists already; choose another target or pass overwrite=True"
            )
        ours = (self.target / MANIFEST_NAME).is_file()
        if not ours and not (self.target.is_dir() and not any(self.target.iterdir())):
            raise ModelDirectoryError(
                f"{self.target}: exists and is no model directory (no {MANIFEST_NAME}), so it is "
                "not overwritten; choose another target or remove it yourself"
            )

    def _write_customary(self, fields: Mapping[str, Any]) -> None:
        attribution = self.path("ATTRIBUTION.md")
        if not attribution.exists():
            text = attribution_text(fields["suite"], fields["sources"], fields["synthetic"])
            attribution.write_text(text, encoding="utf-8")
        report = self.path("report.json")
        if not report.exists():
            report.write_text(json.dumps({"fidelity": fields.get("fidelity")}), encoding="utf-8")

    def _swap(self, staging: Path) -> None:
        old = self.target.with_name(f".{self.target.name}.old-{secrets.token_hex(4)}")
        replaces = self.target.exists()
        try:
            if replaces:
                self.target.rename(old)
            staging.rename(self.target)
        except BaseException as error:
            if old.exists():
                old.rename(self.target)
            if isinstance(error, OSError):
                raise ModelDirectoryError(
                    f"{self.target}: cannot be put in place: {error.strerror}; what was there is "
                    "unchanged: change the rights of its folder or choose another target"
                ) from error
            raise
        self._staging = None
        _sync(self.target.parent)
        if replaces:
            shutil.rmtree(old, ignore_errors=True)


def _check_fields(fields: Mapping[str, Any]) -> None:
    seal_manifest(fields, dict.fromkeys(REQUIRED_FILES, FileInfo(0, "0" * 64)))


def _describe(path: Path, progress: Progress | None) -> FileInfo:
    if path.is_symlink() or not path.is_file() or not safe_name(path.name):
        raise ModelDirectoryError(
            f"{path.name!r}: only plain files with plain names belong in a model directory; "
            "write it elsewhere"
        )
    return FileInfo(size=path.stat().st_size, sha256=sha256_of_file(path, progress))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
