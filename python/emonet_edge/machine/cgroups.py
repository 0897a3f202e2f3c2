"""The control groups of this process: their CPU quota and where their memory limits stand."""

from __future__ import annotations

from pathlib import Path

__all__ = ["cgroup_quota", "memory_groups"]


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
        for folder in _groups("cpu", membership, root)
        for quota in (_quota_v2(folder), _quota_v1(folder))
        if quota is not None
    ]
    return min(quotas, default=None)


def memory_groups(root: Path = Path("/")) -> list[Path]:
    """List this process's memory control groups below `root`, innermost first."""
    return _groups("memory", root / "proc/self/cgroup", root / "sys/fs/cgroup")


def _groups(controller: str, membership: Path, root: Path) -> list[Path]:
    """List the folders of this process's groups for a controller, each before those above it.

    In version 2 all controllers share one tree; in version 1 each has a mount of its own, which
    bears its name or that of the controllers that are mounted together ("cpu,cpuacct").
    """
    folders: list[Path] = []
    for line in _read(membership).splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and controller not in controllers.split(","):
            continue
        mounts = [root / controllers, root / controller] if controllers else [root]
        for base in mounts:
            group = base / path.lstrip("/")
            folders += [group, *(p for p in group.parents if p.is_relative_to(base))]
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
