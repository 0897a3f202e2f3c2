"""The machine and the versions that stand beside every figure."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from pathlib import Path
from typing import Any

from benchmarks.settings import THREADS
from emonet_edge.machine.cpu_info import cpu_fields

__all__ = ["cpu_flags", "describe_machine", "has_bf16", "results_name"]

LIBRARIES = (
    "emonet-edge",
    "numpy",
    "openvino",
    "torch",
    "transformers",
    "onnxruntime",
    "librosa",
    "kaldi-native-fbank",
    "pillow",
    "opencv-python-headless",
    "torchvision",
)


def describe_machine() -> dict[str, Any]:
    """CPU, ISA, threads, memory and versions, JSON-ready."""
    from emonet_edge.machine.isa import active_isa, available_isas

    return {
        "cpu_name": cpu_name(),
        "cpus": len(os.sched_getaffinity(0)),
        "threads": THREADS,
        "isa": active_isa(),
        "isas": available_isas(),
        "bf16": has_bf16(),
        "int8_dot_products": bool(cpu_flags() & {"avx_vnni", "avx512_vnni"}),
        "caches": _caches(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "huge_pages": _read("/sys/kernel/mm/transparent_hugepage/enabled"),
        "kernel": platform.release(),
        "versions": {"python": platform.python_version(), **_versions()},
    }


def cpu_name() -> str:
    """What the CPU calls itself, and its family and model: cloud names are vague."""
    found = cpu_fields()
    name = found.get("model name", platform.processor())
    return f"{name} (family {found.get('cpu family', '?')}, model {found.get('model', '?')})"


def results_name() -> str:
    """A file name for this CPU, such as amd-epyc-family-25-model-1."""
    return re.sub(r"[^a-z0-9]+", "-", cpu_name().lower()).strip("-")


def cpu_flags() -> set[str]:
    """The CPU's features as Linux names them."""
    return set(cpu_fields().get("flags", "").split())


def has_bf16() -> bool:
    """Whether OpenVINO can compute in bfloat16 here."""
    return bool(cpu_flags() & {"avx512_bf16", "amx_bf16"})


def _caches() -> dict[str, str]:
    caches = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level = _read(index / "type"), _read(index / "level")
        caches[f"L{level} {kind}"] = _read(index / "size")
    return caches


def _versions() -> dict[str, str]:
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if "emonet-edge" not in versions:
        from emonet_edge import __version__

        versions["emonet-edge"] = __version__
    return versions


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
