"""The manifest, report.json and ATTRIBUTION.md of an exported model."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from typing import Any

from emonet_edge import __version__
from emonet_edge.levels import SPREAD_SOURCE, SPREAD_SUITE, default_levels, published_spread
from emonet_edge.model_dir.attribution import LICENSE, attribution_text
from emonet_edge.scores import HeadInfo
from emonet_edge.taxonomy import kind_of
from emonet_edge_export.detector import LICENSE_FILE, DetectorFacts
from emonet_edge_export.upstream.neutral import NeutralStatistics
from emonet_edge_export.upstream.registry import Suite

__all__ = ["attribution", "describe_heads", "head_infos", "spread_source", "tool_versions"]

_TOOLS = ("openvino", "nncf", "torch", "transformers", "numpy")


def describe_heads(
    suite: Suite, names: Sequence[str], statistics: Mapping[str, NeutralStatistics]
) -> list[dict[str, Any]]:
    """Return the manifest's heads: neutral means for faces, spreads and levels for voices."""
    return [_head(suite, name, statistics) for name in names]


def _head(suite: Suite, name: str, statistics: Mapping[str, NeutralStatistics]) -> dict[str, Any]:
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


def spread_source(suite: Suite) -> str | None:
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


def attribution(
    suite: Suite, sources: Sequence[Mapping[str, Any]], detector: DetectorFacts | None
) -> str:
    """Return the text of ATTRIBUTION.md."""
    text = attribution_text(suite.name, [s for s in sources if s["files"]])
    if detector is not None:
        text += (
            f"\nThe face detector is {detector.file} of {detector.repository} "
            f"(revision {detector.revision}), licence {detector.license}; its text is in\n"
            f"{LICENSE_FILE}.\n"
        )
    return text


MODEL_LICENSE = LICENSE
