"""One thread budget for the whole process.

OpenVINO, the heads' pool, the face detector and the voice activity detector read it when they are
loaded. It is a number to share, not a lock: a model that is already loaded keeps its threads.
"""

from __future__ import annotations

import math
import os
from operator import index
from pathlib import Path
from typing import SupportsIndex

from emonet_edge.exceptions import InputError

__all__ = ["set_thread_budget", "thread_budget", "usable_cpus"]

MAX_THREADS = 1024  # far above any machine this is for: a larger number is a mistake

_budget: int | None = None


def set_thread_budget(n: SupportsIndex | None) -> None:
    """Set how many threads the models that are loaded from now on may use together.

    `n`: 1 to 1024, or None for the default (all CPUs that this process may use).

    Raises: InputError for anything else.
    """
    global _budget
    _budget = None if n is None else checked_threads(n)


def thread_budget() -> int:
    """Return the thread budget: what was set, else the number of CPUs this process may use."""
    return usable_cpus() if _budget is None else _budget


def checked_threads(n: SupportsIndex) -> int:
    """Return `n` as an int from 1 to 1024. Raises: InputError."""
    try:
        value = -1 if isinstance(n, bool) else index(n)
    except TypeError:
        value = -1
    if not 1 <= value <= MAX_THREADS:
        raise InputError(
            f"a number of threads is a whole number from 1 to {MAX_THREADS}, not {n!r}: "
            "pass one, or None for all CPUs that this process may use"
        )
    return value


def usable_cpus() -> int:
    """Count the CPUs that this process may use: its affinity, cut by a cgroup's CPU quota."""
    try:
        count = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not on this system
        count = os.cpu_count() or 1
    quota = cgroup_quota()
    return count if quota is None else max(1, min(count, math.ceil(quota)))


def cgroup_quota(
    membership: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> float | None:
    """Return the CPU quota of this process in CPUs, or None where there is none.

    A limit of any group above counts as well, so the smallest on the way to the root is returned.
    cgroup v2: `cpu.max` holds "quota period" or "max period". v1: `cpu.cfs_quota_us` is -1 for no
    limit. Inside a container the path of the group often does not exist below the mount, which
    then is the group itself: going up to the root covers that.
    """
    quotas = [
        quota
        for folder in _group_folders(membership, root)
        for quota in (_quota_v2(folder), _quota_v1(folder))
        if quota is not None
    ]
    return min(quotas, default=None)


def _group_folders(membership: Path, root: Path) -> list[Path]:
    folders: list[Path] = []
    for line in _read(membership).splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = root / controllers if controllers else root
        mounts = [mount, root / "cpu"] if controllers else [mount]
        for base in mounts:
            group = base / path.lstrip("/")
            folders += [group, *(p for p in group.parents if p == base or base in p.parents)]
    return list(dict.fromkeys(folders))


def _quota_v2(folder: Path) -> float | None:
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    return _ratio(quota, period)


def _quota_v1(folder: Path) -> float | None:
    return _ratio(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float | None:
    try:
        value = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
