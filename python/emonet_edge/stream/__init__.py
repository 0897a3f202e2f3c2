"""Camera and microphone to a steady stream of emotion outcomes and events, in this process."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emonet_edge.stream.sources.devices import list_devices
    from emonet_edge.stream.sources.open import SourceOptions, open_audio, open_video

_HOMES = {
    "SourceOptions": "sources.open",
    "list_devices": "sources.devices",
    "open_audio": "sources.open",
    "open_video": "sources.open",
}

__all__ = ["SourceOptions", "list_devices", "open_audio", "open_video"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
