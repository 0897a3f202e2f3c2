"""Activation ranges of a stage, from a float run over a few inputs.

One stage at a time: its small model is compiled, run over every input, and dropped, and its outputs
are the next stage's inputs. The whole encoder in float never exists.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from emonet_edge._types import Float32
from emonet_edge.inference.openvino_core import openvino
from emonet_edge.synthetic.graph import Stage
from emonet_edge.synthetic.numerics import ObservedNumerics
from emonet_edge.synthetic.quantization import ActivationRange
from emonet_edge.synthetic.weights import Tensors

__all__ = ["calibrate_stage", "token_windows"]


def calibrate_stage(
    core: Any, stage: Stage, tensors: Tensors, inputs: list[Float32]
) -> tuple[dict[str, ActivationRange], list[Float32]]:
    """Return the ranges by key, and the stage's output for each input (batches of 1)."""
    module = openvino()
    numerics = ObservedNumerics(tensors)
    parameter = module.opset13.parameter(list(inputs[0].shape), np.float32)
    output = stage[1](numerics, parameter)
    seen = [node for pair in numerics.seen.values() for node in pair]
    # f32: the ranges must not depend on whether this CPU would choose bf16.
    model = core.compile_model(
        module.Model([output, *seen], [parameter]),
        "CPU",
        {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"},
    )
    request = model.create_infer_request()
    runs = [_run(request, value) for value in inputs]
    limits = np.arange(len(numerics.seen)) * 2 + 1
    ranges = {
        key: ActivationRange(
            np.stack([run[at] for run in runs]), np.stack([run[at + 1] for run in runs])
        )
        for key, at in zip(numerics.seen, limits, strict=True)
    }
    return ranges, [run[0] for run in runs]


def token_windows(tokens: Float32, pieces: int = 3) -> list[Float32]:
    """Return a picture's tokens [1, n, width], and those of its pieces x pieces windows.

    The pooling head makes one token of a picture, so a few pictures show it too few values to know
    a channel's range by. A window, repeated to the full number of tokens, pools as a picture of its
    own: attention weighs every copy alike.
    """
    side = round(tokens.shape[1] ** 0.5)
    size = side // pieces
    grid = tokens[:, : side * side].reshape(1, side, side, -1)
    windows = [tokens]
    for row in range(0, size * pieces, size):
        for column in range(0, size * pieces, size):
            window = grid[:, row : row + size, column : column + size]
            window = window.reshape(1, size * size, -1)
            windows.append(np.resize(window, tokens.shape))
    return windows


def _run(request: Any, value: Float32) -> list[Float32]:
    results = request.infer([value])
    return [np.array(results[index]) for index in range(len(results))]
