"""Where drawings go: one file, or a directory for many inputs; never onto an input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emonet_edge.exceptions import MediaError

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


class TargetError(ValueError):
    """The place cannot be used: a usage error."""


def plan_targets(sources: Sequence[str], out: str | None, kind: str) -> list[Path | None]:
    """One place per source, or None for each if no drawing is wanted.

    `out` is a directory if it exists as one or ends with a slash; then a drawing is called after
    its source: photo.jpg gives photo-`kind`.png.

    Raises:
        TargetError: one file for several sources, an unknown suffix, no such folder, or an input.

    """
    if out is None:
        return [None] * len(sources)
    if Path(out).is_dir() or out.endswith("/"):
        return list(_in_directory(sources, Path(out), kind))
    target = Path(out)
    if len(sources) > 1:
        raise TargetError(f"{out} is one file for {len(sources)} inputs: name a directory ({out}/)")
    if target.suffix.lower() not in _SUFFIXES:
        raise TargetError(f"{out} must end in one of {', '.join(_SUFFIXES)}")
    if not target.parent.is_dir():
        raise TargetError(f"{out}: there is no folder {target.parent}: make it first")
    if any(source != "-" and target.resolve() == Path(source).resolve() for source in sources):
        raise TargetError(f"{out} is an input: name another file")
    return [target]


def _in_directory(sources: Sequence[str], folder: Path, kind: str) -> list[Path]:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise TargetError(f"{folder} cannot be made: {error.strerror}") from error
    used: set[str] = set()
    targets = []
    for source in sources:
        stem = "stdin" if source == "-" else Path(source).stem
        name, number = f"{stem}-{kind}.png", 2
        while name in used:  # a/x.jpg and b/x.jpg
            name, number = f"{stem}-{kind}-{number}.png", number + 1
        used.add(name)
        targets.append(folder / name)
    return targets


def save(picture: object, target: Path) -> None:
    """Save a drawing.

    Raises:
        MediaError: it cannot be written.

    """
    try:
        picture.save(target)  # type: ignore[attr-defined]  # PIL.Image.Image
    except OSError as error:
        raise MediaError(f"{target} cannot be written: {error.strerror or error}") from error
