"""The one door to OpenVINO: its import, the one Core of this process, and what it says.

The only module that imports openvino, and only inside `openvino()`.
"""

from __future__ import annotations

import functools
import sys
import threading
from typing import Any

__all__ = ["brief", "core", "device_property", "openvino", "why_absent"]

_lock = threading.Lock()


@functools.cache
def openvino() -> Any:
    """Import openvino without its telemetry and return the module.

    Its import alone sends an event over the network when openvino_telemetry is installed, which
    it is by default. With that package out of sight openvino takes its own stub instead.
    """
    name = "openvino_telemetry"
    hidden = "openvino" not in sys.modules and name not in sys.modules
    if hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        import openvino as module
    finally:
        if hidden:
            sys.modules.pop(name, None)
    return module


def core() -> Any:
    """Return the one openvino.Core of this process."""
    with _lock:
        return _make_core()


@functools.cache
def _make_core() -> Any:
    return openvino().Core()


def device_property(core: Any, device: str, name: str) -> Any:
    """Return a property of a device, or None if the device does not have it."""
    try:
        return core.get_property(device, name)
    except (RuntimeError, TypeError):  # unknown to this device, or of a type Python does not get
        return None


def why_absent(device: str) -> str:
    """Return in brackets what OpenVINO says of the device, such as a missing library, or ""."""
    try:
        core().get_property(device, "FULL_DEVICE_NAME")
    except RuntimeError as error:
        text = brief(error)
        return "" if text.startswith("Unsupported") else f" ({text})"
    return ""


def brief(error: BaseException) -> str:
    """Return what OpenVINO says without the source lines it says it from."""
    lines = [line.strip() for line in str(error).splitlines()]
    text = " ".join(line for line in lines if line and not line.startswith("Exception from"))
    return text[:300] or type(error).__name__
