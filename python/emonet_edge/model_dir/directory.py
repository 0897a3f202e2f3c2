"""A model directory on disk: opened, checked, and weighed against the memory there is."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from emonet_edge._types import Progress
from emonet_edge.exceptions import (
    IntegrityError,
    ManifestError,
    ModelNotFoundError,
)
from emonet_edge.formats.json_reader import MAX_BYTES
from emonet_edge.machine.memory import require_memory
from emonet_edge.machine.paths import MODELS_VARIABLE
from emonet_edge.model_dir.integrity import (
    FileResult,
    check_hash,
    check_hash_once,
    check_present,
    verify_all,
)
from emonet_edge.model_dir.manifest import MANIFEST_NAME, Manifest
from emonet_edge.model_dir.manifest_json import parse_manifest
from emonet_edge.scores import HeadInfo

__all__ = [
    "FileResult",
    "ModelDir",
    "check_memory",
    "loading_bytes",
    "read_manifest",
    "verify_files",
]

# Beside the weights: the interpreter, NumPy, OpenVINO and its compiled graph.
_BASE_BYTES = 300_000_000


@dataclass(frozen=True)
class ModelDir:
    """A model directory whose manifest, sizes and hashes were checked.

    Everything in it is immutable; the files themselves are not held open.
    """

    path: Path
    manifest: Manifest = field(repr=False)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        verify: Literal["fast", "full"] = "fast",
        *,
        progress: Progress | None = None,
    ) -> ModelDir:
        """Check a model directory and return it.

        Always checked: the manifest's schema and own hash, presence and size of every file, sha256
        of encoder.xml. ``verify="fast"`` hashes encoder.bin on first sight and remembers it in the
        cache directory until the file is touched; heads.bin carries its own checksums, which are
        checked when it is opened. ``verify="full"`` hashes every file.

        Args:
            path: the directory.
            verify: "fast" or "full".
            progress: called with a file name and the share of it that is hashed.

        Raises:
            ModelNotFoundError: there is no model directory at `path`.
            FormatVersionError: it was written in a newer format.
            ManifestError: the manifest breaks its schema, or `verify` is another word.
            IntegrityError: a file is missing, or not the one that the manifest lists.
        """
        if verify not in ("fast", "full"):
            raise ManifestError(f"verify must be 'fast' or 'full', got {verify!r}")
        directory = Path(path)
        manifest = read_manifest(directory)
        files = {n: check_present(directory, n, info) for n, info in manifest.files.items()}
        for name, file in files.items():
            info = manifest.files[name]
            if verify == "full" or name == "encoder.xml":
                check_hash(file, info, progress)
            elif name == "encoder.bin":
                check_hash_once(file, info, progress)
        return cls(directory, manifest)

    @property
    def heads(self) -> tuple[HeadInfo, ...]:
        """The heads, in the order of heads.bin."""
        return self.manifest.heads

    @property
    def encoder_xml(self) -> Path:
        """OpenVINO IR of the encoder; its weights lie beside it."""
        return self.path / "encoder.xml"

    @property
    def heads_bin(self) -> Path:
        """The packed heads."""
        return self.path / "heads.bin"


def read_manifest(path: str | os.PathLike[str]) -> Manifest:
    """Read and check the manifest of a directory, and none of its other files.

    Raises:
        ModelNotFoundError: there is no directory, or no manifest in it.
        FormatVersionError, ManifestError, IntegrityError: as `ModelDir.open`.
    """
    directory = Path(path)
    mode = mode_of(directory)
    if not stat.S_ISDIR(mode):
        what = "not a directory" if mode else "no such directory, or it cannot be read"
        raise ModelNotFoundError(f"{directory}: {what}; {how_to_get('face or voice')}")
    file = directory / MANIFEST_NAME
    if not mode_of(file):
        raise ModelNotFoundError(
            f"{directory}: no {MANIFEST_NAME}, so no model directory or an unfinished one; "
            f"{how_to_get('face or voice')}"
        )
    if not stat.S_ISREG(mode_of(file)) or not file.resolve().is_relative_to(directory.resolve()):
        raise IntegrityError(f"{file}: must be a regular file inside the model directory")
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ManifestError(f"{file}: cannot be read: {error.strerror}; check its rights") from None
    return parse_manifest(data, str(file))


def verify_files(
    path: str | os.PathLike[str], progress: Progress | None = None
) -> tuple[FileResult, ...]:
    """Hash every file of a model directory and report on each, the manifest first.

    Raises:
        ModelNotFoundError, FormatVersionError, ManifestError, IntegrityError: the manifest itself
            is missing or wrong, so there is nothing to compare with.
    """
    directory = Path(path)
    manifest = read_manifest(directory)
    itself = FileResult(MANIFEST_NAME, (directory / MANIFEST_NAME).stat().st_size)
    return (itself, *verify_all(directory, manifest, progress))


def loading_bytes(manifest: Manifest) -> int:
    """Estimate what a model takes without its heads: the encoder twice, and the libraries."""
    return 2 * manifest.files["encoder.bin"].size + _BASE_BYTES


def check_memory(manifest: Manifest, needed_bytes: int | None = None) -> None:
    """Refuse a model directory that does not fit the available memory, before it is compiled.

    Args:
        manifest: of the directory.
        needed_bytes: what loading will take. By default the encoder twice (file and compiled
            copy) plus 300 MB for the libraries; heads are mapped and can be dropped by the kernel.

    Raises:
        MemoryBudgetError: the system or a control group has less left.
    """
    if needed_bytes is None:
        needed_bytes = loading_bytes(manifest)
    remedy = "free memory, use a smaller suite" + (
        ", or load fewer heads" if manifest.modality == "voice" else ""
    )
    require_memory(needed_bytes, f"the {manifest.modality} model {manifest.suite}", remedy)


def mode_of(path: Path) -> int:
    """Return st_mode, 0 where there is nothing to be seen; Path.exists would raise on rights."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def how_to_get(modality: str) -> str:
    return (
        f"make a {modality} model directory with `emonet-edge export`, then pass it with --model "
        f"or set {MODELS_VARIABLE}; `emonet-edge demo` runs without one"
    )
