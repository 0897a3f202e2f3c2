"""Energy of the CPU's packages, from RAPL's counters in Linux' powercap."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_ROOT = Path("/sys/class/powercap")


class EnergyMeter:
    """Adds up what the CPU packages take from its construction on.

    That is the whole machine's CPUs, with idle power and other processes.
    `reason` says why there is no figure, "" if there is one. `sample` must be called more often
    than a counter wraps: at 65 kJ and 28 W that is 39 minutes.
    """

    def __init__(self, root: Path = _ROOT) -> None:
        self.reason = ""
        self._wraps: dict[Path, int] = {}
        self._last: Mapping[Path, int] = {}
        self._microjoules = 0
        try:
            self._wraps = {zone: _number(zone / "max_energy_range_uj") for zone in _packages(root)}
            self._last = self._read()
        except PermissionError as error:
            self.reason = (
                f"{error.filename} can be read by root only: run as root, or allow reading it"
            )
        except (OSError, ValueError) as error:
            self.reason = f"RAPL's counter cannot be read: {error}"
        if not self._wraps and not self.reason:
            self.reason = (
                f"no RAPL package in {root}: not an Intel or AMD CPU, or a virtual machine"
            )

    def sample(self) -> None:
        """Add what was taken since the last sample."""
        if self.reason:
            return
        try:
            now = self._read()
        except (OSError, ValueError) as error:
            self.reason = f"RAPL's counter cannot be read any more: {error}"
            return
        for zone, value in now.items():
            taken = value - self._last[zone]
            self._microjoules += taken if taken >= 0 else taken + self._wraps[zone]
        self._last = now

    @property
    def joules(self) -> float | None:
        """Joules up to the last sample, None where nothing can be measured."""
        return None if self.reason else 1e-6 * self._microjoules

    def _read(self) -> dict[Path, int]:
        return {zone: _number(zone / "energy_uj") for zone in self._wraps}


def _packages(root: Path) -> list[Path]:
    """Return the zones of whole packages: their parts and the platform (psys) overlap with them."""
    zones = sorted(root.glob("intel-rapl*:*"))
    return [z for z in zones if (z / "name").read_text().strip().startswith("package")]


def _number(path: Path) -> int:
    return int(path.read_text())
