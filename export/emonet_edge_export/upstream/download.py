"""Single files from the web, known by their sha256: the detector and the public calibration set."""

from __future__ import annotations

import hashlib
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from emonet_edge.model_dir.integrity import sha256_of_file
from emonet_edge_export.errors import SourceError, no_room
from emonet_edge_export.progress import Progress

__all__ = ["PublicFile", "download"]

_TIMEOUT = 60
_CHUNK = 1 << 16


@dataclass(frozen=True)
class PublicFile:
    """A file that is published somewhere: url, size in bytes, sha256, licence."""

    name: str
    url: str
    size: int
    sha256: str
    license: str


def download(file: PublicFile, folder: Path, progress: Progress) -> Path:
    """Fetch a file into a folder unless it is there already, and check it.

    Raises:
        SourceError: no network, or other bytes than were published.
        DiskFullError: no room.
    """
    target = folder / file.name
    if target.is_file() and sha256_of_file(target) == file.sha256:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{file.name}.part")
    try:
        with no_room(folder, "run the same command again"):
            digest, size = _transfer(file, part, progress)
        if (size, digest) != (file.size, file.sha256):
            raise SourceError(
                f"{file.url}: must have {file.size} bytes with sha256 {file.sha256[:12]}...; "
                f"{size} bytes with {digest[:12]}... came: it was cut short or replaced"
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _transfer(file: PublicFile, part: Path, progress: Progress) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    if not file.url.startswith(("https://", "http://127.0.0.1:")):
        raise SourceError(f"{file.url}: only https is fetched")
    try:
        with (
            urllib.request.urlopen(file.url, timeout=_TIMEOUT) as answer,  # noqa: S310 - https
            part.open("wb") as out,
            progress.bytes(f"Fetching {file.name}", file.size) as advance,
        ):
            while chunk := answer.read(_CHUNK):
                out.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                advance(len(chunk))
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise SourceError(
            f"{file.url}: cannot be fetched ({reason}); check the network or proxy, or give a "
            "local copy"
        ) from error
    return digest.hexdigest(), size


def copy_file(source: Path, target: Path) -> Path:
    """Copy a file of the user's."""
    return Path(shutil.copyfile(source, target))
