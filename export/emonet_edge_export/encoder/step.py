"""Everything about the encoder: convert, embed the samples with it, quantize, embed again.

Each stage drops its model before the next one takes memory; the FP32 IR is passed on through the
disk, from where OpenVINO maps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from emonet_edge._types import Float32
from emonet_edge.heads import Compensation
from emonet_edge.inference.openvino_core import core
from emonet_edge_export.calibration import Samples
from emonet_edge_export.encoder.auto_recipe import AutoPlan, search_recipe
from emonet_edge_export.encoder.convert import check_batch, check_onnx, save_ir, to_ir, write_onnx
from emonet_edge_export.encoder.quantize import Recipe, quantize
from emonet_edge_export.encoder.run import IrEncoder, embed_torch, mean_embeddings, release_memory
from emonet_edge_export.errors import no_room
from emonet_edge_export.heads.compensate import (
    NeighbourMoments,
    compensation_from,
    why_nearest,
)
from emonet_edge_export.progress import Progress
from emonet_edge_export.upstream.load_encoder import EncoderConfig, load_module
from emonet_edge_export.upstream.repository import Repository
from emonet_edge_export.workspace import Workspace

__all__ = ["EncoderPlan", "EncoderResult", "make_encoder"]


@dataclass(frozen=True)
class EncoderPlan:
    """What to make: `calibration` None is only for recipes that need none; `proof` is embedded.

    The inputs of `certificate` are embedded in FP32 alone. `auto` is for the recipe of that name.
    `compensate`: find out how rounding errors of the heads are made up for, if that is possible.
    """

    config: EncoderConfig
    recipe: Recipe
    calibration: Samples | None
    proof: Samples
    certificate: Samples
    neutral: Samples | None
    hint: str | None
    also_onnx: bool
    key: str
    auto: AutoPlan | None = None
    compensate: bool = False


@dataclass(frozen=True)
class EncoderResult:
    """`embeddings` of the proof by way; `mean` by norm; the rest in FP32 IR, `neutral` or None.

    `compensation` is of the heads' rounding errors, None where they are rounded to nearest.
    """

    facts: Mapping[str, Any]
    embeddings: Mapping[str, Float32]
    mean: Mapping[str, Float32]
    certificate: Float32
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
            arrays["certificate"],
            arrays.get("neutral"),
            Compensation(arrays["next_position"], arrays["later_columns"])
            if "next_position" in arrays
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
    recipe = _quantize(plan, work, progress, arrays)
    release_memory()
    deployed = IrEncoder(work.path("encoder.xml"), plan.hint)
    arrays["encoder"] = deployed.embed(plan.proof, "Embedding with the exported IR", progress)
    wide = (plan.calibration or plan.proof).some(plan.recipe.samples)
    rounding = _heads_rounding(plan, progress)
    moments = NeighbourMoments() if rounding["method"] == "compensated" else None
    for norm, mean in mean_embeddings(deployed, wide, progress, moments).items():
        arrays[f"mean_{norm}"] = mean
    if moments is not None:
        arrays |= asdict(compensation_from(moments.centred()))
    np.savez(work.path("embeddings.npz"), allow_pickle=False, **arrays)
    for suffix in (".xml", ".bin"):
        work.path("fp32.xml").with_suffix(suffix).unlink(missing_ok=True)
    del deployed
    release_memory()
    return {
        "used": dict(repository.used),
        "onnx_error": onnx_error,
        "recipe": recipe,
        "heads_rounding": rounding,
    }


def _heads_rounding(plan: EncoderPlan, progress: Progress) -> dict[str, Any]:
    """Return what report.json says of it: how, and from how many samples or why not."""
    if not plan.compensate:
        return {"method": "nearest"}
    samples = 0 if plan.calibration is None else min(len(plan.calibration), plan.recipe.samples)
    reason = why_nearest(plan.config.embedding_shape, samples)
    if reason:
        progress.say(f"the heads are rounded to nearest: {reason}")
        return {"method": "nearest", "reason": reason}
    progress.say(f"the heads' rounding errors are compensated, from {samples} samples")
    return {"method": "compensated", "samples": samples}


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
    title = "Embedding the certificate's inputs"
    arrays["certificate"] = encoder.embed(plan.certificate, title, progress)
    if plan.neutral is not None:
        arrays["neutral"] = encoder.embed(plan.neutral, "Embedding neutral faces", progress)


def _quantize(
    plan: EncoderPlan, work: Workspace, progress: Progress, arrays: Mapping[str, Float32]
) -> dict[str, Any]:
    """Write the encoder as the recipe wants it; returns the recipe as it was used."""
    fp32 = work.path("fp32.xml")
    if plan.auto is not None and plan.calibration is not None:
        neutral = arrays.get("neutral")
        made, recipe = search_recipe(fp32, plan.auto, plan.calibration, neutral, work, progress)
    else:
        recipe = plan.recipe.described(plan.calibration)
        with progress.waiting(f"Recipe {plan.recipe.name}"):
            model = core().read_model(fp32)
            made = quantize(model, plan.recipe, plan.calibration)
    check_batch(made, plan.config.input_shape)
    half = plan.recipe.name == "fp16"
    save_ir(made, work.path("encoder.xml"), plan.config.preparation, half)
    return recipe
