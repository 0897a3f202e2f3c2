"""One thread budget for the whole process.

OpenVINO, the heads' pool, the face detector and the voice activity detector read it when they are
loaded. It is a number to share, not a lock: a model that is already loaded keeps its threads.

On a hybrid CPU (performance and efficiency cores) the encoder may be kept on one kind of core:
`set_core_type("performance")`, or the environment variable EMONET_CORES=performance. The default is
"any" and nothing changes it silently. It holds for the encoder on the CPU (OpenVINO's
SCHEDULING_CORE_TYPE) and for the default thread budget, which then is the number of those cores.
The threads of the heads' pool are not pinned: the system moves them, and it prefers performance
cores for busy threads by itself.
"""

from __future__ import annotations

import math
import os
from operator import index
from typing import Literal, SupportsIndex, get_args

from emonet_edge.exceptions import InputError
from emonet_edge.machine.cgroups import cgroup_quota
from emonet_edge.machine.cpu_topology import CpuTopology, cpu_topology

__all__ = [
    "CORES_VARIABLE",
    "CoreType",
    "core_type",
    "set_core_type",
    "set_thread_budget",
    "thread_budget",
    "usable_cpus",
    "usable_topology",
]

CoreType = Literal["any", "performance", "efficiency"]
"""Which cores of a hybrid CPU the encoder may use."""

CORES_VARIABLE = "EMONET_CORES"
"""The environment variable with the core type of processes that set none."""

MAX_THREADS = 1024  # far above any machine this is for: a larger number is a mistake

_budget: int | None = None
_core_type: CoreType | None = None


def set_thread_budget(n: SupportsIndex | None) -> None:
    """Set how many threads the models that are loaded from now on may use together.

    `n`: 1 to 1024, or None for the default: all CPUs that this process may use, or on a hybrid CPU
    the cores of the kind that `set_core_type` names.

    Raises: InputError for anything else.
    """
    global _budget
    _budget = None if n is None else checked_threads(n)


def thread_budget() -> int:
    """Return the thread budget: what was set, else the number of CPUs this process may use.

    With a core type other than "any" on a hybrid CPU the default is the number of physical cores
    of that kind.

    Raises: InputError for a core type that is unknown or that this process has no core of.
    """
    return _default_budget() if _budget is None else _budget


def _default_budget() -> int:
    kind = core_type()
    topology = usable_topology()
    if kind == "any" or not topology.hybrid:
        return usable_cpus()
    cores = topology.performance_cores if kind == "performance" else topology.efficiency_cores
    return min(usable_cpus(), cores)


def set_core_type(cores: CoreType | None) -> None:
    """Set which cores the encoders that are loaded from now on use on the CPU.

    Args:
        cores: "any"; "performance" or "efficiency" cores only; None is the default, which is
            $EMONET_CORES or "any". On a uniform CPU "performance" changes nothing. The heads'
            threads are not pinned, whatever is set.

    Raises:
        InputError: no such core type, or this process may use no core of that kind.
    """
    global _core_type
    _core_type = None if cores is None else _checked_cores(cores, "a core type", usable_topology())


def core_type() -> CoreType:
    """Return the core type: what was set, else $EMONET_CORES, else "any".

    Raises: InputError: EMONET_CORES cannot be followed.
    """
    if _core_type is not None:
        return _core_type
    named = os.environ.get(CORES_VARIABLE) or "any"
    if named == "any":
        return "any"
    return _checked_cores(named, CORES_VARIABLE, usable_topology())


def _checked_cores(cores: str, what: str, topology: CpuTopology) -> CoreType:
    if cores not in get_args(CoreType):
        raise InputError(f"{what} is one of {', '.join(get_args(CoreType))}, not {cores!r}")
    # OpenVINO would take any core instead and not say so.
    if (cores == "efficiency" and not topology.efficiency) or (
        cores == "performance" and not topology.performance and topology.efficiency
    ):
        raise InputError(
            f"{what} is {cores!r}, but this process may use no {cores} core: use 'any', or change "
            "the CPUs that it may run on"
        )
    return cores  # type: ignore[return-value]


def usable_topology() -> CpuTopology:
    """Return the kinds of cores among the CPUs that this process may use."""
    try:
        usable = os.sched_getaffinity(0)
    except (AttributeError, OSError):  # not on this system
        return cpu_topology()
    return cpu_topology(usable=usable)


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
