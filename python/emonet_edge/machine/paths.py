"""Where things lie on this machine, by the XDG base directory specification."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["MODELS_VARIABLE", "cache_dir", "data_dir", "models_dir"]

MODELS_VARIABLE = "EMONET_MODELS"
"""The environment variable that names a model directory, or a folder of them."""


def cache_dir(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return ``$XDG_CACHE_HOME/emonet-edge``, by default ``~/.cache/emonet-edge``; not created.

    None where there is no home directory (a container with an unknown user): then nothing is
    cached.
    """
    return _xdg(environment, "XDG_CACHE_HOME", ".cache")


def data_dir() -> Path | None:
    """Return ``$XDG_DATA_HOME/emonet-edge``, by default ``~/.local/share/emonet-edge``, or None."""
    return _xdg(os.environ, "XDG_DATA_HOME", ".local/share")


def models_dir() -> Path | None:
    """Return the user's folder of model directories, ``models`` in `data_dir`."""
    base = data_dir()
    return None if base is None else base / "models"


def _xdg(environment: Mapping[str, str], variable: str, default: str) -> Path | None:
    value = environment.get(variable, "")
    if value and Path(value).is_absolute():  # the specification says to ignore relative ones
        return Path(value) / "emonet-edge"
    try:
        return Path.home() / default / "emonet-edge"
    except RuntimeError:
        return None
