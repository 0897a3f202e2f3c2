"""The two encoders as OpenVINO operations, stage by stage.

A stage is a function (numerics, node) -> node: the embedding, each layer, the head or last norm.
Operations and their order are those that `openvino.convert_model` makes of transformers' modules
(fused ScaledDotProductAttention, layer norm as MVN, Multiply, Add), because the CPU plugin picks
its kernels by pattern. Different on purpose: the batch is never written into a Reshape, so that
`model.reshape` to any batch works, and no layout change that the plugin would only remove again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from emonet_edge._types import Float32
from emonet_edge.inference.openvino_core import openvino
from emonet_edge.synthetic.architectures import (
    Architecture,
    VisionArchitecture,
    VoiceArchitecture,
)
from emonet_edge.synthetic.numerics import FloatNumerics, Node, constant

__all__ = ["Stage", "stages"]

Stage = tuple[str, Callable[[FloatNumerics, Node], Node]]


def stages(architecture: Architecture) -> list[Stage]:
    """Return the encoder's stages in order, each with a name for progress."""
    if isinstance(architecture, VisionArchitecture):
        first: Stage = ("patch embedding", partial(_embed_patches, architecture))
        last: Stage = ("attention-pooling head", partial(_pool, architecture))
        layer: Callable[..., Node] = _vision_layer
    else:
        first = ("convolutions", partial(_embed_frames, architecture))
        last = ("last norm", partial(_last_norm, architecture))
        layer = _voice_layer
    middle: list[Stage] = [
        (f"layer {index + 1} of {architecture.layers}", partial(layer, architecture, index))
        for index in range(architecture.layers)
    ]
    return [first, *middle, last]


def _ops() -> Any:
    return openvino().opset13


def _integers(*values: int) -> Node:
    return constant(np.array(values, dtype=np.int64))


def _transpose(node: Node, *order: int) -> Node:
    return _ops().transpose(node, constant(np.array(order, dtype=np.int32)))


def _reshape(node: Node, *shape: int) -> Node:
    """Reshape; a 0 copies the dimension of the input, which is how the batch stays open."""
    return _ops().reshape(node, _integers(*shape), special_zero=True)


def _along_channels(vector: Float32) -> Node:
    return constant(vector.reshape(1, 1, -1))


def _layer_norm(numerics: FloatNumerics, node: Node, name: str, epsilon: float) -> Node:
    op, tensors = _ops(), numerics.tensors
    axes = constant(np.array([-1], dtype=np.int32))
    node = op.mvn(node, axes, True, epsilon, "inside_sqrt")
    node = op.multiply(node, _along_channels(tensors(f"{name}.weight")))
    return op.add(node, _along_channels(tensors(f"{name}.bias")))


def _project(numerics: FloatNumerics, node: Node, name: str, smooth: str) -> Node:
    """Return the matrix product of a linear layer, without its bias."""
    weight = numerics.weight(numerics.tensors(f"{name}.weight"), smooth)
    return _ops().matmul(node, weight, transpose_a=False, transpose_b=True)


def _linear(numerics: FloatNumerics, node: Node, name: str, smooth: str) -> Node:
    node = _project(numerics, node, name, smooth)
    if f"{name}.bias" not in numerics.tensors:
        return node
    return _ops().add(node, _along_channels(numerics.tensors(f"{name}.bias")))


def _smoothed(numerics: FloatNumerics, node: Node, key: str, *names: str) -> Node:
    weights = tuple(numerics.tensors(f"{name}.weight") for name in names)
    return numerics.smoothed(node, key, weights, channels=-1)


def _quantized(numerics: FloatNumerics, node: Node, key: str) -> Node:
    """Quantize queries or keys: symmetric, or the CPU plugin would fuse attention differently."""
    return numerics.quantized(node, key, channels=-1, symmetric=True)


def _attend(queries: Node, keys: Node, values: Node, scale: float) -> Node:
    mask, factor = constant(np.array(0, np.float32)), constant(np.array(scale, np.float32))
    return _ops().scaled_dot_product_attention(queries, keys, values, mask, factor)


def _split_heads(node: Node, heads: int, head_width: int) -> Node:
    return _transpose(_reshape(node, 0, 0, heads, head_width), 0, 2, 1, 3)


