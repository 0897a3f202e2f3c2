"""Everything that emonet_edge raises.

    EmonetError
    |-- InputError (ValueError)
    |   |-- AudioError
    |   |-- ImageError
    |   `-- EmbeddingError
    |-- ModelDirectoryError
    |   |-- ModelNotFoundError (FileNotFoundError)
    |   |-- ManifestError
    |   |-- FormatVersionError
    |   |-- IntegrityError
    |   `-- PackedHeadsError
    |-- UnknownNameError (KeyError)
    |-- DeviceError
    |-- MemoryBudgetError
    |-- MediaError
    |-- MissingExtraError (ImportError)
    `-- IsaError

Each message names the rule that was broken, the value that broke it and the remedy.
"""

from __future__ import annotations

__all__ = [
    "AudioError",
    "DeviceError",
    "EmbeddingError",
    "EmonetError",
    "EmonetWarning",
    "FormatVersionError",
    "ImageError",
    "InputError",
    "IntegrityError",
    "IsaError",
    "ManifestError",
    "MediaError",
    "MemoryBudgetError",
    "MissingExtraError",
    "ModelDirectoryError",
    "ModelNotFoundError",
    "PackedHeadsError",
    "UnknownNameError",
]


class EmonetError(Exception):
    """The root: catching it catches everything that this package raises on purpose."""


class InputError(EmonetError, ValueError):
    """An array that was passed in cannot be scored."""


class AudioError(InputError):
    """A waveform is empty, not finite, or of the wrong rank, type or sample rate."""


class ImageError(InputError):
    """A picture or its box has the wrong shape, type or place."""


class EmbeddingError(InputError):
    """An embedding does not have the shape or type that the heads were packed for."""


class ModelDirectoryError(EmonetError):
    """A model directory cannot be used or written."""


class ModelNotFoundError(ModelDirectoryError, FileNotFoundError):
    """There is no model directory at the place where it was looked for."""

    __str__ = Exception.__str__  # OSError would print errno and filename


class ManifestError(ModelDirectoryError):
    """manifest.json breaks its schema."""


class FormatVersionError(ModelDirectoryError):
    """The directory was written by a newer format than this version reads."""


class IntegrityError(ModelDirectoryError):
    """A file is missing, or its size or checksum is not what the manifest says."""


class PackedHeadsError(ModelDirectoryError):
    """heads.bin is damaged, cut short, or not a packed heads file."""


class UnknownNameError(EmonetError, KeyError):
    """A head, emotion or mapping of that name does not exist."""

    __str__ = Exception.__str__  # KeyError would print the repr of the message


class DeviceError(EmonetError):
    """The device does not exist, or the model cannot run on it."""


class MemoryBudgetError(EmonetError):
    """What was asked for does not fit the memory that was allowed."""


class MediaError(EmonetError):
    """A picture or sound file cannot be read."""


class MissingExtraError(EmonetError, ImportError):
    """An optional dependency is needed and not installed."""


class IsaError(EmonetError):
    """EMONET_ISA names an instruction set that this CPU or this build does not have."""


class EmonetWarning(UserWarning):
    """Something works, but not as it was asked for."""
