"""How much memory this process may still take, before anything is compiled that needs it."""

from __future__ import annotations

from pathlib import Path

from emonet_edge.exceptions import MemoryBudgetError
from emonet_edge.machine.cgroups import memory_groups

__all__ = ["available_memory", "require_memory"]


def require_memory(needed: int, what: str, remedy: str = "", root: Path = Path("/")) -> None:
    """Refuse work that needs more memory than there is.

    Args:
        needed: bytes.
        what: what needs them, for the message.
        remedy: how to need less, for the message.
        root: where proc and sys are; for tests.

    Raises:
        MemoryBudgetError: less than `needed` bytes are available.
    """
    available, limit = available_memory(root)
    if available is None or needed <= available:
        return
    raise MemoryBudgetError(
        f"{what} needs about {needed / 1e6:.0f} MB of memory, {available / 1e6:.0f} MB are "
        f"available ({limit}); {remedy or 'free memory or use a smaller suite'}"
    )


def available_memory(root: Path = Path("/")) -> tuple[int | None, str]:
    """Return the available bytes and which limit says so; (None, reason) where nothing is known.

    The least of MemAvailable in /proc/meminfo and what each control group above this process has
    left (version 1 and 2); file pages that a group can drop count as free, as in MemAvailable.
    """
    limits = [(_meminfo(root), "MemAvailable in /proc/meminfo")]
    for group in memory_groups(root):
        limits.append((_left_in_group(group), f"control group {group}"))
    known = [(value, name) for value, name in limits if value is not None]
    return min(known) if known else (None, "neither /proc/meminfo nor a control group is readable")


def _meminfo(root: Path) -> int | None:
    for line in _read(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024  # the file says kB and means KiB
    return None


def _left_in_group(group: Path) -> int | None:
    limit = _number(group / "memory.max") or _number(group / "memory.limit_in_bytes")
    used = _number(group / "memory.current") or _number(group / "memory.usage_in_bytes")
    if limit is None or used is None:
        return None
    droppable = 0
    for line in _read(group / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file"):
            droppable = max(droppable, int(value))
    return max(0, limit - max(0, used - droppable))


def _number(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdigit() else None  # "max" is no limit


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
