"""How far an exported model is from torch in FP32, by `emonet_edge.agreement`, and what is too far.

Errors of scores are shares of the head's own spread over the samples: each head has its own scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonet_edge.agreement import agree
from emonet_edge.scores import HeadInfo

__all__ = ["CONVERSION", "Fidelity", "compare", "embedding_error", "table"]

Float = NDArray[np.floating[Any]]

CONVERSION = {"embedding_error": 1e-3, "error": 1e-2}
"""What FP32 IR may differ from torch at most; more is a fault of the conversion."""
QUANTIZED = {"embedding_error": 0.2, "error": 0.1}
"""What the exported encoder and heads should stay below; more is a warning."""
WAYS = {
    "fp32_ir": "FP32 IR",
    "encoder": "exported encoder",
    "shipped": "exported encoder and heads",
}
"""What is compared with torch, in the order of the table."""


@dataclass(frozen=True)
class Fidelity:
    """One comparison: `summary` for the manifest, `heads` for report.json, `faults`, `warnings`."""

    summary: dict[str, Any]
    heads: dict[str, dict[str, Any]]
    faults: list[str]
    warnings: list[str]

    def faults_with(self, min_agreement: float | None, min_worst: float | None = None) -> list[str]:
        """Return the faults, with those of what is shipped if it agrees less than was asked for.

        Args:
            min_agreement: least Pearson correlation with torch, mean over the heads; None: any.
            min_worst: the same of the worst head.
        """
        found = self.summary["shipped"]["pearson"]
        faults = list(self.faults)
        for which, least in (("mean", min_agreement), ("worst", min_worst)):
            if least is None or (found is not None and found[which] >= least):
                continue
            what = "too few samples to tell" if found is None else f"{found[which]:.4f}"
            faults.append(
                f"Pearson correlation with torch, {which} of the heads: {what}, --min-agreement "
                f"asks for {least:g}"
            )
        return faults


def embedding_error(reference: Float, found: Float) -> dict[str, float]:
    """Return mean and largest relative error (Euclidean) over samples [n, ...]."""
    flat, other = reference.reshape(len(reference), -1), found.reshape(len(found), -1)
    errors = np.linalg.norm(other - flat, axis=1) / np.maximum(np.linalg.norm(flat, axis=1), 1e-12)
    return {"mean": float(errors.mean()), "worst": float(errors.max())}


def compare(
    names: Sequence[str],
    scores: Mapping[str, Float],
    embeddings: Mapping[str, Float],
    facts: Mapping[str, Any],
    known: Sequence[HeadInfo] = (),
) -> Fidelity:
    """Compare everything with "torch".

    Args:
        names: of the heads.
        scores: [n, heads] by way: "torch" and those of `WAYS`.
        embeddings: [n, ...] by way: "torch", "fp32_ir", "encoder".
        facts: of the samples; they open the summary.
        known: the heads' kinds and levels, in the order of `names`, for the highest five emotions
            and for levels; empty: neither is compared.
    """
    summary: dict[str, Any] = dict(facts)
    heads: dict[str, dict[str, Any]] = {name: {} for name in names}
    for way in WAYS:
        where = way if way in embeddings else "encoder"
        pair = (embeddings["torch"], embeddings[where])
        found = agree(names, scores["torch"], scores[way], embeddings=pair, heads=known)
        summary[way] = {**found.summary(), "embedding_error": embedding_error(*pair)}
        for head in found.heads:
            heads[head.name][way] = head.to_dict()
    faults = _beyond(summary["fp32_ir"], CONVERSION, "FP32 IR against torch", "worst")
    warnings = _beyond(summary["shipped"], QUANTIZED, "the exported model against torch", "mean")
    return Fidelity(summary, heads, faults, warnings)


def _beyond(
    row: Mapping[str, Any], limits: Mapping[str, float], what: str, which: str
) -> list[str]:
    found = []
    for key, limit in limits.items():
        value = row[key][which]
        if not value <= limit:  # NaN is beyond any limit
            found.append(f"{what}: {key.replace('_', ' ')} {value:.3g}, the limit is {limit:g}")
    return found


def table(fidelity: Fidelity) -> list[tuple[str, ...]]:
    """Return the rows of the table, in the order of `COLUMNS`."""
    rows: list[tuple[str, ...]] = []
    for way, title in WAYS.items():
        row = fidelity.summary[way]
        errors = [row[key][which] for key in ("embedding_error", "error") for which in _WHICH]
        shares = [row[key] and row[key][which] for key in ("pearson",) for which in _WHICH]
        rows.append(
            (
                title,
                *(f"{value:.2g}" for value in errors),
                *("-" if value is None else f"{value:.4f}" for value in shares),
                (row["pearson"] or {}).get("worst_head", "-"),
            )
        )
    return rows


_WHICH = ("mean", "worst")
COLUMNS = (
    "against torch FP32",
    "embedding error",
    "worst",
    "error / spread",
    "worst",
    "Pearson",
    "worst",
    "worst head",
)
