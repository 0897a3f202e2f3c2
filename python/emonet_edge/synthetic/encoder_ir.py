"""A synthetic encoder as OpenVINO IR: encoder.xml and encoder.bin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from emonet_edge._types import Progress
from emonet_edge.inference.openvino_core import openvino
from emonet_edge.synthetic.architectures import Architecture, VisionArchitecture
from emonet_edge.synthetic.calibrate import calibrate_stage, token_windows
from emonet_edge.synthetic.calibration_inputs import calibration_inputs
from emonet_edge.synthetic.graph import stages
from emonet_edge.synthetic.numerics import FloatNumerics, QuantizedNumerics
from emonet_edge.synthetic.quantization import ALPHA, MARGIN
from emonet_edge.synthetic.weights import Tensors

__all__ = ["EncoderFacts", "Progress", "write_encoder"]

Precision = Literal["int8", "fp32"]


@dataclass(frozen=True)
class EncoderFacts:
    """What the manifest says about an encoder.

    `float_embeddings`, float32 [n, ...], are those of the inputs that INT8 was calibrated on, from
    before quantization; None for an encoder in float, which has no others.
    """

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    recipe: dict[str, Any] = field(default_factory=dict)
    float_embeddings: NDArray[np.float32] | None = field(default=None, compare=False)


def write_encoder(
    folder: Path,
    architecture: Architecture,
    seed: int,
    precision: Precision = "int8",
    progress: Progress | None = None,
    inputs: Sequence[NDArray[np.float32]] | None = None,
) -> EncoderFacts:
    """Write encoder.xml and encoder.bin with seeded random weights into an existing folder.

    The same seed, machine and openvino give the same bytes. A full INT8 encoder is quantized layer
    by layer and never exists in float as a whole.

    Args:
        folder: where the two files go; files of these names are replaced.
        architecture: one of `architectures.PRESETS`, or any other size.
        seed: of all weights; tensors depend on (seed, name) alone.
        precision: "int8", quantized as NNCF's defaults would, or "fp32", the same weights as drawn.
        progress: called with a text and a fraction from 0 to 1.
        inputs: what to calibrate INT8 on, float32 arrays of the encoder's input shape; drawn
            pictures or synthesised sounds where absent.

    Raises:
        ValueError: precision is neither "int8" nor "fp32".

    """
    if precision not in ("int8", "fp32"):
        raise ValueError(f"precision is 'int8' or 'fp32', not {precision!r}")
    report: Progress = progress or (lambda text, fraction: None)
    if precision == "fp32":
        model, embeddings = _build(architecture, seed, None, report)
        recipe: dict[str, Any] = {"method": "none", "seed": seed}
    else:
        samples = list(inputs) if inputs is not None else calibration_inputs(architecture)
        model, embeddings = _build(architecture, seed, samples, report)
        source = "generated" if inputs is None else "given"
        recipe = _int8_recipe(seed, f"{len(samples)} {source} inputs")
    report("writing encoder.bin", 0.95)
    # Not compressed to fp16: the reference is full precision, and INT8 scales are float32.
    openvino().save_model(model, folder / "encoder.xml", compress_to_fp16=False)
    report("encoder written", 1.0)
    return EncoderFacts(architecture.input_shape, architecture.output_shape, recipe, embeddings)


def _int8_recipe(seed: int, calibration: str) -> dict[str, Any]:
    return {
        "method": "as nncf.quantize(model_type=TRANSFORMER), written without nncf",
        "preset": "mixed",
        "smooth_quant_alpha": ALPHA,
        "bias_correction": False,
        "activation_range": f"extremes, times {MARGIN}",
        "calibration": calibration,
        "seed": seed,
    }


def _build(
    architecture: Architecture,
    seed: int,
    samples: list[NDArray[np.float32]] | None,
    report: Progress,
) -> tuple[Any, NDArray[np.float32] | None]:
    """Return the model, quantized where there are samples to calibrate on, and their embeddings."""
    module = openvino()
    core = module.Core()
    tensors = Tensors(architecture, seed)
    parameter = module.opset13.parameter(list(architecture.input_shape), np.float32)
    node, todo, windows = parameter, stages(architecture), 1
    for index, stage in enumerate(todo):
        report(f"encoder: {stage[0]}", 0.95 * index / len(todo))
        numerics = FloatNumerics(tensors)
        if samples is not None:
            if index == len(todo) - 1 and isinstance(architecture, VisionArchitecture):
                pieces = [token_windows(tokens) for tokens in samples]
                samples, windows = [w for piece in pieces for w in piece], len(pieces[0])
            ranges, samples = calibrate_stage(core, stage, tensors, samples)
            numerics = QuantizedNumerics(tensors, ranges)
        node = stage[1](numerics, node)
        tensors.forget()
    model = module.Model([node], [parameter], "encoder")
    _name_nodes(model)
    whole = None if samples is None else np.concatenate(samples[::windows])
    return model, whole


def _name_nodes(model: Any) -> None:
    """Names by position: the default ones count every node that this process ever made."""
    for index, node in enumerate(model.get_ordered_ops()):
        node.set_friendly_name(f"{node.get_type_name()}_{index}")
    model.inputs[0].set_names({"input"})
    model.outputs[0].set_names({"embedding"})
