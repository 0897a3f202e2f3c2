"""An export from beginning to end; the steps are in modules of their own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emonet_edge._types import Float32
from emonet_edge.exceptions import EmonetWarning, ModelDirectoryError
from emonet_edge.heads import Compensation, MultiHeadMLP
from emonet_edge.model_dir import ModelDirWriter
from emonet_edge_export import describe_model, detector
from emonet_edge_export.calibration import Samples, from_folder
from emonet_edge_export.describe_model import Made, head_infos, tool_versions
from emonet_edge_export.encoder.auto_recipe import FRONT_FILES, AutoPlan
from emonet_edge_export.encoder.step import EncoderPlan, EncoderResult, make_encoder
from emonet_edge_export.errors import ExportError, no_room
from emonet_edge_export.heads.embedding_norm import NormDecision, asked_norm, decide
from emonet_edge_export.heads.pack import HeadsPlan, pack_heads
from emonet_edge_export.heads.suite_judge import SuiteJudge
from emonet_edge_export.material import Material, find_material
from emonet_edge_export.options import ExportOptions
from emonet_edge_export.progress import Progress
from emonet_edge_export.proof.fidelity import Fidelity, compare
from emonet_edge_export.proof.write_certificate import (
    CERTIFICATE_NAME,
    CertificatePlan,
    certificate_inputs,
    write_certificate,
)
from emonet_edge_export.sources import Sources, check_room, neutral_statistics, open_sources
from emonet_edge_export.upstream.checkpoints import read_head
from emonet_edge_export.upstream.head_files import Siblings, wanted_names
from emonet_edge_export.upstream.neutral import NeutralStatistics
from emonet_edge_export.workspace import Workspace, fingerprint

__all__ = ["Exported", "VerificationError", "export_model", "link_or_copy"]

Scores = Mapping[str, Mapping[str, list[float]]]
"""In float, by head, then by the way in which the embedding was made."""


class VerificationError(ExportError):
    """What was made is too far from torch; nothing was put in place."""

    def __init__(self, message: str, fidelity: Fidelity) -> None:
        super().__init__(message)
        self.fidelity = fidelity


@dataclass(frozen=True)
class Exported:
    """A finished export: the directory and how close it is to torch."""

    path: Path
    fidelity: Fidelity


@dataclass(frozen=True)
class _Run:
    """What every step works with: what was asked for, the working folder, and who is told."""

    options: ExportOptions
    work: Workspace
    progress: Progress


@dataclass(frozen=True)
class _Read:
    """What is there before the encoder runs; `asked` is the norm where nobody has to measure it."""

    sources: Sources
    material: Material
    statistics: Mapping[str, NeutralStatistics]
    asked: NormDecision | None

    def norm(self, neutral: Float32 | None) -> NormDecision:
        """Return the norm that was asked for, else the one that neutral faces speak for."""
        files = {file.name: file.file for file in self.sources.files}
        heads = self.sources.heads
        return self.asked or decide(
            self.statistics, neutral, lambda name: read_head(heads.fetch(files[name])), list(files)
        )


def export_model(options: ExportOptions, progress: Progress | None = None) -> Exported:
    """Make a model directory from checkpoints.

    The directory appears when it is complete and proven. A run that was interrupted leaves its
    working folder `.<name>.export` beside the target; the same options go on with it.

    Raises:
        ExportError and its kinds: see `errors`.
        VerificationError: FP32 IR is not torch's result, or INT8 below --min-agreement.
        ModelDirectoryError: the target exists, or cannot be written.
    """
    out = Path(options.out).absolute()
    if os.path.lexists(out) and not options.overwrite:
        raise ModelDirectoryError(
            f"{out}: exists already and is left as it is; choose another --out or pass --overwrite"
        )
    with Workspace.beside(out) as work:
        run = _Run(options, work, progress or Progress())
        read = _read(run)
        encoder = make_encoder(_encoder_plan(run, read), read.sources.encoder, work, run.progress)
        norm = read.norm(encoder.neutral)
        if norm.assumed and options.modality == "face":
            warnings.warn(
                f"embedding norm {norm.norm}, {norm.evidence}", EmonetWarning, stacklevel=2
            )
        scores = _pack(run, read.sources, norm, encoder)
        fidelity = _compare(run, read, norm, encoder, scores)
        _refuse_faults(fidelity, options, out)
        for warning in fidelity.warnings:
            warnings.warn(warning, EmonetWarning, stacklevel=2)
        plan = _certificate_plan(run, read, norm, encoder, scores)
        certificate = write_certificate(plan, work, run.progress)
        made = _made(run, read, norm, encoder, fidelity, certificate)
        return Exported(_put_in_place(run, made, out), fidelity)


def _read(run: _Run) -> _Read:
    """Refuse what cannot be had, the quickest first, and read what is small."""
    options, work, progress = run.options, run.work, run.progress
    names = wanted_names(options.modality, options.heads)
    asked = asked_norm(options.modality, options.embedding_norm)
    sources = open_sources(options, names, work, progress)
    check_room(options, sources, work)
    material = find_material(options, sources.config, work, progress)
    return _Read(sources, material, neutral_statistics(options, sources, progress), asked)


def _encoder_plan(run: _Run, read: _Read) -> EncoderPlan:
    options, sources, material = run.options, read.sources, read.material
    config = sources.config
    certificate = certificate_inputs(options.modality, config)
    return EncoderPlan(
        config,
        material.recipe,
        material.calibration,
        material.samples.some(options.verify_samples),
        certificate,
        _neutral_faces(options, config.preparation),
        options.hint,
        options.also_onnx,
        _encoder_key(options, sources, material, certificate),
        _auto_plan(run, read) if material.recipe.name == "auto" else None,
        compensate=options.heads_precision == "int4",
    )


def _auto_plan(run: _Run, read: _Read) -> AutoPlan:
    options, sources = run.options, read.sources
    judge = SuiteJudge(
        sources.heads, sources.files, sources.config, read.norm, run.work, run.progress
    )
    key = fingerprint(sources.encoder.state(), judge.state(), tool_versions())
    return AutoPlan(options.modality, options.search, judge.make, key)


def _neutral_faces(options: ExportOptions, preparation: Mapping[str, Any]) -> Samples | None:
    if options.neutral_faces is None or options.modality != "face":
        return None
    return from_folder(options.neutral_faces, "face", preparation, stretch=False)


def _encoder_key(
    options: ExportOptions, sources: Sources, material: Material, certificate: Samples
) -> str:
    """Return a hash of everything that the encoder depends on."""
    samples, recipe = material.samples, material.recipe
    return fingerprint(
        sources.encoder.state(), dict(sources.config.preparation), recipe.described(samples),
        samples.files, samples.sha256, str(options.neutral_faces), options.hint, options.also_onnx,
        options.verify_samples, certificate.described(), tool_versions(),
        asdict(options.search) if recipe.name == "auto" else None,
        options.heads_precision == "int4",
    )  # fmt: skip


def _pack(run: _Run, sources: Sources, norm: NormDecision, encoder: EncoderResult) -> Scores:
    """Write heads.bin; what an earlier run finished with the same plan is taken as it is."""
    plan = _heads_plan(run.options, sources, norm, encoder)
    path = run.work.path("heads.bin")
    done = run.work.recall("heads", plan.key)
    if done is None or not path.is_file():
        official = sources.heads.on_hub and run.options.heads_from is None
        rows = run.options.known.expected.head_rows if official else None
        siblings = Siblings(plan.embedding_shape, rows)
        embeddings = {**encoder.embeddings, "certificate": encoder.certificate}
        scores = pack_heads(path, plan, sources.heads, siblings, embeddings, run.progress)
        done = {"scores": scores, "used": dict(sources.heads.used)}
        run.work.remember("heads", plan.key, done)
    sources.heads.used.update(done["used"])
    found: Scores = done["scores"]
    return found


def _heads_plan(
    options: ExportOptions, sources: Sources, norm: NormDecision, encoder: EncoderResult
) -> HeadsPlan:
    mean = np.ascontiguousarray(encoder.mean[norm.norm])
    key = fingerprint(
        sources.heads.state(), sources.names, options.heads_precision, norm.norm,
        _sha256(mean), encoder.facts["used"], _sha256(encoder.certificate),
        _compensation_sha256(encoder.compensation),
    )  # fmt: skip
    return HeadsPlan(
        sources.files,
        options.heads_precision,
        norm.norm,
        sources.config.embedding_shape,
        mean,
        key,
        encoder.compensation,
    )


def _compare(
    run: _Run, read: _Read, norm: NormDecision, encoder: EncoderResult, scores: Scores
) -> Fidelity:
    """Compare everything with torch; what is shipped is run from heads.bin."""
    names, samples = read.sources.names, read.material.samples
    packed = MultiHeadMLP.open(run.work.path("heads.bin"), names, embedding_norm=norm.norm)
    by_way = {way: np.array([scores[name][way] for name in names]).T for way in encoder.embeddings}
    by_way["shipped"] = packed.evaluate_batch(encoder.embeddings["encoder"])
    facts = {
        "samples": len(encoder.embeddings["torch"]),
        "source": samples.source,
        "representative": samples.representative,
        "precision_hint": run.options.hint,
    }
    known = head_infos(run.options.known, names)
    return compare(names, by_way, encoder.embeddings, facts, known)


def _refuse_faults(fidelity: Fidelity, options: ExportOptions, out: Path) -> None:
    faults = fidelity.faults_with(options.min_agreement, options.min_worst)
    if faults:
        raise VerificationError(
            f"{out}: not written, because it does not do what torch does: {'; '.join(faults)}",
            fidelity,
        )


def _certificate_plan(
    run: _Run, read: _Read, norm: NormDecision, encoder: EncoderResult, scores: Scores
) -> CertificatePlan:
    config = read.sources.config
    exact, drawn = (
        np.array([of_head[way] for of_head in scores.values()], np.float32).T
        for way in ("torch", "certificate")
    )
    return CertificatePlan(
        tuple(scores),
        norm.norm,
        config,
        run.options.hint,
        certificate_inputs(run.options.modality, config),
        encoder.certificate,
        drawn,
        exact.std(axis=0),
        f"{len(exact)} inputs ({read.material.samples.source})",
        _sha256(encoder.mean["none"]),
    )


def _made(
    run: _Run,
    read: _Read,
    norm: NormDecision,
    encoder: EncoderResult,
    fidelity: Fidelity,
    certificate: Mapping[str, Any],
) -> Made:
    return Made(
        run.options,
        read.sources,
        read.material,
        read.statistics,
        encoder.facts,
        norm,
        fidelity,
        certificate,
        _add_detector(run),
        _read_front(run, read.material),
    )


def _add_detector(run: _Run) -> detector.DetectorFacts | None:
    options = run.options
    if options.modality != "face" or not options.with_detector:
        return None
    local = options.detector
    if local is None and options.source is not None:
        local = detector.find_local(options.source)
        if local is None:
            run.progress.say(f"no face detector in {options.source}: the directory goes without")
            return None
    return detector.add_detector(
        run.work.path(detector.DETECTOR_FILE),
        run.work.path(detector.LICENSE_FILE),
        local,
        run.progress,
    )


def _read_front(run: _Run, material: Material) -> Any:
    """Return what the recipe search has measured, None where nothing was searched."""
    if material.recipe.name != "auto":
        return None
    return json.loads(run.work.path("front.json").read_text("utf-8"))


def _put_in_place(run: _Run, made: Made, out: Path) -> Path:
    with (
        no_room(out.parent, "what is finished is kept"),
        ModelDirWriter(out, overwrite=run.options.overwrite) as writer,
    ):
        for name in _files(made):
            link_or_copy(run.work.path(name), writer.path(name))
        attribution = describe_model.attribution(made)
        writer.path("ATTRIBUTION.md").write_text(attribution, encoding="utf-8")
        report = json.dumps(describe_model.report(made), indent=1)
        writer.path("report.json").write_text(report + "\n")
        with run.progress.waiting("Checksums"):
            path = writer.finish(describe_model.manifest_fields(made))
    run.work.remove()
    return path


def _files(made: Made) -> list[str]:
    """Return what the steps left in the working folder for the directory."""
    names = ["encoder.xml", "encoder.bin", "heads.bin", CERTIFICATE_NAME]
    if made.options.also_onnx:
        names.append("encoder.onnx")
    if made.material.recipe.name == "auto":
        names += FRONT_FILES
    if made.detector is not None:
        names += [detector.DETECTOR_FILE, detector.LICENSE_FILE]
    return names


def _sha256(array: Float32) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def _compensation_sha256(compensation: Compensation | None) -> str:
    if compensation is None:
        return ""
    matrices = (compensation.next_position, compensation.later_columns)
    return hashlib.sha256(b"".join(matrix.tobytes() for matrix in matrices)).hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    """Put a file in place without a copy where the file system can."""
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
