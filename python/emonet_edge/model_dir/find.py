"""Which model directory is meant: the one that was named, $EMONET_MODELS, the user's own folder."""

from __future__ import annotations

import os
from pathlib import Path

from emonet_edge.exceptions import EmonetError, ModelDirectoryError, ModelNotFoundError
from emonet_edge.machine.paths import MODELS_VARIABLE, models_dir
from emonet_edge.model_dir.directory import how_to_get, mode_of, read_manifest
from emonet_edge.model_dir.manifest import MANIFEST_NAME
from emonet_edge.taxonomy import names_for

__all__ = ["resolve"]


def resolve(model: str | os.PathLike[str] | None, modality: str) -> Path:
    """Find the model directory that is meant.

    The first that is given counts, and no other is tried: `model`, ``$EMONET_MODELS``, the user's
    ``$XDG_DATA_HOME/emonet-edge/models``. Each can be a model directory or a folder of them; in a
    folder the one of this modality is taken.

    Raises:
        ModelNotFoundError: nothing there of this modality; the message says where it looked.
        ModelDirectoryError: several of this modality (the message lists them), or the directory
            that was named outright has a bad manifest.
        UnknownNameError: no such modality.
    """
    names_for(modality)
    place, origin = _place(model, modality)
    if mode_of(place / MANIFEST_NAME):
        found = read_manifest(place).modality
        if found != modality:
            raise ModelNotFoundError(
                f"{place} ({origin}) holds a {found} model, a {modality} model is needed; "
                f"{how_to_get(modality)}"
            )
        return place
    return _only_one(place, origin, modality)


def _place(model: str | os.PathLike[str] | None, modality: str) -> tuple[Path, str]:
    if model is not None:
        return Path(model), "given"
    if value := os.environ.get(MODELS_VARIABLE):
        return Path(value), f"${MODELS_VARIABLE}"
    folder = models_dir()
    if folder is None:
        raise ModelNotFoundError(
            f"no {modality} model: none was given, ${MODELS_VARIABLE} is not set and this user has "
            f"no home directory; {how_to_get(modality)}"
        )
    return folder, f"the default, since ${MODELS_VARIABLE} is not set"


def _only_one(folder: Path, origin: str, modality: str) -> Path:
    try:
        candidates = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    except OSError as error:
        raise ModelNotFoundError(
            f"no {modality} model: looked in {folder} ({origin}): {error.strerror}; "
            f"{how_to_get(modality)}"
        ) from None
    found, broken = [], []
    for path in (p for p in candidates if mode_of(p / MANIFEST_NAME)):
        try:
            if read_manifest(path).modality == modality:
                found.append(path)
        except EmonetError as error:
            broken.append(str(error))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ModelDirectoryError(
            f"{folder} ({origin}) holds several {modality} models: {names}; "
            f"name one, for example --model {found[0]}"
        )
    if not found:
        unreadable = f" Unreadable there: {'; '.join(broken)}" if broken else ""
        raise ModelNotFoundError(
            f"no {modality} model: looked in {folder} ({origin}); {how_to_get(modality)}."
            f"{unreadable}"
        )
    return found[0]
