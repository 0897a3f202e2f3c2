"""Small encoders for the tests: real IRs whose answers NumPy can compute."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from emonet_edge.inference.compile import EncoderSource
from emonet_edge.inference.openvino_core import openvino

INPUT_SHAPE = (1, 3, 8, 8)
PACKAGE_ROOT = Path(__file__).resolve().parents[1] / "python"
OUTPUT_SHAPE = (1, 16)


def weights(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two layers: [192, 64] and [64, 16]."""
    rng = np.random.default_rng(seed)
    first = rng.standard_normal((192, 64)).astype(np.float32) / 8
    return first, rng.standard_normal((64, 16)).astype(np.float32) / 8


def reference(batch: np.ndarray, seed: int = 0) -> np.ndarray:
    """float64 [n, 3, 8, 8] -> [n, 16]: matmul, ReLU, matmul."""
    first, second = weights(seed)
    hidden = np.maximum(batch.reshape(len(batch), 192).astype(np.float64) @ first, 0)
    return hidden @ second


def write_encoder(
    folder: Path,
    seed: int = 0,
    *,
    int8: bool = False,
    hint: str | None = "f32",
    baked_batch: bool = False,
    nan: bool = False,
) -> EncoderSource:
    """Write encoder.xml and encoder.bin into `folder`."""
    ov = openvino()
    op = ov.opset13
    x = op.parameter(list(INPUT_SHAPE), np.float32, name="input")
    y = op.reshape(x, op.constant(np.array([-1, 192])), False)
    one, two = (op.constant(w) for w in weights(seed))
    quantize = _fake_quantize(op) if int8 else lambda node: node
    y = op.relu(op.matmul(quantize(y), quantize(one), False, False))
    y = op.matmul(quantize(y), quantize(two), False, False)
    if baked_batch:  # a token of batch 1 joined to every input, as a careless export does it
        y = op.concat([y, op.constant(np.zeros((1, 1), np.float32))], 1)
        y = op.gather(y, op.constant(np.arange(16)), op.constant(np.int64(1)))
    if nan:
        y = op.sqrt(op.subtract(y, op.constant(np.float32(1e9))))
    folder.mkdir(parents=True, exist_ok=True)
    xml = folder / "encoder.xml"
    ov.save_model(ov.Model([y], [x], "encoder"), str(xml), compress_to_fp16=False)
    digest = hashlib.sha256(xml.read_bytes() + xml.with_suffix(".bin").read_bytes()).hexdigest()
    return EncoderSource(xml, digest, INPUT_SHAPE, OUTPUT_SHAPE, hint)


def wide_encoder(folder: Path) -> EncoderSource:
    """Write an encoder that takes some 10 ms an input: four products of [512, 512] matrices."""
    ov = openvino()
    op = ov.opset13
    x = y = op.parameter([1, 1, 512, 512], np.float32, name="input")
    rng = np.random.default_rng(0)
    for _ in range(4):
        weight = (rng.standard_normal((512, 512)) / 22).astype(np.float32)
        y = op.matmul(y, op.constant(weight), False, False)
    y = op.reduce_mean(y, op.constant(np.array([1, 2])), False)
    folder.mkdir(parents=True, exist_ok=True)
    xml = folder / "encoder.xml"
    ov.save_model(ov.Model([y], [x], "wide"), str(xml), compress_to_fp16=False)
    return EncoderSource(xml, "wide", (1, 1, 512, 512), (1, 512), "f32")


def _fake_quantize(op):
    low, high = (op.constant(np.float32(v)) for v in (-4.0, 4.0))
    return lambda node: op.fake_quantize(node, low, high, low, high, 255)
