"""Saved measurements: one record per line, the same lines that `bench --json` prints."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emonet_edge._files import replaced
from emonet_edge.bench.record import FORMAT, FORMAT_VERSION, STATUSES
from emonet_edge.exceptions import EmonetError

_TEXTS = ("device", "status", "model", "modality", "suite")
_LARGEST = 64 << 20  # bytes; a record has some 4 kB


class SavedFileError(EmonetError):
    """A file of saved measurements cannot be read or written."""


def save(path: Path, lines: Sequence[str]) -> None:
    """Write records, replacing the file in one step. Raises: SavedFileError."""
    try:
        with replaced(path) as place:
            place.write_text("".join(lines), encoding="ascii")
    except OSError as error:
        raise SavedFileError(f"{path} cannot be written: {error.strerror}") from error


def load(path: Path) -> list[dict[str, Any]]:
    """Read records.

    Raises:
        SavedFileError: there is no such file, a line is no record, or a newer version wrote it.

    """
    try:
        if path.stat().st_size > _LARGEST:
            raise SavedFileError(f"{path} is larger than {_LARGEST >> 20} MiB: no saved bench")
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SavedFileError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SavedFileError(f"{path} is no text: save with `bench --output FILE`") from error
    records = [
        _record(line, f"{path}, line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not records:
        raise SavedFileError(f"{path} is empty: save with `bench --output FILE`")
    return records


def _record(line: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise SavedFileError(
            f"{where} must be one JSON object: {error}; save with `bench --output FILE`"
        ) from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise SavedFileError(f'{where} is no record of "{FORMAT}": save with `bench --output FILE`')
    version = record.get("format_version")
    if version != FORMAT_VERSION:
        raise SavedFileError(
            f"{where} has format version {version!r}, this program reads {FORMAT_VERSION}: use the "
            "version that wrote it, or measure again"
        )
    for name in _TEXTS:
        if not isinstance(record.get(name), str):
            raise SavedFileError(f"{where} must have a text {name!r}, not {record.get(name)!r}")
    if record["status"] not in STATUSES:
        raise SavedFileError(
            f"{where} has status {record['status']!r}, not one of {', '.join(STATUSES)}"
        )
    return record


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def number(record: Mapping[str, Any], *path: str) -> float | None:
    """Return a figure by its path of keys, None where it is missing or no finite number."""
    value: Any = record
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
