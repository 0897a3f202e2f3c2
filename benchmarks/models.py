"""Full-size synthetic models, written once and kept.

They lie in $EMONET_BENCH_MODELS, by default in the cache directory: about 12 GB.

    face, voice, voice-int4     model directories, as `emonet_edge.synthetic` writes them
    face-fp32, voice-fp32       encoder.xml alone, the same weights unquantized
    face-onnx, voice-onnx       encoder.onnx, the same weights
    face-large                  heads.bin: 40 heads of Face Large
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.settings import MODELS_VARIABLE
from emonet_edge.heads.packed_heads import PackedHeadsWriter
from emonet_edge.machine.paths import cache_dir
from emonet_edge.synthetic import write_face_model, write_voice_model
from emonet_edge.synthetic.architectures import preset
from emonet_edge.synthetic.encoder_ir import write_encoder
from emonet_edge.synthetic.random_heads import HeadShape, Layers, draw_head, head_shape
from emonet_edge.taxonomy import ATTRIBUTES, DIMENSIONS, EMOTIONS

__all__ = [
    "FACE_HEADS",
    "LARGE_FACE_HEADS",
    "SEED",
    "VOICE_HEADS",
    "draw_large_face_head",
    "draw_small_face_head",
    "draw_voice_head",
    "encoder_onnx",
    "encoder_xml",
    "face_large_heads",
    "face_model",
    "voice_model",
]

SEED = 0
VOICE_HEADS = (*EMOTIONS, *ATTRIBUTES)
FACE_HEADS = (*EMOTIONS, *DIMENSIONS)
LARGE_FACE_HEADS = EMOTIONS


def face_model() -> Path:
    """The face model directory: INT8 encoder, 44 small heads."""
    return _kept(
        "face", lambda path: write_face_model(path, "full", seed=SEED, progress=_progress(path))
    )


def voice_model(precision: str = "int8") -> Path:
    """The voice model directory of all 55 heads in "int8" or "int4"."""
    name = "voice" if precision == "int8" else f"voice-{precision}"

    def write(path: Path) -> Any:
        kind: Any = precision
        return write_voice_model(
            path, "full", seed=SEED, heads_precision=kind, progress=_progress(path)
        )

    return _kept(name, write)


def encoder_xml(modality: Any, precision: str) -> Path:
    """OpenVINO IR of an encoder, "int8" as in the model directory or "fp32"."""
    if precision == "int8":
        folder = face_model() if modality == "face" else voice_model()
        return folder / "encoder.xml"

    def write(path: Path) -> None:
        path.mkdir()
        write_encoder(path, preset(modality, "full"), SEED, "fp32", _progress(path))

    return _kept(f"{modality}-fp32", write) / "encoder.xml"


def encoder_onnx(modality: Any) -> Path:
    """The FP32 encoder as ONNX, exported from transformers' module."""
    from benchmarks.peers.onnx_models import export_encoder
    from benchmarks.peers.transformers_encoders import encoder

    def write(path: Path) -> None:
        path.mkdir()
        architecture = preset(modality, "full")
        export_encoder(encoder(modality), architecture.input_shape, path / "encoder.onnx")

    return _kept(f"{modality}-onnx", write) / "encoder.onnx"


def face_large_heads() -> Path:
    """A heads.bin of 40 heads 1152-1024-512-256-1 in INT8."""

    def write(path: Path) -> None:
        path.mkdir()
        mean = np.zeros(1152, np.float32)
        with PackedHeadsWriter(path / "heads.bin", (1152,), mean) as writer:
            for name in LARGE_FACE_HEADS:
                writer.add_head(name, draw_large_face_head(name), "int8")

    return _kept("face-large", write) / "heads.bin"


def draw_voice_head(name: str) -> Layers:
    """The layers that `voice_model` quantized: [(weight, bias), ...], float32."""
    return draw_head(SEED, name, _shape("voice", "small"))


def draw_small_face_head(name: str) -> Layers:
    """The layers that `face_model` quantized."""
    return draw_head(SEED, name, _shape("face", "small"))


def draw_large_face_head(name: str) -> Layers:
    """The layers that `face_large_heads` quantized."""
    return draw_head(SEED, name, _shape("face", "large"))


def _shape(modality: Any, suite: Any) -> HeadShape:
    return head_shape(preset(modality, "full"), "full", suite)


def _folder() -> Path:
    wish = os.environ.get(MODELS_VARIABLE)
    if wish:
        return Path(wish)
    cache = cache_dir()
    if cache is None:
        raise RuntimeError(f"there is no cache directory: set {MODELS_VARIABLE} to a folder")
    return cache / "bench-models"


def _kept(name: str, write: Callable[[Path], Any]) -> Path:
    """Write it beside its place and move it there, unless it is there."""
    path = _folder() / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{name}.part")
        shutil.rmtree(part, ignore_errors=True)
        print(f"\nwriting {path}, once", file=sys.stderr)
        write(part)
        part.rename(path)
    return path


def _progress(path: Path) -> Callable[[str, float], None]:
    def report(text: str, fraction: float) -> None:
        print(f"\r{fraction:4.0%}  {text:40}", end="", file=sys.stderr, flush=True)

    return report
