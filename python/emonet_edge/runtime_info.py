"""What runs here: versions, instruction set, devices, caches, models. Put it into bug reports."""

from __future__ import annotations

import platform
from typing import Any

from emonet_edge._version import __version__
from emonet_edge.exceptions import EmonetError
from emonet_edge.inference.compile_cache import CacheUnavailableError, CompileCache
from emonet_edge.machine.cpu_info import cpu_name
from emonet_edge.machine.isa import active_isa, available_isas
from emonet_edge.machine.paths import models_dir
from emonet_edge.threads import core_type, thread_budget, usable_cpus, usable_topology

__all__ = ["cores", "cpu_name", "info"]


def info() -> dict[str, Any]:
    """Describe this installation and machine, JSON-ready.

    Returns:
        versions (of emonet_edge, python, numpy, openvino), isa (the active one, those available),
        threads (budget, usable CPUs), cores (those this process may use, by kind, and the core
        type that encoders are loaded with), devices (OpenVINO's name -> what it calls itself),
        cache (folder, bytes used, limit; or why there is none), models (folder, what lies there).

    Raises:
        IsaError: EMONET_ISA names an instruction set that is not there.
    """
    import numpy as np

    from emonet_edge.inference.openvino_core import core, openvino

    devices = {
        name: str(core().get_property(name, "FULL_DEVICE_NAME"))
        for name in core().available_devices
    }
    return {
        "versions": {
            "emonet_edge": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "openvino": openvino().get_version(),
        },
        "machine": {"system": platform.platform(), "cpu": cpu_name()},
        "isa": {"active": active_isa(), "available": available_isas()},
        "threads": {"budget": thread_budget(), "usable_cpus": usable_cpus()},
        "cores": cores(),
        "devices": devices,
        "cache": _cache(),
        "models": _models(),
    }


def cores() -> dict[str, Any]:
    """Return the kinds of cores that this process may use, and which of them encoders use."""
    topology = usable_topology()
    return {
        "type": core_type(),
        "hybrid": topology.hybrid,
        "performance": list(topology.performance),
        "efficiency": list(topology.efficiency),
        "source": topology.source or "the system does not tell kinds of cores",
    }


def _cache() -> dict[str, Any]:
    try:
        cache = CompileCache.open()
    except CacheUnavailableError as error:
        return {"off": str(error)}
    return {"folder": str(cache.folder), "bytes": cache.size(), "limit": cache.limit}


def _models() -> dict[str, Any]:
    from emonet_edge.model_dir import read_manifest

    folder = models_dir()
    found: dict[str, str] = {}
    if folder is not None and folder.is_dir():
        for path in sorted(folder.iterdir()):
            try:
                manifest = read_manifest(path)
            except EmonetError:
                continue
            kind = "synthetic " if manifest.synthetic else ""
            found[path.name] = f"{kind}{manifest.modality}, suite {manifest.suite}"
    return {"folder": None if folder is None else str(folder), "found": found}
