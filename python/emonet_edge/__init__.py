"""LAION's Empathic Insight emotion models for faces and voices, on small Intel computers.

A module at the root of this package is public, and so are the packages `bench`, `certificate`,
`heads`, `model_dir`, `stream` (with `stream.output`) and `synthetic`: all of them are in `__all__`
here. The other folders are wings of the house, for its own use.

Importing the package loads neither openvino nor the native core: names are resolved on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emonet_edge._lazy import lazy_names
from emonet_edge._version import __version__

if TYPE_CHECKING:
    from emonet_edge import (
        agreement,
        audio,
        bench,
        certificate,
        coarse,
        exceptions,
        heads,
        image,
        levels,
        media,
        model_dir,
        runtime_info,
        scores,
        stream,
        synthetic,
        taxonomy,
        threads,
    )
    from emonet_edge.audio import log_mel_spectrogram, resample
    from emonet_edge.exceptions import EmonetError, EmonetWarning
    from emonet_edge.heads import MultiHeadMLP
    from emonet_edge.image import preprocess_image
    from emonet_edge.inference.encoder import EncoderReport
    from emonet_edge.model_dir import ModelDir
    from emonet_edge.models.face import FaceEmotionModel
    from emonet_edge.models.face_detector import Face, FaceDetector
    from emonet_edge.models.voice import VoiceEmotionModel
    from emonet_edge.runtime_info import info
    from emonet_edge.scores import HeadInfo, Scores
    from emonet_edge.threads import set_thread_budget, thread_budget

_SUBMODULES = (
    "agreement",
    "audio",
    "bench",
    "certificate",
    "coarse",
    "exceptions",
    "heads",
    "image",
    "levels",
    "media",
    "model_dir",
    "runtime_info",
    "scores",
    "stream",
    "synthetic",
    "taxonomy",
    "threads",
)
_HOMES = {
    "EmonetError": "exceptions",
    "EmonetWarning": "exceptions",
    "EncoderReport": "inference.encoder",
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
    "EncoderReport",
    "Face",
    "FaceDetector",
    "FaceEmotionModel",
    "HeadInfo",
    "ModelDir",
    "MultiHeadMLP",
    "Scores",
    "VoiceEmotionModel",
    "__version__",
    "agreement",
    "audio",
    "bench",
    "certificate",
    "coarse",
    "exceptions",
    "heads",
    "image",
    "info",
    "levels",
    "log_mel_spectrogram",
    "media",
    "model_dir",
    "preprocess_image",
    "resample",
    "runtime_info",
    "scores",
    "set_thread_budget",
    "stream",
    "synthetic",
    "taxonomy",
    "thread_budget",
    "threads",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES, _SUBMODULES)
