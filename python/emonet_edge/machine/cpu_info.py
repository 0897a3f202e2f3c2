"""What Linux says of the CPU in /proc/cpuinfo."""

from __future__ import annotations

import platform
from pathlib import Path

__all__ = ["cpu_fields", "cpu_name"]


def cpu_fields() -> dict[str, str]:
    """Return the fields of the first CPU, such as "model name" and "flags"; {} where untold."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def cpu_name() -> str:
    """Return the CPU's name."""
    return cpu_fields().get("model name") or platform.processor()
