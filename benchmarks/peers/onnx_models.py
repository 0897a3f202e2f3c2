"""ONNX Runtime: exported encoders, and projections through MatMulNBits."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["export_encoder", "matmul_n_bits", "session_call"]

BLOCK = 128


def session_call(
    model: Path | bytes, threads: int
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Load a model with one input and one output on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    source = model if isinstance(model, bytes) else str(model)
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda tensor: session.run(None, {name: tensor})[0]


def export_encoder(module: Any, input_shape: tuple[int, ...], path: Path) -> None:
    """Write a transformers encoder as ONNX in FP32; the output is what its heads read."""
    import torch

    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # tracing warns about shapes that are constant here
        torch.onnx.export(
            module, (torch.zeros(input_shape),), str(path), dynamo=False, opset_version=17
        )


def matmul_n_bits(
    weights: NDArray[np.float32], bits: int, threads: int, folder: Path
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """MatMulNBits [1, inputs] x [rows, inputs], 8 or 4 bits in blocks of 128.

    accuracy_level 4: activations in 8 bits, ONNX Runtime's fastest. The model is written into
    `folder`: weights of more than 2 GB cannot be handed over in memory.
    """
    import onnx
    from onnx import TensorProto, helper

    rows, inputs = weights.shape
    packed, scales = _quantize(weights, bits)
    attributes = {"K": inputs, "N": rows, "bits": bits, "block_size": BLOCK, "accuracy_level": 4}
    node = helper.make_node(
        "MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft", **attributes
    )
    graph = helper.make_graph(
        [node],
        "projections",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, rows])],
        [onnx.numpy_helper.from_array(packed, "w"), onnx.numpy_helper.from_array(scales, "s")],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    path = folder / f"projections-int{bits}.onnx"
    onnx.save(model, path, save_as_external_data=True, location=f"{path.stem}.data")
    return session_call(path, threads)


def _quantize(
    weights: NDArray[np.float32], bits: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Symmetric around the middle: packed [rows, blocks, bytes] and scales [rows, blocks]."""
    rows, inputs = weights.shape
    middle = 1 << (bits - 1)
    blocks = inputs // BLOCK
    packed = np.empty((rows, blocks, BLOCK * bits // 8), np.uint8)
    scales = np.empty((rows, blocks), np.float32)
    for row in range(rows):
        grouped = weights[row].reshape(blocks, BLOCK)
        scales[row] = np.abs(grouped).max(axis=-1) / np.float32(middle - 1)
        levels = (np.rint(grouped / scales[row][:, None]) + middle).astype(np.uint8)
        packed[row] = levels if bits == 8 else levels[:, 0::2] | (levels[:, 1::2] << 4)
    return packed, scales
