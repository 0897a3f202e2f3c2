"""Which device runs the encoder: CPU, GPU or NPU through OpenVINO, chosen openly.

`AUTO` means: the GPUs that OpenVINO lists, in its order, then the CPU. The reasons:

- A GPU leaves the CPU to the heads, the camera and the microphone, and OpenVINO compiles static
  INT8 graphs for it dependably. Compiling may take minutes once; the cache keeps the result.
- An NPU is used only when it is asked for by name. It loses its device after minutes or hours on
  some drivers (openvino.genai#1576, openvino#31439), the Linux wheel comes without its compiler
  (openvino#36374), and it cannot run the f32 hint that a fidelity report may have been made with.
  OpenVINO's own AUTO leaves it out as well.
- The CPU always works, so it is last in every order.

OpenVINO's own "AUTO" device is not used: it answers from the CPU while it compiles for another
device and switches in the middle, so two equal inputs may get two different scores.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from emonet_edge.exceptions import DeviceError
from emonet_edge.inference.openvino_core import core

__all__ = ["Choice", "available_devices", "choose"]

_KNOWN = re.compile(r"AUTO|CPU|GPU(\.\d{1,3})?|NPU(\.\d{1,3})?")


@dataclass(frozen=True)
class Choice:
    """The devices to try in turn, and why this order is not what was asked for ("" if it is)."""

    asked: str
    order: tuple[str, ...]
    reason: str

    @property
    def absent(self) -> bool:
        """Whether a device was asked for by name and is not here."""
        return self.asked not in ("AUTO", self.order[0])


def available_devices() -> tuple[str, ...]:
    """List the devices that OpenVINO finds here, such as ("CPU", "GPU.0", "GPU.1", "NPU")."""
    return tuple(core().available_devices)


def choose(asked: str, available: Sequence[str]) -> Choice:
    """Order the devices to try for what was asked: "AUTO", "CPU", "GPU", "GPU.1", "NPU".

    Upper and lower case mean the same. `available` is what `available_devices` returns.

    Raises: DeviceError for a name that is no device, listing what exists.
    """
    name = asked.strip().upper() if isinstance(asked, str) else ""
    if not _KNOWN.fullmatch(name):
        raise DeviceError(
            f"a device is AUTO, CPU, GPU or NPU (GPU.1 for the second GPU), not {asked!r}: "
            f"this machine has {', '.join(available) or 'none'}"
        )
    if name == "AUTO":
        return _automatic(available)
    if name == "CPU":
        return Choice(name, ("CPU",), "")
    if _is_here(name, available):
        return Choice(name, (name, "CPU"), "")
    return Choice(name, ("CPU",), f"{name} is not among the devices here: {', '.join(available)}")


def _automatic(available: Sequence[str]) -> Choice:
    gpus = tuple(name for name in available if name.split(".")[0] == "GPU")
    reason = "" if gpus else "AUTO found no GPU here"
    return Choice("AUTO", (*gpus, "CPU"), reason)


def _is_here(name: str, available: Sequence[str]) -> bool:
    """OpenVINO lists one GPU as GPU and several as GPU.0, GPU.1; GPU always means GPU.0."""
    kind, _, number = name.partition(".")
    if name in available:
        return True
    if number in ("", "0"):
        return kind in available or f"{kind}.0" in available
    return False
