"""Writing synthetic model directories, through the writers that real models use."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from emonet_edge._types import Progress
from emonet_edge._version import __version__
from emonet_edge.exceptions import InputError
from emonet_edge.heads import HeadsPrecision, MultiHeadMLP
from emonet_edge.heads.packed_heads import PackedHeadsWriter
from emonet_edge.inference.openvino_core import core, openvino
from emonet_edge.model_dir import ModelDirWriter
from emonet_edge.synthetic.architectures import Architecture, preset
from emonet_edge.synthetic.calibration_inputs import calibration_inputs
from emonet_edge.synthetic.certify import References, write_certificate
from emonet_edge.synthetic.encoder_ir import EncoderFacts, write_encoder
from emonet_edge.synthetic.random_heads import draw_head, evaluate_head, head_shape
from emonet_edge.taxonomy import ATTRIBUTES, DIMENSIONS, EMOTIONS, canonical, describe

__all__ = ["write_face_model", "write_voice_model"]

Preset = Literal["tiny", "full"]
Precision = Literal["int8", "fp32"]
Suite = Literal["small", "large"]

_PREPARATION: dict[str, dict[str, Any]] = {
    "face": {
        "kind": "image",
        "size": 384,
        "resample": "bilinear",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
    },
    "voice": {
        "kind": "log_mel",
        "sample_rate": 16000,
        "window_s": 30,
        "n_fft": 400,
        "hop_length": 160,
        "n_mels": 80,
    },
}
_EVIDENCE = "assumed: as the model card's example does; the weights are random"
_CALIBRATION_INPUTS = 6  # for the heads' mean embedding; more change nothing about random weights


@dataclass(frozen=True)
class _Plan:
    """What to write."""

    modality: Literal["face", "voice"]
    preset: Preset
    suite: Suite
    precision: Precision
    heads_precision: HeadsPrecision
    names: tuple[str, ...]
    seed: int

    @property
    def embedding_norm(self) -> Literal["l2", "none"]:
        return "l2" if self.modality == "face" else "none"


def write_face_model(
    path: str | os.PathLike[str],
    preset: Preset = "tiny",
    precision: Precision = "int8",
    seed: int = 0,
    *,
    suite: Suite = "small",
    heads_precision: HeadsPrecision | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write a face model directory with random weights: 40 emotions and 4 dimensions.

    Args:
        path: the directory to make; its parents are created.
        preset: "tiny" (10 MB, seconds) or "full" (the SigLIP2-so400m vision tower, 428 M
            parameters: 450 MB in INT8, a minute or two, below 3 GB of memory).
        precision: "int8" as NNCF's defaults write it, or "fp32", the same weights unquantized.
        seed: of all weights.
        suite: shape of the heads, "small" or "large".
        heads_precision: "int8", "int4" or "fp16"; None is int8, and fp16 beside "fp32".
        overwrite: whether a model directory that is there may be replaced.
        progress: called with a text and a fraction from 0 to 1.

    Returns:
        The directory.

    Raises:
        InputError: an argument has no such value.
        ModelDirectoryError: the directory exists, or cannot be written.
    """
    names = (*EMOTIONS, *DIMENSIONS)
    kind = _heads_precision(precision, heads_precision)
    plan = _Plan("face", preset, suite, precision, kind, names, seed)
    return _write(Path(path), plan, overwrite, progress)


