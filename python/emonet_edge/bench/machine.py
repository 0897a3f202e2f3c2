"""What stands beside every figure: the machine, versions, instruction set, threads."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import emonet_edge as ee
from emonet_edge import runtime_info
from emonet_edge.machine.cpu_info import cpu_name
from emonet_edge.machine.isa import active_isa
from emonet_edge.threads import thread_budget, usable_cpus


def machine() -> dict[str, Any]:
    """Describe where the figures are taken, JSON-ready."""
    from emonet_edge.inference.openvino_core import openvino

    return {
        "cpu": cpu_name(),
        "cpus": usable_cpus(),
        "memory_bytes": _memory_bytes(),
        "system": platform.platform(),
        "isa": active_isa(),
        "threads": thread_budget(),
        "cores": runtime_info.cores(),
        "governor": _governor(),
        "load_average": round(os.getloadavg()[0], 2),
        "versions": {
            "emonet_edge": ee.__version__,
            "openvino": openvino().get_version(),
            "python": platform.python_version(),
        },
    }


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def _governor() -> str | None:
    """Return how the CPU's frequency is governed: "powersave" and "performance" differ much."""
    path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    try:
        return path.read_text().strip()
    except OSError:
        return None
