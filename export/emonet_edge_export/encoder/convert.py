"""The encoder in torch becomes OpenVINO IR, and ONNX on request.

The IR has the static shape [1, ...]. It is traced with a batch of 2 and an open batch, and the
static shape comes last: so no Reshape holds a batch of 1, and `model.reshape` to any batch works.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emonet_edge.inference.openvino_core import core, openvino
from emonet_edge_export.errors import DiskFullError, ExportError

__all__ = ["check_onnx", "save_ir", "to_ir", "write_onnx"]

_ONNX_LIMIT = 1e-3  # relative error of an embedding, ONNX Runtime against torch
_BATCH = 4


@contextlib.contextmanager
def _tracing() -> Iterator[None]:
    """Trace plain operations: torch's fused transformer path cannot be converted."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # tracer's and transformers' notes on what is constant
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def to_ir(module: torch.nn.Module, input_shape: tuple[int, ...]) -> Any:
    """Convert to an openvino.Model with the static `input_shape` (batch 1), float32.

    Raises:
        ExportError: the model cannot be reshaped to another batch.
    """
    rest = list(input_shape[1:])
    with _tracing():
        model = openvino().convert_model(
            module, example_input=torch.zeros(2, *rest), input=[-1, *rest]
        )
    check_batch(model, input_shape)
    return model


def check_batch(model: Any, input_shape: tuple[int, ...]) -> None:
    """Leave the model at its static shape after having seen it at batch 4.

    Raises:
        ExportError: a batch is baked into it.
    """
    rest = list(input_shape[1:])
    try:
        model.reshape([_BATCH, *rest])
        wide = list(model.outputs[0].shape)
    except RuntimeError as error:
        raise ExportError(f"the IR must be able to run {_BATCH} inputs at once: {error}") from error
    model.reshape(list(input_shape))
    if wide != [_BATCH, *list(model.outputs[0].shape)[1:]]:
        raise ExportError(f"the IR must keep {_BATCH} inputs apart; its output is then {wide}")


def save_ir(model: Any, xml: Path, preparation: Mapping[str, Any], half: bool = False) -> None:
    """Write xml and bin; the preparation's constants go into the xml as well.

    Raises:
        DiskFullError: there is no room for them.
    """
    for key, value in preparation.items():
        text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        model.set_rt_info(text, ["emonet_edge", "preparation", key])
    part = xml.with_name(f"part-{xml.name}")  # OpenVINO derives the .bin's name from the .xml's
    try:
        openvino().save_model(model, str(part), compress_to_fp16=half)
        core().read_model(part)  # OpenVINO does not tell of a disk that is full
    except RuntimeError as error:
        raise DiskFullError(
            f"{xml.parent}: the IR could not be written whole ({str(error).splitlines()[0]}); "
            "is the disk full? Free space and run the same command again"
        ) from error
    part.with_suffix(".bin").replace(xml.with_suffix(".bin"))
    part.replace(xml)


def write_onnx(module: torch.nn.Module, input_shape: tuple[int, ...], path: Path) -> None:
    """Write ONNX (opset 17) with the static shape; weights above 2 GB go beside it."""
    with _tracing():
        torch.onnx.export(
            module,
            (torch.zeros(*input_shape),),
            str(path),
            input_names=["input"],
            output_names=["embedding"],
            opset_version=17,
            dynamo=False,  # the new exporter needs onnxscript, one dependency more
        )


def check_onnx(
    path: Path, inputs: list[NDArray[np.float32]], embeddings: list[NDArray[np.float32]]
) -> float:
    """Run ONNX Runtime on prepared inputs; return the largest relative error of an embedding.

    Raises:
        ExportError: it is not torch's result.
    """
    import onnx
    import onnxruntime

    onnx.checker.check_model(str(path))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for tensor, expected in zip(inputs, embeddings, strict=True):
        found = session.run(None, {session.get_inputs()[0].name: tensor[np.newaxis]})[0][0]
        error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
        worst = max(worst, float(error))
    if not worst <= _ONNX_LIMIT:
        raise ExportError(
            f"{path.name}: ONNX Runtime must reproduce torch within {_ONNX_LIMIT}; it is "
            f"{worst:.2g} off"
        )
    return worst