def _merge_heads(node: Node, width: int) -> Node:
    return _reshape(_transpose(node, 0, 2, 1, 3), 0, 0, width)


def _self_attention(
    numerics: FloatNumerics, arch: Architecture, node: Node, name: str, scaled_queries: bool
) -> Node:
    """Attend with queries and keys quantized and values not: NNCF's choice for the fused operation.

    Whisper scales its queries before the product, SigLIP leaves it to the operation.
    """
    key = f"{name}.input"
    q, k, v, out = (f"{name}.{part}_proj" for part in ("q", "k", "v", "out"))
    node = _smoothed(numerics, node, key, q, k, v)
    scale = arch.head_width**-0.5
    if scaled_queries:
        queries, scale = _scaled_queries(numerics, node, q, key, scale), 1.0
    else:
        queries = _linear(numerics, node, q, key)
    queries = _quantized(numerics, queries, f"{name}.queries")
    keys = _quantized(numerics, _linear(numerics, node, k, key), f"{name}.keys")
    values = _linear(numerics, node, v, key)
    queries, keys, values = (
        _split_heads(part, arch.heads, arch.head_width) for part in (queries, keys, values)
    )
    node = _merge_heads(_attend(queries, keys, values, scale), arch.width)
    node = _smoothed(numerics, node, f"{name}.output", out)
    return _linear(numerics, node, out, f"{name}.output")


def _scaled_queries(
    numerics: FloatNumerics, node: Node, name: str, smooth: str, scale: float
) -> Node:
    op = _ops()
    bias = numerics.tensors(f"{name}.bias") * np.float32(scale)
    factor = constant(np.full((1, 1, 1), scale, dtype=np.float32))
    node = op.multiply(_project(numerics, node, name, smooth), factor)
    return op.add(node, _along_channels(bias))


def _mlp(numerics: FloatNumerics, node: Node, name: str, gelu: str) -> Node:
    fc1, fc2 = f"{name}fc1", f"{name}fc2"
    node = _smoothed(numerics, node, f"{fc1}.input", fc1)
    node = _ops().gelu(_linear(numerics, node, fc1, f"{fc1}.input"), gelu)
    node = _smoothed(numerics, node, f"{fc2}.input", fc2)
    return _linear(numerics, node, fc2, f"{fc2}.input")


# SigLIP's vision tower


def _embed_patches(arch: VisionArchitecture, numerics: FloatNumerics, node: Node) -> Node:
    op, tensors = _ops(), numerics.tensors
    name = "vision_model.embeddings"
    node = numerics.quantized(node, f"{name}.input", channels=1)
    kernel = numerics.weight(tensors(f"{name}.patch_embedding.weight"), half_range=True)
    step = [arch.patch, arch.patch]
    node = op.convolution(node, kernel, step, [0, 0], [0, 0], [1, 1], "valid")
    bias = tensors(f"{name}.patch_embedding.bias").reshape(1, -1, 1, 1)
    node = _reshape(op.add(node, constant(bias)), 0, arch.width, -1)
    positions = tensors(f"{name}.position_embedding.weight")[None]
    return op.add(_transpose(node, 0, 2, 1), constant(positions))


def _vision_layer(
    arch: VisionArchitecture, index: int, numerics: FloatNumerics, node: Node
) -> Node:
    op, name = _ops(), arch.layer_prefix(index)
    normed = _layer_norm(numerics, node, f"{name}.layer_norm1", arch.norm_epsilon)
    attention = _self_attention(numerics, arch, normed, f"{name}.self_attn", scaled_queries=False)
    node = op.add(node, attention)
    normed = _layer_norm(numerics, node, f"{name}.layer_norm2", arch.norm_epsilon)
    return op.add(node, _mlp(numerics, normed, f"{name}.mlp.", "tanh"))


def _pool(arch: VisionArchitecture, numerics: FloatNumerics, node: Node) -> Node:
    """Pool: one learned probe attends to all tokens, then a residual MLP; [batch, width]."""
    op, head = _ops(), "vision_model.head"
    node = _layer_norm(numerics, node, "vision_model.post_layernorm", arch.norm_epsilon)
    node = _probe_attention(numerics, arch, node, f"{head}.attention")
    normed = _layer_norm(numerics, node, f"{head}.layernorm", arch.norm_epsilon)
    node = op.add(node, _mlp(numerics, normed, f"{head}.mlp.", "tanh"))
    return op.squeeze(node, constant(np.array(1, dtype=np.int64)))


