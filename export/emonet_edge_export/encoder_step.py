"""Everything about the encoder: convert, embed the samples with it, quantize, embed again.

Each stage drops its model before the next one takes memory; the FP32 IR is passed on through the
disk, from where OpenVINO maps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonet_edge.encoder import openvino
from emonet_edge.heads import Compensation
from emonet_edge_export.calibration import Samples
from emonet_edge_export.compensate_heads import NeighbourMoments, compensation_from
from emonet_edge_export.convert_encoder import check_batch, check_onnx, save_ir, to_ir, write_onnx
from emonet_edge_export.errors import no_room
from emonet_edge_export.load_encoder import EncoderConfig, load_module
from emonet_edge_export.progress import Progress
from emonet_edge_export.quantize_encoder import Recipe, quantize
from emonet_edge_export.run_encoder import IrEncoder, embed_torch, mean_embeddings, release_memory
from emonet_edge_export.sources import Repository
from emonet_edge_export.workspace import Workspace

__all__ = ["EncoderPlan", "EncoderResult", "make_encoder"]

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class EncoderPlan:
    """What to make: `calibration` None is only for recipes that need none; `proof` is embedded.

    `compensate`: derive how heads' rounding errors are made up for, from the same embeddings as
    the mean.
    """

    config: EncoderConfig
    recipe: Recipe
    calibration: Samples | None
    proof: Samples
    neutral: Samples | None
    hint: str | None
    also_onnx: bool
    key: str
    compensate: bool = False


@dataclass(frozen=True)
class EncoderResult:
    """`embeddings` of the proof by way; `mean` by norm; `neutral` faces in FP32 IR, or None.

    `compensation` is there where the plan asked for it.
    """

    facts: Mapping[str, Any]
    embeddings: Mapping[str, Float32]
    mean: Mapping[str, Float32]
    neutral: Float32 | None
    compensation: Compensation | None = None


def make_encoder(
    plan: EncoderPlan, repository: Repository, work: Workspace, progress: Progress
) -> EncoderResult:
    """Write encoder.xml, encoder.bin and perhaps encoder.onnx into the working folder.

    What an earlier run finished with the same plan is taken as it is.

    Raises:
        CheckpointError, SourceError, DiskFullError, ExportError: as the steps.
    """
    facts = work.recall("encoder", plan.key)
    if facts is None:
        with no_room(work.folder, "what is finished is kept, and the same command goes on with it"):
            facts = _make(plan, repository, work, progress)
        work.remember("encoder", plan.key, facts)
    else:
        progress.say("the encoder is finished already, from an earlier run")
    repository.used.update(facts["used"])
    with np.load(work.path("embeddings.npz")) as arrays:
        return EncoderResult(
            facts,
            {way: arrays[way] for way in ("torch", "fp32_ir", "encoder")},
            {norm: arrays[f"mean_{norm}"] for norm in ("none", "l2")},
            arrays.get("neutral"),
            Compensation(arrays["next_position"], arrays["later_columns"])
            if plan.compensate
            else None,
        )


def _make(
    plan: EncoderPlan, repository: Repository, work: Workspace, progress: Progress
) -> dict[str, Any]:
    arrays: dict[str, Float32] = {}
    onnx_error = _convert(plan, repository, work, progress, arrays)
    release_memory()
    for name in list(repository.used):
        repository.release(name)
    _embed_float(plan, work, progress, arrays)
    release_memory()
    _quantize(plan, work, progress)
    release_memory()
    deployed = IrEncoder(work.path("encoder.xml"), plan.hint)
    arrays["encoder"] = deployed.embed(plan.proof, "Embedding with the exported IR", progress)
    wide = (plan.calibration or plan.proof).some(plan.recipe.samples)
    moments = NeighbourMoments() if plan.compensate else None
    for norm, mean in mean_embeddings(deployed, wide, progress, moments).items():
        arrays[f"mean_{norm}"] = mean
    if moments is not None:
        arrays |= asdict(compensation_from(moments.centred()))
    np.savez(work.path("embeddings.npz"), allow_pickle=False, **arrays)
    for suffix in (".xml", ".bin"):
        work.path("fp32.xml").with_suffix(suffix).unlink(missing_ok=True)
    del deployed
    release_memory()
    return {"used": dict(repository.used), "onnx_error": onnx_error}


def _convert(
    plan: EncoderPlan,
    repository: Repository,
    work: Workspace,
    progress: Progress,
    arrays: dict[str, Float32],
) -> float | None:
    with progress.waiting(f"Reading {repository.name}"):
        module = load_module(repository, plan.config)
    arrays["torch"] = embed_torch(module, plan.proof, progress)
    with progress.waiting("Converting to OpenVINO IR"):
        ir = to_ir(module, plan.config.input_shape)
        save_ir(ir, work.path("fp32.xml"), plan.config.preparation)
    del ir
    if not plan.also_onnx:
        return None
    with progress.waiting("Writing ONNX"):
        write_onnx(module, plan.config.input_shape, work.path("encoder.onnx"))
    del module
    release_memory()
    few = plan.proof.some(2)
    return check_onnx(
        work.path("encoder.onnx"), list(few), _matching(plan.proof, few, arrays["torch"])
    )


def _matching(all_: Samples, few: Samples, values: Float32) -> list[Float32]:
    return [values[all_.makers.index(maker)] for maker in few.makers]


def _embed_float(
    plan: EncoderPlan, work: Workspace, progress: Progress, arrays: dict[str, Float32]
) -> None:
    encoder = IrEncoder(work.path("fp32.xml"), "f32")
    arrays["fp32_ir"] = encoder.embed(plan.proof, "Embedding with FP32 IR", progress)
    if plan.neutral is not None:
        arrays["neutral"] = encoder.embed(plan.neutral, "Embedding neutral faces", progress)


def _quantize(plan: EncoderPlan, work: Workspace, progress: Progress) -> None:
    core = openvino().Core()
    model = core.read_model(work.path("fp32.xml"))
    with progress.waiting(f"Recipe {plan.recipe.name}"):
        made = quantize(model, plan.recipe, plan.calibration)
        check_batch(made, plan.config.input_shape)
        half = plan.recipe.name == "fp16"
        save_ir(made, work.path("encoder.xml"), plan.config.preparation, half)
