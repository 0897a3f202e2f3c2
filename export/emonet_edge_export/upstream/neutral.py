"""The suite's statistics of neutral faces: what each head scores when there is no expression."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emonet_edge.exceptions import UnknownNameError
from emonet_edge.taxonomy import canonical
from emonet_edge_export.errors import CheckpointError

__all__ = ["NeutralStatistics", "read_neutral_statistics"]

_MEAN = ("mean", "neutral_mean", "mu")
_STD = ("std", "stddev", "sigma")


@dataclass(frozen=True)
class NeutralStatistics:
    """Mean and, where the file has it, standard deviation of a head over neutral faces."""

    mean: float
    std: float | None


def read_neutral_statistics(path: Path) -> dict[str, NeutralStatistics]:
    """Read {"model_anger_best": {"mean": ..., "std": ...}, ...}; bare numbers are means.

    Raises:
        CheckpointError: not of that form, or a name that is no head.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: must be JSON ({error}); get it again") from error
    if not isinstance(document, dict):
        raise CheckpointError(
            f"{path}: must be an object of heads; it is {type(document).__name__}"
        )
    found = {}
    for key, value in document.items():
        try:
            name = canonical(key)
        except UnknownNameError as error:
            raise CheckpointError(f"{path}: {error}") from error
        found[name] = _statistics(path, key, value)
    return found


def _statistics(path: Path, key: str, value: Any) -> NeutralStatistics:
    entry = value if isinstance(value, Mapping) else {"mean": value}
    mean = next((entry[word] for word in _MEAN if word in entry), None)
    std = next((entry[word] for word in _STD if word in entry), None)
    if not _finite(mean) or (std is not None and (not _finite(std) or std < 0)):
        raise CheckpointError(
            f"{path}: {key}: must have a finite mean ({', '.join(_MEAN)}) and may have a std; "
            f"it is {value}"
        )
    return NeutralStatistics(float(mean or 0.0), None if std is None else float(std))


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