def _probe_attention(
    numerics: FloatNumerics, arch: VisionArchitecture, node: Node, name: str
) -> Node:
    """Do as torch's MultiheadAttention with the probe as its only, constant query."""
    op, tensors, width = _ops(), numerics.tensors, arch.width
    in_weight = tensors(f"{name}.in_proj_weight")[width:]
    in_bias = tensors(f"{name}.in_proj_bias")[width:]
    node = numerics.smoothed(node, f"{name}.input", (in_weight,), channels=-1)
    node = op.matmul(node, numerics.weight(in_weight, f"{name}.input"), False, True)
    node = _reshape(op.add(node, _along_channels(in_bias)), 0, 0, 2, width)
    both = _transpose(node, 2, 0, 1, 3)
    axis, first, second = (constant(np.array(i, dtype=np.int64)) for i in (0, 0, 1))
    keys = op.gather(_quantized(numerics, both, f"{name}.keys"), first, axis)
    values = op.gather(both, second, axis)
    keys, values = (_split_heads(part, arch.heads, arch.head_width) for part in (keys, values))
    queries = _probe_queries(arch, numerics, name)
    node = _merge_heads(_attend(queries, keys, values, 1.0), width)
    node = _smoothed(numerics, node, f"{name}.output", f"{name}.out_proj")
    return _linear(numerics, node, f"{name}.out_proj", f"{name}.output")


def _probe_queries(arch: VisionArchitecture, numerics: FloatNumerics, name: str) -> Node:
    """Return the scaled queries of the probe, [1, heads, 1, head width]; attention repeats them."""
    tensors, width = numerics.tensors, arch.width
    probe = tensors("vision_model.head.probe").reshape(width).astype(np.float64)
    query = tensors(f"{name}.in_proj_weight")[:width] @ probe
    query = (query + tensors(f"{name}.in_proj_bias")[:width]) * arch.head_width**-0.5
    return constant(query.astype(np.float32).reshape(1, arch.heads, 1, arch.head_width))


# Whisper's encoder


def _embed_frames(arch: VoiceArchitecture, numerics: FloatNumerics, node: Node) -> Node:
    op, model = _ops(), "model.encoder"
    node = numerics.quantized(node, f"{model}.conv1.input", channels=1)
    node = _convolve(numerics, node, f"{model}.conv1", stride=1, half_range=True)
    node = numerics.quantized(node, f"{model}.conv2.input", channels=1)
    node = _convolve(numerics, node, f"{model}.conv2", stride=2, half_range=False)
    positions = numerics.tensors(f"{model}.embed_positions.weight")[None]
    return op.add(_transpose(node, 0, 2, 1), constant(positions))


def _convolve(
    numerics: FloatNumerics, node: Node, name: str, stride: int, half_range: bool
) -> Node:
    op, tensors = _ops(), numerics.tensors
    kernel = numerics.weight(tensors(f"{name}.weight"), half_range=half_range)
    node = op.convolution(node, kernel, [stride], [1], [1], [1])
    bias = constant(tensors(f"{name}.bias").reshape(1, -1, 1))
    return op.gelu(op.add(node, bias), "erf")


def _voice_layer(arch: VoiceArchitecture, index: int, numerics: FloatNumerics, node: Node) -> Node:
    op, name = _ops(), arch.layer_prefix(index)
    normed = _layer_norm(numerics, node, f"{name}.self_attn_layer_norm", arch.norm_epsilon)
    attention = _self_attention(numerics, arch, normed, f"{name}.self_attn", scaled_queries=True)
    node = op.add(node, attention)
    normed = _layer_norm(numerics, node, f"{name}.final_layer_norm", arch.norm_epsilon)
    return op.add(node, _mlp(numerics, normed, f"{name}.", "erf"))


def _last_norm(arch: VoiceArchitecture, numerics: FloatNumerics, node: Node) -> Node:
    return _layer_norm(numerics, node, "model.encoder.layer_norm", arch.norm_epsilon)