def write_voice_model(
    path: str | os.PathLike[str],
    preset: Preset = "tiny",
    precision: Precision = "int8",
    seed: int = 0,
    heads: Sequence[str] | int | None = None,
    *,
    suite: Suite = "small",
    heads_precision: HeadsPrecision | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write a voice model directory with random weights: 40 emotions and 15 attributes.

    Args:
        path: the directory to make; its parents are created.
        preset: "tiny" (50 MB, seconds) or "full" (the Whisper-small encoder; 74 MB a head in INT8,
            4.1 GB for all 55, a few minutes, below 3 GB of memory).
        precision: as for `write_face_model`; so are `seed`, `suite`, `overwrite` and `progress`.
        seed: of all weights.
        heads: canonical names, or a number: the first so many. None is all 55.
        suite: shape of the heads, "small" or "large".
        heads_precision: "int8", "int4" or "fp16"; None is int8, and fp16 beside "fp32".
        overwrite: whether a model directory that is there may be replaced.
        progress: called with a text and a fraction from 0 to 1.

    Returns:
        The directory.

    Raises:
        InputError, UnknownNameError: an argument has no such value.
        ModelDirectoryError: the directory exists, or cannot be written.
    """
    kind = _heads_precision(precision, heads_precision)
    plan = _Plan("voice", preset, suite, precision, kind, _voice_names(heads), seed)
    return _write(Path(path), plan, overwrite, progress)


def _heads_precision(precision: Precision, wish: HeadsPrecision | None) -> HeadsPrecision:
    if precision not in ("int8", "fp32"):
        raise InputError(f"precision must be 'int8' or 'fp32'; got {precision!r}")
    if wish is not None and wish not in ("int8", "int4", "fp16"):
        raise InputError(f"heads_precision must be 'int8', 'int4' or 'fp16'; got {wish!r}")
    return wish or ("int8" if precision == "int8" else "fp16")


def _voice_names(heads: Sequence[str] | int | None) -> tuple[str, ...]:
    names = (*EMOTIONS, *ATTRIBUTES)
    if heads is None:
        return names
    if isinstance(heads, int):
        if isinstance(heads, bool) or not 1 <= heads <= len(names):
            raise InputError(f"a number of heads must be 1 to {len(names)}; got {heads!r}")
        return names[:heads]
    if isinstance(heads, str) or not heads:
        raise InputError(f"heads must be a sequence of names or a number; got {heads!r}")
    wanted = {canonical(name) for name in heads}
    for name in wanted:
        describe(name, "voice")
    return tuple(name for name in names if name in wanted)


def _write(path: Path, plan: _Plan, overwrite: bool, progress: Progress | None) -> Path:
    report: Progress = progress or (lambda text, fraction: None)
    architecture = preset(plan.modality, plan.preset)
    # What takes the time: the face's encoder, the voice's heads.
    share = 0.85 if plan.modality == "face" else max(0.1, 0.5 - 0.01 * len(plan.names))
    with ModelDirWriter(path, overwrite=overwrite) as writer:
        folder = writer.path("encoder.xml").parent
        facts = write_encoder(
            folder,
            architecture,
            plan.seed,
            plan.precision,
            lambda text, fraction: report(text, 0.9 * share * fraction),
        )
        report("encoder: mean embedding", 0.9 * share)
        embeddings = _embeddings(folder / "encoder.xml", architecture)
        # In float there is no other encoder to be compared with.
        exact = embeddings if facts.float_embeddings is None else facts.float_embeddings
        described, scores = _write_heads(
            writer.path("heads.bin"),
            plan,
            architecture,
            (embeddings, exact),
            lambda text, fraction: report(text, share + (0.93 - share) * fraction),
        )
        fields = _manifest(plan, facts, described)
        report("certificate", 0.93)
        write_certificate(folder, architecture, fields, References(exact, scores))
        writer.path("report.json").write_text(json.dumps(_report(plan, facts), indent=1) + "\n")
        report("checksums", 0.96)
        directory = writer.finish(fields)
    report("done", 1.0)
    return directory


def _embeddings(xml: Path, architecture: Architecture) -> NDArray[np.float32]:
    """Embeddings of generated inputs, [n, ...]: for the mean that INT8 heads subtract."""
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core().compile_model(core().read_model(xml), "CPU", hint)
    found = [
        np.array(compiled(tensor)[0][0])
        for tensor in calibration_inputs(architecture, _CALIBRATION_INPUTS)
    ]
    return np.stack(found)


def _write_heads(
    path: Path,
    plan: _Plan,
    architecture: Architecture,
    embeddings: tuple[NDArray[np.float32], NDArray[np.float32]],
    report: Progress,
) -> tuple[list[dict[str, Any]], NDArray[np.float32]]:
    """Write heads.bin; describe each head by its scores of the generated inputs.

    `embeddings` are the encoder's own and those in FP32; of the latter the scores in float come
    back, [n, heads].
    """
    own, exact = (_heads_see(plan, values) for values in embeddings)
    mean = own.mean(axis=0, dtype=np.float64).astype(np.float32)
    shape = head_shape(architecture, plan.preset, plan.suite)
    scores = []
    with PackedHeadsWriter(path, architecture.output_shape[1:], mean) as writer:
        for number, name in enumerate(plan.names):
            report(f"head {number + 1} of {len(plan.names)}", number / len(plan.names))
            layers = draw_head(plan.seed, name, shape)
            writer.add_head(name, layers, plan.heads_precision)
            scores.append(evaluate_head(layers, exact.reshape(len(exact), -1)))
    described = [
        _describe(plan, name, _scores_of(path, plan, name, embeddings[0])) for name in plan.names
    ]
    return described, np.stack(scores, axis=1)


def _heads_see(plan: _Plan, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    if plan.embedding_norm == "none":
        return embeddings
    lengths = np.linalg.norm(embeddings, axis=-1, keepdims=True)
    seen: NDArray[np.float32] = embeddings / np.maximum(lengths, 1e-12)
    return seen


def _scores_of(
    path: Path, plan: _Plan, name: str, embeddings: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Score the generated inputs with one head; all 55 at once would map 4 GB."""
    head = MultiHeadMLP.open(path, [name], embedding_norm=plan.embedding_norm, verify=False)
    return head.evaluate_batch(embeddings)[:, 0]


def _describe(plan: _Plan, name: str, scores: NDArray[np.float32]) -> dict[str, Any]:
    mean, std = float(scores.mean()), max(float(scores.std()), 1e-6)
    kind = describe(name, plan.modality).kind
    head: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "neutral_mean": None,
        "spread": None,
        "levels": None,
    }
    if plan.modality == "face":
        head["neutral_mean"] = mean
        return head
    head["spread"] = {"mean": mean, "std": std}
    if kind == "emotion":
        source = "synthetic: scores of generated sounds"
        head["levels"] = {"slight": mean + std, "strong": mean + 2 * std, "source": source}
    return head


def _manifest(plan: _Plan, facts: EncoderFacts, heads: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "modality": plan.modality,
        "suite": f"{plan.modality}-{plan.suite}-synthetic-{plan.preset}",
        "synthetic": True,
        "sources": [],
        "license": "Apache-2.0",
        "tools": {"emonet_edge": __version__, "openvino": openvino().get_version()},
        "preparation": _PREPARATION[plan.modality],
        "encoder": {
            "input_shape": list(facts.input_shape),
            "output_shape": list(facts.output_shape),
            "precision": plan.precision,
            "recipe": facts.recipe,
            "precision_hint": "f32" if plan.precision == "fp32" else None,
        },
        "embedding_norm": plan.embedding_norm,
        "embedding_norm_evidence": _EVIDENCE,
        "heads": heads,
        "heads_precision": plan.heads_precision,
        "fidelity": None,
    }


def _report(plan: _Plan, facts: EncoderFacts) -> dict[str, Any]:
    return {
        "synthetic": True,
        "notice": "random weights: scores mean nothing, speed and memory do",
        "seed": plan.seed,
        "preset": plan.preset,
        "suite": plan.suite,
        "recipe": facts.recipe,
        "heads_precision": plan.heads_precision,
    }
