"""The cameras and microphones of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from emonet_edge._extras import sounddevice
from emonet_edge.exceptions import DeviceError
from emonet_edge.stream.sources import port_audio

__all__ = ["Device", "camera_path", "list_cameras", "list_devices", "list_microphones"]

_VIDEO_DEVICES = Path("/sys/class/video4linux")


@dataclass(frozen=True)
class Device:
    """A camera or a microphone.

    Args:
        kind: "camera" or "microphone".
        spec: what `open_video` or `open_audio` takes to open it.
        name: as the driver says.
        details: JSON-ready: `path` of a camera; `channels` and `sample_rate` (Hz) of a microphone,
            and whether it is the system's default.
    """

    kind: Literal["camera", "microphone"]
    spec: str
    name: str
    details: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"kind": self.kind, "spec": self.spec, "name": self.name, **self.details}


def list_devices() -> tuple[Device, ...]:
    """Return the cameras and microphones that can be opened now.

    Raises:
        MissingExtraError: sounddevice or PortAudio is not installed.
    """
    return (*list_cameras(), *list_microphones())


def list_cameras(folder: Path = _VIDEO_DEVICES) -> tuple[Device, ...]:
    """Return the V4L2 capture devices, in the order of their numbers.

    Args:
        folder: where the kernel lists video devices.
    """
    # A camera has further nodes, for its metadata: only those with index 0 give pictures.
    nodes = [node for node in folder.glob("video*") if _read_line(node / "index") in ("", "0")]
    nodes.sort(key=lambda node: int(node.name[5:]) if node.name[5:].isdigit() else 0)
    return tuple(
        Device(
            "camera", f"camera:{place}", _read_line(node / "name"), {"path": f"/dev/{node.name}"}
        )
        for place, node in enumerate(nodes)
    )


def list_microphones() -> tuple[Device, ...]:
    """Return PortAudio's input devices.

    A number holds until something is plugged in or out; open by name what must be found again.

    Raises:
        MissingExtraError: sounddevice or PortAudio is not installed.
    """
    library = sounddevice()
    port_audio.look_again()
    try:
        default = library.query_devices(kind="input")["index"]
    except library.PortAudioError:  # there is none
        default = None
    return tuple(
        Device(
            "microphone",
            f"mic:{found['index']}",
            found["name"],
            {
                "channels": found["max_input_channels"],
                "sample_rate": int(found["default_samplerate"]),
                "default": found["index"] == default,
            },
        )
        for found in library.query_devices()
        if found["max_input_channels"] > 0
    )


def camera_path(which: str, folder: Path = _VIDEO_DEVICES) -> str:
    """Return the device file of a camera.

    Args:
        which: its place among the cameras ("0" is the first), or part of its name. A name is found
            again when the camera returns under another number.
        folder: where the kernel lists video devices.

    Raises:
        DeviceError: there is no such camera now.
    """
    cameras = list_cameras(folder)
    if which.isdigit() and int(which) < len(cameras):
        return str(cameras[int(which)].details["path"])
    for camera in cameras:
        if not which.isdigit() and which.lower() in camera.name.lower():
            return str(camera.details["path"])
    names = ", ".join(f"{place}: {camera.name}" for place, camera in enumerate(cameras))
    raise DeviceError(
        f"a camera must be one of those that are plugged in ({names or 'none is'}); got {which!r}; "
        "plug it in, or see `emonet-edge live --list-devices`"
    )


def _read_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
