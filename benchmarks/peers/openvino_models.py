"""OpenVINO on its own: encoders from IR, and a fully connected layer with compressed weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["compiled_encoder", "encoder_call", "fully_connected"]


def _compile(model: Any, threads: int, hint: str) -> Any:
    from emonet_edge.inference.openvino_core import core

    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": hint,
    }
    return core().compile_model(model, "CPU", settings)


def compiled_encoder(xml: Path, threads: int, hint: str) -> Any:
    """An encoder on the CPU; `hint` is "f32" or "bf16"."""
    from emonet_edge.inference.openvino_core import core

    return _compile(core().read_model(xml), threads, hint)


def encoder_call(compiled: Any) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """The barest call there is: fill the request's input, infer, return its output (a view)."""
    request = compiled.create_infer_request()
    inputs = request.get_input_tensor().data

    def call(tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        inputs[:] = tensor
        request.infer(share_outputs=True)
        output: NDArray[np.float32] = request.get_output_tensor().data
        return output

    return call


def fully_connected(
    weights: NDArray[np.float32], bits: int, threads: int
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """FullyConnected [1, inputs] x [rows, inputs] with weights kept in INT8 or INT4.

    As NNCF compresses weights: INT8 symmetric with one scale for each row, INT4 symmetric with one
    for each row and group of 128. Precision hint f32.
    """
    from emonet_edge.inference.openvino_core import openvino

    ov = openvino()
    op, rows, inputs = ov.opset13, *weights.shape
    groups, limit = (1, 127) if bits == 8 else (inputs // 128, 7)
    grouped = weights.reshape(rows, groups, inputs // groups)
    scale = np.abs(grouped).max(axis=-1, keepdims=True) / np.float32(limit)
    integers = np.empty(grouped.shape, np.int8)
    for row in range(rows):  # row by row: all of it in float would take the memory once more
        integers[row] = np.rint(grouped[row] / scale[row])
    if bits == 8:
        constant = op.constant(integers.reshape(rows, inputs))
        scale = scale.reshape(rows, 1)
    else:
        packed = _nibbles(integers)
        constant = op.constant(ov.Tensor(packed, integers.shape, ov.Type.i4), shared_memory=False)
    node = op.multiply(op.convert(constant, "f32"), op.constant(scale))
    if bits == 4:
        node = op.reshape(node, op.constant(np.array([rows, inputs])), False)
    parameter = op.parameter([1, inputs], np.float32)
    model = ov.Model([op.matmul(parameter, node, False, True)], [parameter], "projections")
    return encoder_call(_compile(model, threads, "f32"))


def _nibbles(integers: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Two to a byte, the first one in the low half."""
    pairs = integers.reshape(-1, 2).view(np.uint8) & 0x0F
    packed: NDArray[np.uint8] = pairs[:, 0] | (pairs[:, 1] << 4)
    return packed
