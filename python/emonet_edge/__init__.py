"""LAION's Empathic Insight emotion models for faces and voices, on small Intel computers.

Importing the package loads neither openvino nor the native core: names are resolved on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from emonet_edge._version import __version__

if TYPE_CHECKING:
    from emonet_edge import exceptions
    from emonet_edge.exceptions import EmonetError, EmonetWarning

_SUBMODULES = ("exceptions",)
_HOMES = {
    "EmonetError": "exceptions",
    "EmonetWarning": "exceptions",
}

__all__ = [
    "EmonetError",
    "EmonetWarning",
    "__version__",
    "exceptions",
]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
