"""Are the heads fed with the embedding as it is, or divided by its length? Decided by evidence.

The face suites ship the mean score of each head over neutral faces. Heads that get neutral faces in
the right norm reproduce those means; in the wrong norm they are many standard deviations off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from emonet_edge._types import Float32
from emonet_edge.heads import EmbeddingNorm
from emonet_edge_export.errors import ExportError
from emonet_edge_export.upstream.checkpoints import HeadWeights
from emonet_edge_export.upstream.neutral import NeutralStatistics

__all__ = ["NORMS", "AskedNorm", "NormDecision", "asked_norm", "decide", "normalised"]

AskedNorm = Literal["auto", "l2", "none"]
NORMS: tuple[AskedNorm, ...] = ("auto", "l2", "none")
FITS = 1.0
"""A norm fits if the median head is at most so many standard deviations off."""
CLEAR = 3.0
"""And only if the other norm is at least so many times further off."""
LEAST_FACES = 4
LEAST_HEADS = 5


@dataclass(frozen=True)
class NormDecision:
    """The norm, the sentence for the manifest, and the figures behind it for report.json."""

    norm: EmbeddingNorm
    evidence: str
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def assumed(self) -> bool:
        """Whether nobody measured it."""
        return self.evidence.startswith("assumed")


def normalised(embeddings: Float32, norm: EmbeddingNorm) -> Float32:
    """Return embeddings [n, ...] flattened to [n, inputs], as the heads get them."""
    flat = np.ascontiguousarray(embeddings.reshape(len(embeddings), -1), dtype=np.float32)
    if norm == "none":
        return flat
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    result: Float32 = flat / np.maximum(lengths, 1e-12)
    return result


def asked_norm(modality: str, asked: AskedNorm) -> NormDecision | None:
    """Return the decision where nothing has to be measured, None where `decide` has to.

    Raises:
        ExportError: no such norm, or l2 for a voice.
    """
    if asked not in NORMS:
        raise ExportError(f"--embedding-norm is one of {', '.join(NORMS)}; got {asked!r}")
    if modality == "voice":
        if asked == "l2":
            raise ExportError(
                "--embedding-norm l2 is for faces: voice heads take the encoder's output"
            )
        return NormDecision("none", "assumed: voice heads take the encoder's output as it is")
    if asked != "auto":
        return NormDecision(asked, f"assumed: --embedding-norm {asked} was given")
    return None


def decide(
    statistics: Mapping[str, NeutralStatistics],
    embeddings: Float32 | None,
    read_head: Callable[[str], HeadWeights],
    names: list[str],
) -> NormDecision:
    """Compare both norms with the suite's statistics.

    Args:
        statistics: of the suite, by canonical name.
        embeddings: [n, width] of neutral faces, None where there are none.
        read_head: gives the head of a name.
        names: heads that have a file.
    """
    names = [name for name in names if name in statistics]
    if embeddings is None:
        return _assume("no neutral faces were given (--neutral-faces DIR)")
    if len(embeddings) < LEAST_FACES:
        return _assume(f"{len(embeddings)} neutral faces are too few, {LEAST_FACES} are needed")
    if len(names) < LEAST_HEADS:
        return _assume(f"the suite has statistics of neutral faces for {len(names)} heads only")
    off = _deviations(statistics, embeddings, read_head, names)
    figures = {"faces": len(embeddings), "heads": len(names), "median_deviations": off}
    spread = all(statistics[name].std is not None for name in names)
    unit = "standard deviations" if spread else "spreads of the heads' neutral means"
    measured = f"on {len(embeddings)} neutral faces the median of {len(names)} heads is"
    pairs: tuple[tuple[EmbeddingNorm, EmbeddingNorm], ...] = (("l2", "none"), ("none", "l2"))
    for norm, other in pairs:
        if off[norm] <= FITS and off[other] >= CLEAR * off[norm]:
            return NormDecision(
                norm,
                f"measured: {measured} {off[norm]:.2f} {unit} off the suite's neutral mean with "
                f"{norm}, {off[other]:.2f} with {other}",
                figures,
            )
    return _assume(
        f"inconclusive: {measured} {off['l2']:.2f} {unit} off with l2, {off['none']:.2f} with none",
        figures,
    )


def _assume(why: str, figures: Mapping[str, Any] | None = None) -> NormDecision:
    return NormDecision("l2", f"assumed: l2 as in the model card's example; {why}", figures or {})


def _deviations(
    statistics: Mapping[str, NeutralStatistics],
    embeddings: Float32,
    read_head: Callable[[str], HeadWeights],
    names: list[str],
) -> dict[EmbeddingNorm, float]:
    # Where the file has no spread, the unit is how far the heads' neutral means lie apart.
    apart = float(np.std([statistics[name].mean for name in names])) or 1.0
    off: dict[EmbeddingNorm, list[float]] = {"l2": [], "none": []}
    inputs = {norm: normalised(embeddings, norm) for norm in off}
    for name in names:
        head, stated = read_head(name), statistics[name]
        unit = max(stated.std or apart, 1e-3)
        for norm, found in off.items():
            found.append(abs(float(head(inputs[norm]).mean()) - stated.mean) / unit)
    return {norm: round(float(np.median(found)), 4) for norm, found in off.items()}
