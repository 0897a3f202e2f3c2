"""Search the recipe anew for a model directory, on the machine that it will run on.

Heads, preparation and detector stay; the encoder is quantized again from its checkpoint, judged by
the directory's own heads, and certified again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emonet_edge import certificate
from emonet_edge.certificate import CERTIFICATE_NAME, Certificate
from emonet_edge.heads import MultiHeadMLP
from emonet_edge.inference.compile import EncoderSource
from emonet_edge.inference.encoder import Encoder
from emonet_edge.model_dir import ModelDir, ModelDirWriter
from emonet_edge.model_dir.manifest import MANIFEST_NAME, Manifest
from emonet_edge_export.calibration import Samples, from_folder
from emonet_edge_export.describe_model import (
    tool_versions,
    tuned_manifest_fields,
    tuned_report,
)
from emonet_edge_export.encoder.auto_recipe import FRONT_FILES, AutoPlan, search_recipe
from emonet_edge_export.encoder.convert import check_batch, save_ir, to_ir
from emonet_edge_export.encoder.run import release_memory
from emonet_edge_export.errors import ExportError, no_room
from emonet_edge_export.export_model import link_or_copy
from emonet_edge_export.progress import Progress
from emonet_edge_export.public_calibration import FOLDER
from emonet_edge_export.search.judge import packed_heads
from emonet_edge_export.search.run import SearchOptions
from emonet_edge_export.upstream.load_encoder import load_module, read_config
from emonet_edge_export.upstream.repository import LocalRepository
from emonet_edge_export.workspace import Workspace, fingerprint

__all__ = ["tune"]

_NEW = ("encoder.xml", "encoder.bin", "report.json", MANIFEST_NAME, CERTIFICATE_NAME, *FRONT_FILES)


def tune(
    directory: Path,
    source: Path,
    out: Path,
    calibration: Path | None,
    options: SearchOptions,
    progress: Progress,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write a model directory like `directory` with a recipe searched on this machine.

    Args:
        directory: an exported model directory; left as it is unless `out` is the same and
            `overwrite` is given.
        source: a folder with a copy of the encoder's repository, SOURCE/<owner>/<name>/...
        out: the directory to write.
        calibration: pictures or clips, persons in folders of their own; None takes the set in
            `source`.
        options: budget and goal.
        progress: shows it.
        overwrite: replace what is at `out`.

    Returns:
        The recipe, as the new manifest has it.

    Raises:
        ModelDirectoryError: the directory is damaged, or `out` exists.
        ExportError and its kinds: no checkpoint, no material, another checkpoint than it was made
            from.
    """
    model = ModelDir.open(directory)
    manifest = model.manifest
    if manifest.synthetic:
        raise ExportError(f"{directory}: holds random weights; there is nothing to tune")
    with (
        no_room(out.absolute().parent, "the search's trials are kept"),
        ModelDirWriter(out, overwrite=overwrite) as writer,
        Workspace.beside(out.absolute()) as work,
    ):
        _write_fp32(manifest, source, work, progress)
        recipe = _search(model, source, calibration, options, work, progress)
        _take_files(model, work, writer)
        if CERTIFICATE_NAME in manifest.files:
            _new_certificate(model, work, progress).write(writer.path(CERTIFICATE_NAME))
        _write_described(model, recipe, work, writer)
        work.remove()
    return recipe


def _write_fp32(manifest: Manifest, source: Path, work: Workspace, progress: Progress) -> None:
    repository = LocalRepository(source, manifest.sources[1].repository)
    config = read_config(repository, manifest.modality, {})
    with progress.waiting(f"Converting {repository.name}"):
        module = load_module(repository, config)
        save_ir(to_ir(module, config.input_shape), work.path("fp32.xml"), config.preparation)
    del module
    release_memory()
    stated = manifest.sources[1].files
    for name, sha256 in repository.used.items():
        if stated.get(name, sha256) != sha256:
            raise ExportError(
                f"{repository.name}/{name}: is another file than the directory was made from; "
                f"take revision {manifest.sources[1].revision}"
            )


def _search(
    model: ModelDir,
    source: Path,
    calibration: Path | None,
    options: SearchOptions,
    work: Workspace,
    progress: Progress,
) -> dict[str, Any]:
    manifest = model.manifest
    samples = _samples(manifest, source, calibration)
    mlp = _heads(model)
    plan = AutoPlan(
        manifest.modality,
        options,
        lambda _: packed_heads(mlp, manifest.heads),
        fingerprint(manifest.sha256, tool_versions(), asdict(options.goal)),
    )
    made, recipe = search_recipe(work.path("fp32.xml"), plan, samples, None, work, progress)
    check_batch(made, manifest.encoder.input_shape)
    save_ir(made, work.path("encoder.xml"), asdict(manifest.preparation))
    return recipe


def _samples(manifest: Manifest, source: Path, folder: Path | None) -> Samples:
    folder = folder or source / FOLDER / manifest.modality
    if not folder.is_dir():
        raise ExportError(
            f"{folder}: no such folder; tuning needs {manifest.modality} material of several "
            "people: --calibration DIR"
        )
    return from_folder(folder, manifest.modality, asdict(manifest.preparation))


def _heads(model: ModelDir) -> MultiHeadMLP:
    norm = model.manifest.embedding_norm
    return MultiHeadMLP.open(model.heads_bin, model.manifest.names, embedding_norm=norm)


def _take_files(model: ModelDir, work: Workspace, writer: ModelDirWriter) -> None:
    """Take what stays from the directory, the encoder and its front from the search."""
    for name in model.manifest.files:
        if name not in _NEW:
            link_or_copy(model.path / name, writer.path(name))
    for name in ("encoder.xml", "encoder.bin", *FRONT_FILES):
        link_or_copy(work.path(name), writer.path(name))


def _new_certificate(model: ModelDir, work: Workspace, progress: Progress) -> Certificate:
    """Certify the new encoder on the inputs and FP32 results that the directory has already."""
    before, info = Certificate.read(model), model.manifest.encoder
    source = EncoderSource(
        work.path("encoder.xml"), "tuned", info.input_shape, info.output_shape, info.precision_hint
    )
    with progress.waiting(f"Certifying {len(before)} inputs ({before.content})"):
        return certificate.certify(
            Encoder.load(source, "CPU", cache=False),
            _heads(model),
            content=before.content,
            spread_source=before.spread_source,
            tensors=before.tensors,
            embeddings=before.embeddings,
            scores=before.scores,
            spreads=before.spreads,
        )


def _old_report(model: ModelDir) -> dict[str, Any]:
    path = model.path / "report.json"
    return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}


def _write_described(
    model: ModelDir, recipe: Mapping[str, Any], work: Workspace, writer: ModelDirWriter
) -> None:
    """Write report.json and, last of all, the manifest."""
    front = json.loads(work.path("front.json").read_text("utf-8"))
    report = json.dumps(tuned_report(_old_report(model), recipe, front), indent=1)
    writer.path("report.json").write_text(report + "\n", encoding="utf-8")
    writer.finish(tuned_manifest_fields(model.manifest, recipe))
