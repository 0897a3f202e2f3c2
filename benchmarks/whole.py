"""What the whole-pipeline races of faces and voices have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import models
from benchmarks.machine import has_bf16
from benchmarks.peers import onnx_models, openvino_models, pipelines, transformers_encoders
from benchmarks.race import Contestant
from benchmarks.settings import THREADS

__all__ = [
    "BARE",
    "LAION",
    "NO_BF16",
    "OPENVINO_BF16",
    "OPENVINO_INT8",
    "OURS",
    "PEERS",
    "SLOW",
    "default_hint",
    "peer_encoders",
    "within",
]

OURS, BARE = "emonet-edge INT8", "the bare OpenVINO encoder call, INT8"
LAION = "LAION's recipe, PyTorch FP32"
OPENVINO_INT8 = "LAION's recipe, encoder in OpenVINO INT8"
OPENVINO_FP32 = "LAION's recipe, encoder in OpenVINO FP32"
OPENVINO_BF16 = "LAION's recipe, encoder in OpenVINO BF16"
ONNX = "LAION's recipe, encoder in ONNX Runtime FP32"
PEERS = (LAION, OPENVINO_FP32, OPENVINO_BF16, OPENVINO_INT8, ONNX)
SLOW = 3  # those that take seconds run in every third round
NO_BF16 = "this CPU has no bfloat16: OpenVINO would compute in f32"


def default_hint() -> str:
    """What OpenVINO takes by itself; emonet-edge and the bare encoder both run under it."""
    return "bf16" if has_bf16() else "f32"


def peer_encoders(modality: Any) -> tuple[dict[str, pipelines.Encode], dict[str, str]]:
    """Encoders by contestant, and those that are absent with the reason."""
    fp32, int8 = (models.encoder_xml(modality, precision) for precision in ("fp32", "int8"))

    def by_openvino(xml: Any, hint: str) -> pipelines.Encode:
        return openvino_models.encoder_call(openvino_models.compiled_encoder(xml, THREADS, hint))

    encoders = {
        LAION: pipelines.by_torch(transformers_encoders.encoder(modality)),
        OPENVINO_FP32: by_openvino(fp32, "f32"),
        OPENVINO_INT8: by_openvino(int8, default_hint()),
    }
    absent = {}
    if has_bf16():
        encoders[OPENVINO_BF16] = by_openvino(fp32, "bf16")
    else:
        absent[OPENVINO_BF16] = NO_BF16
    try:
        encoders[ONNX] = onnx_models.session_call(models.encoder_onnx(modality), THREADS)
    except ImportError as error:
        absent[ONNX] = f"ONNX Runtime is not installed: {error}"
    return encoders, absent


def hint_of(name: str) -> str:
    """The precision in which a contestant's encoder computes what is not INT8."""
    if name == OPENVINO_BF16:
        return "bf16"
    return default_hint() if name in (OURS, BARE, OPENVINO_INT8) else "f32"


def contestant(name: str, run: Callable[[], Any], check: Callable[[Any], None]) -> Contestant:
    """A whole pipeline with its precision hint."""
    return Contestant(run, check, {"precision_hint": hint_of(name)}, SLOW if name in PEERS else 1)


def within(expected: np.ndarray, correlation: float) -> Callable[[Any], None]:
    """Check that scores agree with FP32's: random weights, so by correlation over the heads."""

    def check(answer: Any) -> None:
        found = np.corrcoef(np.ravel(answer), expected)[0, 1]
        assert found >= correlation, f"correlation with PyTorch FP32 is {found}"

    return check
