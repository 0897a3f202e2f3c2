"""What was measured already: a search that was interrupted does not measure it again.

One JSON object a line, appended at once; a line that was cut by a crash is passed over. Times are
never kept: another process has another neighbour.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Journal"]


class Journal:
    """Results by key. `path` None keeps them in memory; `fingerprint` is of what they depend on."""

    def __init__(self, path: Path | None = None, fingerprint: str = "") -> None:
        self._path = path
        self._known: dict[str, Any] = {}
        if path is None:
            return
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        if _object(lines[0] if lines else "").get("fingerprint") != fingerprint:
            path.write_text(json.dumps({"fingerprint": fingerprint}) + "\n", "utf-8")
            return
        for entry in map(_object, lines[1:]):
            if "key" in entry and "value" in entry:
                self._known[str(entry["key"])] = entry["value"]

    def __len__(self) -> int:
        return len(self._known)

    def document(self, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what is kept under the key; else make it and keep it."""
        found = self._recall(key, make)
        return dict(found)

    def number(self, key: str, make: Callable[[], float]) -> float:
        """Return the number that is kept under the key; else make it and keep it."""
        return float(self._recall(key, make))

    def _recall(self, key: str, make: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = make()
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"key": key, "value": self._known[key]}) + "\n")
        return self._known[key]


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
