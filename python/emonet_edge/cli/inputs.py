"""The files that a command was given."""

from __future__ import annotations

from pathlib import Path

from emonet_edge.cli.output import fail


def is_there(source: str) -> bool:
    """Say at once that a file is missing: loading a model may take minutes."""
    if source == "-" or Path(source).exists():
        return True
    fail(source, f"{source}: no such file")
    return False
