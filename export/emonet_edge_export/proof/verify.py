"""Prove a model directory against the checkpoints that it was made from.

Torch in FP32, the FP32 IR (converted again for this), and the directory's encoder and heads are run
over the same samples; heads are read one at a time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from emonet_edge._types import Float32
from emonet_edge.heads import MultiHeadMLP
from emonet_edge.model_dir import ModelDir
from emonet_edge.model_dir.manifest import Manifest
from emonet_edge_export import public_calibration
from emonet_edge_export.calibration import Samples, drawn_samples, from_folder
from emonet_edge_export.encoder.convert import save_ir, to_ir
from emonet_edge_export.encoder.run import IrEncoder, embed_torch, release_memory
from emonet_edge_export.errors import ExportError
from emonet_edge_export.heads.embedding_norm import normalised
from emonet_edge_export.progress import Progress
from emonet_edge_export.proof.fidelity import Fidelity, compare
from emonet_edge_export.upstream.checkpoints import read_head
from emonet_edge_export.upstream.head_files import HeadFile, Siblings, match_heads
from emonet_edge_export.upstream.load_encoder import load_module, read_config
from emonet_edge_export.upstream.registry import find_by_name
from emonet_edge_export.upstream.repository import LocalRepository, Repository

__all__ = ["verify_against"]


def verify_against(
    directory: Path,
    source: Path,
    samples: Path | None = None,
    count: int = 16,
    progress: Progress | None = None,
) -> Fidelity:
    """Compare a model directory with its checkpoints.

    Args:
        directory: the model directory.
        source: a folder with copies of the repositories, DIR/<owner>/<name>/...
        samples: a folder of pictures or clips; None takes the calibration set of `source`, or
            inputs drawn in code.
        count: at most so many samples.
        progress: shows it.

    Returns:
        The figures; `faults` is not empty where the conversion is broken.

    Raises:
        ModelDirectoryError: the directory is damaged.
        ExportError and its kinds: the checkpoints cannot be read, or are others.
    """
    progress = progress or Progress()
    model = ModelDir.open(directory)
    manifest = model.manifest
    if manifest.synthetic:
        raise ExportError(f"{directory}: holds random weights, which have no checkpoints")
    heads, encoder = (LocalRepository(source, manifest.sources[at].repository) for at in (0, 1))
    config = read_config(encoder, manifest.modality, {})
    proof = _samples(manifest, source, samples).some(count)
    embeddings = _embed(model, encoder, config, proof, progress)
    scores = _score(model, heads, embeddings, progress)
    _check_same(manifest, (heads, encoder))
    facts = {
        "samples": len(proof),
        "source": proof.source,
        "representative": proof.representative,
        "precision_hint": manifest.encoder.precision_hint,
    }
    return compare(manifest.names, scores, embeddings, facts, manifest.heads)


def _samples(manifest: Manifest, source: Path, folder: Path | None) -> Samples:
    how = asdict(manifest.preparation)
    if folder is None:
        shared = source / public_calibration.FOLDER / manifest.modality
        folder = shared if shared.is_dir() else None
    if folder is None:
        return drawn_samples(manifest.modality, how)
    return from_folder(folder, manifest.modality, how)


def _embed(
    model: ModelDir, repository: Repository, config: Any, proof: Samples, progress: Progress
) -> dict[str, Float32]:
    module = load_module(repository, config)
    found = {"torch": embed_torch(module, proof, progress)}
    with tempfile.TemporaryDirectory(prefix="emonet-edge-verify-") as folder:
        xml = Path(folder) / "fp32.xml"
        save_ir(to_ir(module, config.input_shape), xml, config.preparation)
        del module
        release_memory()
        found["fp32_ir"] = IrEncoder(xml, "f32").embed(proof, "Embedding with FP32 IR", progress)
    release_memory()
    hint = model.manifest.encoder.precision_hint
    exported = IrEncoder(model.encoder_xml, hint)
    found["encoder"] = exported.embed(proof, "Embedding with the directory's IR", progress)
    return found


def _score(
    model: ModelDir, repository: Repository, embeddings: Mapping[str, Float32], progress: Progress
) -> dict[str, Float32]:
    manifest = model.manifest
    suite = find_by_name(manifest.suite)
    files, _ = match_heads(repository, suite, manifest.names, ignore=_others(repository, manifest))
    siblings = Siblings(manifest.encoder.output_shape[1:], None)
    norm = manifest.embedding_norm
    inputs = {way: normalised(values, norm) for way, values in embeddings.items()}
    columns: dict[str, list[Float32]] = {way: [] for way in embeddings}
    by_name: dict[str, HeadFile] = {file.name: file for file in files}
    with progress.bytes("Scoring with float heads", sum(f.size for f in files)) as advance:
        for name in manifest.names:
            head = read_head(repository.fetch(by_name[name].file))
            siblings.check(by_name[name].file, head)
            for way, values in inputs.items():
                columns[way].append(head(values))
            advance(by_name[name].size)
    scores = {way: np.stack(found, axis=1) for way, found in columns.items()}
    packed = MultiHeadMLP.open(
        model.heads_bin,
        manifest.names,
        embedding_norm=manifest.embedding_norm,
    )
    scores["shipped"] = packed.evaluate_batch(embeddings["encoder"])
    return scores


def _others(repository: Repository, manifest: Manifest) -> list[str]:
    """Files that the export did not use do not matter here."""
    used = manifest.sources[0].files
    return [name for name in repository.files if name not in used]


def _check_same(manifest: Manifest, repositories: tuple[Repository, ...]) -> None:
    for repository, stated in zip(repositories, manifest.sources, strict=False):
        for name, sha256 in repository.used.items():
            if stated.files.get(name, sha256) != sha256:
                raise ExportError(
                    f"{repository.name}/{name}: is another file than the directory was made from; "
                    "compare with the same revision, "
                    f"{stated.revision}"
                )
