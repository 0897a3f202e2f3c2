"""The manifest, report.json and ATTRIBUTION.md of a model that was exported, or tuned since."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from emonet_edge import __version__
from emonet_edge.levels import SPREAD_SOURCE, SPREAD_SUITE, default_levels, published_spread
from emonet_edge.model_dir.attribution import LICENSE, attribution_text
from emonet_edge.model_dir.manifest import Manifest
from emonet_edge.scores import HeadInfo
from emonet_edge.taxonomy import kind_of
from emonet_edge_export.detector import LICENSE_FILE, DetectorFacts
from emonet_edge_export.heads.embedding_norm import NormDecision
from emonet_edge_export.material import Material
from emonet_edge_export.options import ExportOptions
from emonet_edge_export.proof.fidelity import Fidelity
from emonet_edge_export.sources import Sources
from emonet_edge_export.upstream.neutral import NeutralStatistics
from emonet_edge_export.upstream.registry import Suite

__all__ = [
    "Made",
    "attribution",
    "head_infos",
    "manifest_fields",
    "report",
    "tool_versions",
    "tuned_manifest_fields",
    "tuned_report",
]

_TOOLS = ("openvino", "nncf", "torch", "transformers", "numpy")
_SEALED = ("format", "format_version", "files", "manifest_sha256")
"""What the writer of a manifest adds to its fields."""


@dataclass(frozen=True)
class Made:
    """What an export was asked for, what it read, and what came of it.

    `encoder_facts` are those of `EncoderResult`; `certificate` is what is said of it, `front` the
    document of the recipe search, None where nothing was searched.
    """

    options: ExportOptions
    sources: Sources
    material: Material
    statistics: Mapping[str, NeutralStatistics]
    encoder_facts: Mapping[str, Any]
    norm: NormDecision
    fidelity: Fidelity
    certificate: Mapping[str, Any]
    detector: DetectorFacts | None
    front: Any

    @property
    def repositories(self) -> list[dict[str, object]]:
        """The manifest's sources: heads, encoder, and the detector where there is one."""
        found = [self.sources.heads.described(), self.sources.encoder.described()]
        return found + ([self.detector.described()] if self.detector else [])


def manifest_fields(made: Made) -> dict[str, Any]:
    """Return the manifest of an exported model, without what its writer adds."""
    options, config, recipe = made.options, made.sources.config, made.encoder_facts["recipe"]
    return {
        "modality": options.modality,
        "suite": options.known.name,
        "synthetic": False,
        "sources": made.repositories,
        "license": LICENSE,
        "tools": tool_versions(),
        "preparation": dict(config.preparation),
        "encoder": {
            "input_shape": list(config.input_shape),
            "output_shape": [1, *config.embedding_shape],
            "precision": recipe.get("precision", made.material.recipe.precision),
            "recipe": recipe,
            "precision_hint": options.hint,
        },
        "embedding_norm": made.norm.norm,
        "embedding_norm_evidence": made.norm.evidence,
        "heads": [_head(options.known, name, made.statistics) for name in made.sources.names],
        "heads_precision": options.heads_precision,
        "heads_rounding": made.encoder_facts["heads_rounding"],
        "fidelity": made.fidelity.summary,
    }


def tuned_manifest_fields(before: Manifest, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest of a model whose encoder was quantized anew, and nothing else."""
    fields = {key: value for key, value in before.raw.items() if key not in _SEALED}
    precision = recipe.get("precision", "int8")
    encoder = {**fields["encoder"], "precision": precision, "recipe": dict(recipe)}
    changed = {"encoder": encoder, "tools": tool_versions(), "fidelity": _tuned_fidelity(recipe)}
    return {**fields, **changed}


def report(made: Made) -> dict[str, Any]:
    """Return report.json of an exported model."""
    facts, fidelity = made.encoder_facts, made.fidelity
    return {
        "recipe": facts["recipe"],
        "calibration": made.material.samples.described(),
        "front": made.front,
        "versions": tool_versions(),
        "certificate": made.certificate,
        "embedding_norm": asdict(made.norm),
        "spread_source": _spread_source(made.options.known),
        "mean_embedding": made.material.samples.described(),
        "heads_rounding": facts["heads_rounding"],
        "onnx_error": facts["onnx_error"],
        "left_out": made.sources.left_out,
        "fidelity": fidelity.summary,
        "warnings": fidelity.warnings,
        "heads": fidelity.heads,
    }


def tuned_report(
    before: Mapping[str, Any], recipe: Mapping[str, Any], front: Any
) -> dict[str, Any]:
    """Return report.json of a tuned model; nobody has compared its heads with torch one by one."""
    return {
        **before,
        "recipe": recipe,
        "calibration": recipe["calibration"],
        "front": front,
        "versions": tool_versions(),
        "fidelity": _tuned_fidelity(recipe),
        "heads": {},
    }


def _tuned_fidelity(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What the search measured; `verify DIR --against SOURCE` proves against torch."""
    point = recipe["point"]
    return {
        "source": "recipe search, encoder against FP32 IR, by the directory's own packed heads",
        "selection": point["selection"],
        "held_out": point["held_out"],
    }


def _head(suite: Suite, name: str, statistics: Mapping[str, NeutralStatistics]) -> dict[str, Any]:
    """Return a head of the manifest: neutral means for faces, spreads and levels for voices."""
    described: dict[str, Any] = {
        "name": name,
        "kind": kind_of(name, suite.modality),
        "neutral_mean": statistics[name].mean if name in statistics else None,
        "spread": None,
        "levels": None,
    }
    if suite.modality == "voice":
        spread, levels = published_spread(name), None
        if described["kind"] == "emotion":
            levels = default_levels(name, suite.name)
        if spread is not None:
            described["spread"] = {"mean": spread.mean, "std": spread.std}
        if levels is not None:
            described["levels"] = {
                "slight": levels.slight,
                "strong": levels.strong,
                "source": levels.source,
            }
    return described


def head_infos(suite: Suite, names: Sequence[str]) -> tuple[HeadInfo, ...]:
    """Return what agreement needs to know of the heads: kinds, and levels of a voice's emotions."""
    infos = []
    for name in names:
        kind = kind_of(name, suite.modality)
        voiced = suite.modality == "voice" and kind == "emotion"
        infos.append(
            HeadInfo(name, kind, levels=default_levels(name, suite.name) if voiced else None)
        )
    return tuple(infos)


def _spread_source(suite: Suite) -> str | None:
    """Return where the spreads come from, None for faces."""
    if suite.modality == "face":
        return None
    standing = "published" if suite.name == SPREAD_SUITE else f"borrowed: {SPREAD_SUITE} figures"
    return f"{standing}: {SPREAD_SOURCE}"


def tool_versions() -> dict[str, str]:
    """Return the versions of what made the directory."""
    found = {"emonet_edge": __version__}
    for tool in _TOOLS:
        try:
            found[tool] = importlib.metadata.version(tool)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def attribution(made: Made) -> str:
    """Return the text of ATTRIBUTION.md."""
    read = [source for source in made.repositories if source["files"]]
    text = attribution_text(made.options.known.name, read)
    if detector := made.detector:
        text += (
            f"\nThe face detector is {detector.file} of {detector.repository} "
            f"(revision {detector.revision}), licence {detector.license}; its text is in\n"
            f"{LICENSE_FILE}.\n"
        )
    return text
