"""Which devices are measured, and which are a row that says why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emonet_edge.inference.devices import available_devices, choose

_ACCELERATORS = ("GPU", "NPU")


@dataclass(frozen=True)
class PlannedDevice:
    """`status` is "measure", "absent", or "same": AUTO's choice has a row of its own already.

    `reason` says why it is absent, or why AUTO takes `used`.
    """

    device: str
    status: str
    reason: str = ""
    used: str = ""


def plan_devices(asked: Sequence[str] | None) -> list[PlannedDevice]:
    """Plan a row per device: those asked for, else all that OpenVINO finds and AUTO's choice.

    Raises:
        DeviceError: a name that is no device.

    """
    available = available_devices()
    if asked is not None:
        return [_planned(name, available) for name in dict.fromkeys(asked)]
    kinds = {name.split(".")[0] for name in available}
    missing = [name for name in _ACCELERATORS if name not in kinds]
    auto = choose("AUTO", available)
    return [
        *(_planned(name, available) for name in (*available, *missing)),
        PlannedDevice("AUTO", "same", auto.reason, auto.order[0]),
    ]


def _planned(name: str, available: Sequence[str]) -> PlannedDevice:
    from emonet_edge.inference.openvino_core import why_absent

    choice = choose(name, available)
    if choice.absent:
        return PlannedDevice(choice.asked, "absent", choice.reason + why_absent(choice.asked))
    return PlannedDevice(choice.asked, "measure", choice.reason)
