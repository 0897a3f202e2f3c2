"""Optional packages: imported on use, and named with their remedy where they are absent."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from emonet_edge.exceptions import MissingExtraError

__all__ = ["pillow", "pyav", "sounddevice", "soundfile", "soxr"]

# What wheels of these may lack on Linux: the library, and Debian's package of it.
_LIBRARIES = {
    "sounddevice": ("PortAudio", "libportaudio2"),
    "soundfile": ("libsndfile", "libsndfile1"),
}


def pillow() -> Any:
    """Import Pillow's Image module (extra `media`)."""
    return _optional("PIL.Image", "media", "reading or drawing pictures needs Pillow")


def soundfile() -> Any:
    """Import soundfile (extra `media`)."""
    return _optional("soundfile", "media", "reading sound files needs soundfile")


def soxr() -> Any:
    """Import soxr (extra `media`)."""
    return _optional("soxr", "media", "a recording that is not at 16000 Hz needs soxr")


def pyav() -> Any:
    """Import PyAV (extra `live`)."""
    return _optional("av", "live", "cameras, video files and videos to write need PyAV")


def sounddevice() -> Any:
    """Import sounddevice (extra `live`)."""
    return _optional("sounddevice", "live", "microphones need sounddevice")


def _optional(module: str, extra: str, need: str) -> Any:
    """Import a module of an extra.

    Raises:
        MissingExtraError: it is not installed, or does not find its own library.
    """
    try:
        import_module(module.partition(".")[0])
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{need}, which is not installed: pip install 'emonet-edge[{extra}]'"
        ) from error
    except OSError as error:
        if module not in _LIBRARIES:
            raise
        library, package = _LIBRARIES[module]
        raise MissingExtraError(
            f"{module} does not find {library} ({error}): sudo apt install {package}"
        ) from error
