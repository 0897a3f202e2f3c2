"""Performance and efficiency cores of a hybrid CPU, as Linux tells them.

Since Linux 5.16 a hybrid Intel CPU has /sys/devices/cpu_core/cpus and /sys/devices/cpu_atom/cpus.
Elsewhere the scheduler's capacity of each CPU, or its highest frequency, tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CpuTopology", "cpu_topology", "parse_cpu_list"]

# A CPU below this share of the fastest one is an efficiency core. By highest frequency, efficiency
# cores reach 0.52 to 0.79 of it on Intel's hybrid CPUs from Alder Lake to Lunar Lake, while
# performance cores differ by up to a tenth among themselves (the favoured ones turbo higher).
_EFFICIENCY_BELOW = 0.85


@dataclass(frozen=True)
class CpuTopology:
    """Logical CPUs by kind of core; `*_cores` count physical cores, hyper-threads once.

    On a uniform CPU every core is a performance core. `source` is the file that told, "" if none.
    """

    performance: tuple[int, ...]
    efficiency: tuple[int, ...]
    performance_cores: int
    efficiency_cores: int
    source: str

    @property
    def hybrid(self) -> bool:
        """Whether there are both kinds."""
        return bool(self.performance and self.efficiency)


def cpu_topology(
    root: Path = Path("/sys/devices"), usable: Iterable[int] | None = None
) -> CpuTopology:
    """Read the kinds of cores.

    Args:
        root: where sysfs has its devices; for tests.
        usable: only these CPUs count, such as a process's affinity; None is all that are online.
    """
    online = parse_cpu_list(_read(root / "system/cpu/online"))
    fast, slow, source = _kinds(root, online)
    wanted = online if usable is None else frozenset(usable)
    fast, slow = fast & wanted, slow & wanted
    return CpuTopology(
        tuple(sorted(fast)), tuple(sorted(slow)), _cores(root, fast), _cores(root, slow), source
    )


def parse_cpu_list(text: str) -> frozenset[int]:
    """Read the kernel's notation: "0-3,8,10-11"; what is no such list is empty."""
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        try:
            found.update(range(int(first), int(last or first) + 1))
        except ValueError:
            return frozenset()
    return frozenset(found)


def _kinds(root: Path, online: frozenset[int]) -> tuple[frozenset[int], frozenset[int], str]:
    fast = parse_cpu_list(_read(root / "cpu_core/cpus")) & online
    slow = parse_cpu_list(_read(root / "cpu_atom/cpus")) & online
    if fast or slow:
        return online - slow, slow, "cpu_core and cpu_atom"
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        values = {cpu: _number(root / f"system/cpu/cpu{cpu}" / name) for cpu in online}
        if values and all(values.values()):
            limit = _EFFICIENCY_BELOW * max(values.values())
            slow = frozenset(cpu for cpu, value in values.items() if value < limit)
            return online - slow, slow, name
    return online, frozenset(), ""


def _cores(root: Path, cpus: Iterable[int]) -> int:
    """Count physical cores: CPUs that share one list each other as siblings."""
    siblings = {
        cpu: parse_cpu_list(_read(root / f"system/cpu/cpu{cpu}/topology/thread_siblings_list"))
        for cpu in cpus
    }
    return len({min(shared, default=cpu) for cpu, shared in siblings.items()})


def _number(path: Path) -> int:
    text = _read(path)
    return int(text) if text.isdecimal() else 0


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
