"""An export from beginning to end; the steps are in modules of their own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonet_edge.exceptions import EmonetWarning, ModelDirectoryError
from emonet_edge.heads import Compensation, MultiHeadMLP
from emonet_edge.model_dir import ModelDirWriter
from emonet_edge_export import detector, public_calibration
from emonet_edge_export.calibration import Samples, drawn_samples, from_folder
from emonet_edge_export.describe_model import (
    MODEL_LICENSE,
    attribution,
    describe_heads,
    head_infos,
    spread_source,
    tool_versions,
)
from emonet_edge_export.encoder.auto_recipe import FRONT_FILES, AutoPlan
from emonet_edge_export.encoder.quantize import Recipe
from emonet_edge_export.encoder.step import EncoderPlan, EncoderResult, make_encoder
from emonet_edge_export.errors import ExportError, no_room
from emonet_edge_export.heads.embedding_norm import NormDecision, asked_norm, decide
from emonet_edge_export.heads.judges import Judges
from emonet_edge_export.heads.pack import HeadsPlan, pack_heads, packed_bytes
from emonet_edge_export.options import ExportOptions
from emonet_edge_export.progress import Progress
from emonet_edge_export.proof.certify import (
    CERTIFICATE_NAME,
    CertificatePlan,
    certificate_inputs,
    certify,
)
from emonet_edge_export.proof.fidelity import Fidelity, compare
from emonet_edge_export.upstream.checkpoints import read_head
from emonet_edge_export.upstream.head_files import HeadFile, Siblings, match_heads, wanted_names
from emonet_edge_export.upstream.hub import HubRepository
from emonet_edge_export.upstream.load_encoder import EncoderConfig, read_config, weight_bytes
from emonet_edge_export.upstream.neutral import NeutralStatistics, read_neutral_statistics
from emonet_edge_export.upstream.registry import NEUTRAL_PATTERN, RepositoryRef
from emonet_edge_export.upstream.repository import LocalRepository, Repository
from emonet_edge_export.workspace import Workspace, check_space, fingerprint

__all__ = ["Exported", "VerificationError", "export_model", "link_or_copy"]


class VerificationError(ExportError):
    """What was made is too far from torch; nothing was put in place."""

    def __init__(self, message: str, fidelity: Fidelity) -> None:
        super().__init__(message)
        self.fidelity = fidelity


class Exported:
    """A finished export: the directory and how close it is to torch."""

    def __init__(self, path: Path, fidelity: Fidelity) -> None:
        self.path = path
        self.fidelity = fidelity


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
        return _Export(options, out, work, progress or Progress()).run()


class _Export:
    """One run: what its steps share."""

    def __init__(
        self, options: ExportOptions, out: Path, work: Workspace, progress: Progress
    ) -> None:
        self.options, self.out, self.work, self.progress = options, out, work, progress
        self.suite = options.known
        self.scores: Mapping[str, Mapping[str, list[float]]] = {}
        """In float, by head, then by way; there once the heads are packed."""

    def run(self) -> Exported:
        options = self.options
        names = wanted_names(options.modality, options.heads)
        given = asked_norm(options.modality, options.embedding_norm)
        heads_repository = self._open(options.heads_from or self.suite.heads)
        encoder_repository = self._open(options.encoder or self.suite.encoder)
        files, left_out = match_heads(heads_repository, self.suite, names, options.ignore)
        for file in left_out:
            self.progress.say(f"{file} is left out: {self.suite.left_out[file]}")
        official = encoder_repository.on_hub and options.encoder is None
        expected = self.suite.expected.encoder if official else {}
        config = read_config(encoder_repository, options.modality, expected)
        self._check_space(encoder_repository, config, files)
        samples, recipe = self._samples(config)
        statistics = self._neutral_statistics(heads_repository)

        def decide_norm(neutral: NDArray[np.float32] | None) -> NormDecision:
            return given or self._measure_norm(heads_repository, files, statistics, neutral)

        judges = Judges(heads_repository, files, config, decide_norm, self.work, self.progress)
        encoder = self._encoder(encoder_repository, config, recipe, samples, judges)
        norm = decide_norm(encoder.neutral)
        if norm.assumed and options.modality == "face":
            warnings.warn(
                f"embedding norm {norm.norm}, {norm.evidence}", EmonetWarning, stacklevel=3
            )
        fidelity = self._heads(heads_repository, files, config, norm, encoder, samples)
        self._judge(fidelity)
        certificate = self._certify(config, norm, encoder, samples)
        facts = self._detector()
        sources = [heads_repository.described(), encoder_repository.described()]
        sources += [facts.described()] if facts else []
        fields = {
            "modality": options.modality,
            "suite": self.suite.name,
            "synthetic": False,
            "sources": sources,
            "license": MODEL_LICENSE,
            "tools": tool_versions(),
            "preparation": dict(config.preparation),
            "encoder": {
                "input_shape": list(config.input_shape),
                "output_shape": [1, *config.embedding_shape],
                "precision": encoder.facts["recipe"].get("precision", recipe.precision),
                "recipe": encoder.facts["recipe"],
                "precision_hint": options.hint,
            },
            "embedding_norm": norm.norm,
            "embedding_norm_evidence": norm.evidence,
            "heads": describe_heads(self.suite, [file.name for file in files], statistics),
            "heads_precision": options.heads_precision,
            "heads_rounding": encoder.facts["heads_rounding"],
            "fidelity": fidelity.summary,
        }
        report = {
            "recipe": encoder.facts["recipe"],
            "calibration": samples.described(),
            "front": self._front(recipe),
            "versions": tool_versions(),
            "certificate": certificate,
            "embedding_norm": asdict(norm),
            "spread_source": spread_source(self.suite),
            "mean_embedding": samples.described(),
            "heads_rounding": encoder.facts["heads_rounding"],
            "onnx_error": encoder.facts["onnx_error"],
            "left_out": left_out,
            "fidelity": fidelity.summary,
            "warnings": fidelity.warnings,
            "heads": fidelity.heads,
        }
        text = attribution(self.suite, sources, facts)
        return Exported(self._assemble(fields, report, text, recipe), fidelity)

    def _open(self, reference: RepositoryRef) -> Repository:
        if self.options.source is not None:
            return LocalRepository(self.options.source, reference.name)
        folder = self.work.path("sources") if self.options.discard_sources else None
        return HubRepository(
            reference.name, reference.revision, self.progress, folder, self.options.endpoint
        )

    def _check_space(
        self, encoder: Repository, config: EncoderConfig, files: list[HeadFile]
    ) -> None:
        """The result, the FP32 IR while it is needed, and downloads as they are kept or not."""
        float_irs = 3 if self.options.also_onnx else 2
        needed = float_irs * 4 * config.parameters
        needed += sum(packed_bytes(file.size, self.options.heads_precision) for file in files)
        if encoder.on_hub:
            sizes = [file.size for file in files]
            largest = max(weight_bytes(encoder), *sizes)  # they come one after the other
            discard = self.options.discard_sources
            needed += largest if discard else weight_bytes(encoder) + sum(sizes)
        check_space(self.work.folder, needed, f"the export of {self.suite.name}")

    def _samples(self, config: EncoderConfig) -> tuple[Samples, Recipe]:
        """Calibration data, and the recipe that is possible with it."""
        options, recipe, how = self.options, self.options.wished_recipe, config.preparation
        folder = options.calibration
        if folder is None and options.source is not None:
            shared = options.source / public_calibration.FOLDER / options.modality
            folder = shared if shared.is_dir() else None
        if folder is not None:
            return from_folder(folder, options.modality, how), recipe
        if options.source is None:
            place = self.work.path("calibration")
            return (
                public_calibration.public_samples(options.modality, how, place, self.progress),
                recipe,
            )
        if recipe.needs_calibration:
            if options.recipe is not None:
                raise ExportError(
                    f"the recipe {recipe.name} needs calibration data, and {options.source} has no "
                    f"{public_calibration.FOLDER}/{options.modality}: --calibration DIR, or "
                    "another --recipe"
                )
            recipe = Recipe("int8-weights", recipe.target)
        self.progress.say(
            f"no calibration set in {options.source}: recipe {recipe.name}, proven on inputs drawn "
            "in code (--calibration DIR is better)"
        )
        return drawn_samples(options.modality, how), recipe

    def _encoder(
        self,
        repository: Repository,
        config: EncoderConfig,
        recipe: Recipe,
        samples: Samples,
        judges: Judges,
    ) -> EncoderResult:
        options = self.options
        neutral = None
        if options.neutral_faces is not None and options.modality == "face":
            neutral = from_folder(options.neutral_faces, "face", config.preparation, stretch=False)
        proof = samples.some(options.verify_samples)
        certificate = certificate_inputs(options.modality, config)
        key = fingerprint(
            repository.state(), dict(config.preparation), recipe.described(samples), samples.files,
            samples.sha256, str(options.neutral_faces), options.hint, options.also_onnx,
            options.verify_samples, certificate.described(), tool_versions(),
            asdict(options.search) if recipe.name == "auto" else None,
            options.heads_precision == "int4",
        )  # fmt: skip
        auto = AutoPlan(options.modality, options.search, judges, _trial_key(repository, judges))
        plan = EncoderPlan(
            config,
            recipe,
            samples if recipe.needs_calibration or samples.representative else None,
            proof,
            certificate,
            neutral,
            options.hint,
            options.also_onnx,
            key,
            auto if recipe.name == "auto" else None,
            compensate=options.heads_precision == "int4",
        )
        return make_encoder(plan, repository, self.work, self.progress)

    def _neutral_statistics(self, repository: Repository) -> dict[str, NeutralStatistics]:
        found = repository.matching(NEUTRAL_PATTERN) if self.options.modality == "face" else []
        if not found:
            return {}
        if len(found) > 1:
            self.progress.say(f"several files of neutral statistics; {found[0]} is taken")
        return read_neutral_statistics(repository.fetch(found[0]))

    def _measure_norm(
        self,
        repository: Repository,
        files: list[HeadFile],
        statistics: Mapping[str, NeutralStatistics],
        neutral: NDArray[np.float32] | None,
    ) -> NormDecision:
        by_name = {file.name: file.file for file in files}
        return decide(
            statistics,
            neutral,
            lambda name: read_head(repository.fetch(by_name[name])),
            list(by_name),
        )

    def _heads(
        self,
        repository: Repository,
        files: list[HeadFile],
        config: EncoderConfig,
        norm: NormDecision,
        encoder: EncoderResult,
        samples: Samples,
    ) -> Fidelity:
        options = self.options
        path = self.work.path("heads.bin")
        official = repository.on_hub and options.heads_from is None
        mean = np.ascontiguousarray(encoder.mean[norm.norm])
        key = fingerprint(
            repository.state(), [file.name for file in files], options.heads_precision, norm.norm,
            hashlib.sha256(mean.tobytes()).hexdigest(), encoder.facts["used"],
            hashlib.sha256(encoder.certificate.tobytes()).hexdigest(),
            _sha256(encoder.compensation),
        )  # fmt: skip
        plan = HeadsPlan(
            files,
            options.heads_precision,
            norm.norm,
            config.embedding_shape,
            mean,
            key,
            encoder.compensation,
        )
        done = self.work.recall("heads", key)
        if done is None or not path.is_file():
            siblings = Siblings(
                config.embedding_shape, self.suite.expected.head_rows if official else None
            )
            embeddings = {**encoder.embeddings, "certificate": encoder.certificate}
            scores = pack_heads(path, plan, repository, siblings, embeddings, self.progress)
            done = {"scores": scores, "used": dict(repository.used)}
            self.work.remember("heads", key, done)
        repository.used.update(done["used"])
        self.scores = done["scores"]
        return self._compare([file.name for file in files], norm, encoder, samples, done["scores"])

    def _compare(
        self,
        names: list[str],
        norm: NormDecision,
        encoder: EncoderResult,
        samples: Samples,
        scores: Mapping[str, Mapping[str, list[float]]],
    ) -> Fidelity:
        packed = MultiHeadMLP.open(self.work.path("heads.bin"), names, embedding_norm=norm.norm)
        by_way = {
            way: np.array([scores[name][way] for name in names]).T for way in encoder.embeddings
        }
        by_way["shipped"] = packed.evaluate_batch(encoder.embeddings["encoder"])
        facts = {
            "samples": len(encoder.embeddings["torch"]),
            "source": samples.source,
            "representative": samples.representative,
            "precision_hint": self.options.hint,
        }
        known = head_infos(self.suite, names)
        return compare(names, by_way, encoder.embeddings, facts, known)

    def _certify(
        self, config: EncoderConfig, norm: NormDecision, encoder: EncoderResult, samples: Samples
    ) -> dict[str, Any]:
        """Write the certificate; returns what report.json says of it."""
        ways = {
            way: np.array([scores[way] for scores in self.scores.values()], np.float32).T
            for way in ("torch", "certificate")
        }
        plan = CertificatePlan(
            tuple(self.scores),
            norm.norm,
            config,
            self.options.hint,
            certificate_inputs(self.options.modality, config),
            encoder.certificate,
            ways["certificate"],
            ways["torch"].std(axis=0),
            f"{len(ways['torch'])} inputs ({samples.source})",
            hashlib.sha256(encoder.mean["none"].tobytes()).hexdigest(),
        )
        return certify(plan, self.work, self.progress)

    def _judge(self, fidelity: Fidelity) -> None:
        faults = fidelity.faults_with(self.options.min_agreement, self.options.min_worst)
        if faults:
            raise VerificationError(
                f"{self.out}: not written, because it does not do what torch does: "
                f"{'; '.join(faults)}",
                fidelity,
            )
        for warning in fidelity.warnings:
            warnings.warn(warning, EmonetWarning, stacklevel=4)

    def _detector(self) -> detector.DetectorFacts | None:
        options = self.options
        if options.modality != "face" or not options.with_detector:
            return None
        local = options.detector
        if local is None and options.source is not None:
            local = detector.find_local(options.source)
            if local is None:
                self.progress.say(
                    f"no face detector in {options.source}: the directory goes without"
                )
                return None
        return detector.add_detector(
            self.work.path(detector.DETECTOR_FILE),
            self.work.path(detector.LICENSE_FILE),
            local,
            self.progress,
        )

    def _front(self, recipe: Recipe) -> Any:
        """What the recipe search has measured, None where nothing was searched."""
        if recipe.name != "auto":
            return None
        return json.loads(self.work.path("front.json").read_text("utf-8"))

    def _assemble(
        self, fields: dict[str, Any], report: dict[str, Any], attribution: str, recipe: Recipe
    ) -> Path:
        names = ["encoder.xml", "encoder.bin", "heads.bin", CERTIFICATE_NAME]
        if self.options.also_onnx:
            names.append("encoder.onnx")
        if recipe.name == "auto":
            names += FRONT_FILES
        if len(fields["sources"]) > 2:
            names += [detector.DETECTOR_FILE, detector.LICENSE_FILE]
        with (
            no_room(self.out.parent, "what is finished is kept"),
            ModelDirWriter(self.out, overwrite=self.options.overwrite) as writer,
        ):
            for name in names:
                link_or_copy(self.work.path(name), writer.path(name))
            writer.path("ATTRIBUTION.md").write_text(attribution, encoding="utf-8")
            writer.path("report.json").write_text(json.dumps(report, indent=1) + "\n")
            with self.progress.waiting("Checksums"):
                path = writer.finish(fields)
        self.work.remove()
        return path


def _sha256(compensation: Compensation | None) -> str:
    if compensation is None:
        return ""
    matrices = (compensation.next_position, compensation.later_columns)
    return hashlib.sha256(b"".join(matrix.tobytes() for matrix in matrices)).hexdigest()


def _trial_key(repository: Repository, judges: Judges) -> str:
    return fingerprint(repository.state(), judges.state(), tool_versions())


def link_or_copy(source: Path, target: Path) -> None:
    """Put a file in place without a copy where the file system can."""
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
