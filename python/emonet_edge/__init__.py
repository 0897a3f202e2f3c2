"""LAION's Empathic Insight emotion models for faces and voices, on small Intel computers.

Importing the package loads neither openvino nor the native core: names are resolved on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from emonet_edge._version import __version__

if TYPE_CHECKING:
    from emonet_edge import certificate, exceptions, levels, model_dir, stream, synthetic, taxonomy
    from emonet_edge.audio import log_mel_spectrogram, resample
    from emonet_edge.exceptions import EmonetError, EmonetWarning
    from emonet_edge.heads import MultiHeadMLP
    from emonet_edge.image import preprocess_image
    from emonet_edge.model_dir import ModelDir
    from emonet_edge.models.face import FaceEmotionModel
    from emonet_edge.models.face_detector import Face, FaceDetector
    from emonet_edge.models.voice import VoiceEmotionModel
    from emonet_edge.runtime_info import info
    from emonet_edge.scores import HeadInfo, Scores
    from emonet_edge.threads import set_thread_budget, thread_budget

_SUBMODULES = (
    "certificate",
    "exceptions",
    "levels",
    "media",
    "model_dir",
    "scores",
    "stream",
    "synthetic",
    "taxonomy",
)
_HOMES = {
    "EmonetError": "exceptions",
    "EmonetWarning": "exceptions",
    "Face": "models.face_detector",
    "FaceDetector": "models.face_detector",
    "FaceEmotionModel": "models.face",
    "HeadInfo": "scores",
    "ModelDir": "model_dir",
    "MultiHeadMLP": "heads",
    "Scores": "scores",
    "VoiceEmotionModel": "models.voice",
    "info": "runtime_info",
    "log_mel_spectrogram": "audio",
    "preprocess_image": "image",
    "resample": "audio",
    "set_thread_budget": "threads",
    "thread_budget": "threads",
}

__all__ = [
    "EmonetError",
    "EmonetWarning",
    "Face",
    "FaceDetector",
    "FaceEmotionModel",
    "HeadInfo",
    "ModelDir",
    "MultiHeadMLP",
    "Scores",
    "VoiceEmotionModel",
    "__version__",
    "certificate",
    "exceptions",
    "info",
    "levels",
    "log_mel_spectrogram",
    "model_dir",
    "preprocess_image",
    "resample",
    "set_thread_budget",
    "stream",
    "synthetic",
    "taxonomy",
    "thread_budget",
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
    return sorted({*globals(), *_SUBMODULES, *_HOMES})
