"""How far an exported model is from torch in FP32, in figures.

Errors of scores are shares of the head's own spread over the samples: each head has its own scale.
Rank agreement is Spearman's correlation over the samples, per head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONVERSION", "Fidelity", "compare", "embedding_error", "rank_agreement"]

Float = NDArray[np.floating[Any]]

CONVERSION = {"embedding_error": 1e-3, "score_error": 1e-2}
"""What FP32 IR may differ from torch at most; more is a fault of the conversion."""
QUANTIZED = {"embedding_error": 0.2, "score_error": 0.1}
"""What the exported encoder and heads should stay below; more is a warning."""
WAYS = {
    "fp32_ir": "FP32 IR",
    "encoder": "exported encoder",
    "shipped": "exported encoder and heads",
}
"""What is compared with torch, in the order of the table."""
_FEWEST = 4  # samples, for ranks to say anything
_LEAST_SPREAD = 1e-2  # raw score


@dataclass(frozen=True)
class Fidelity:
    """One comparison: `summary` for the manifest, `heads` for report.json, `faults`, `warnings`."""

    summary: dict[str, Any]
    heads: dict[str, dict[str, Any]]
    faults: list[str]
    warnings: list[str]

    def rank_agreement(self) -> float | None:
        """Mean over heads, of what is shipped; None with too few samples."""
        value = self.summary["shipped"]["rank_agreement"]
        return None if value is None else float(value["mean"])

    def faults_with(self, min_agreement: float | None) -> list[str]:
        """Return the faults, with the ranks' if they agree less than was asked for."""
        found = self.rank_agreement()
        if min_agreement is None or (found is not None and found >= min_agreement):
            return list(self.faults)
        what = "too few samples to tell" if found is None else f"{found:.4f}"
        wish = f"rank agreement with torch: {what}, --min-agreement is {min_agreement:g}"
        return [*self.faults, wish]


def embedding_error(reference: Float, found: Float) -> dict[str, float]:
    """Return mean and largest relative error (Euclidean) over samples [n, ...]."""
    flat, other = reference.reshape(len(reference), -1), found.reshape(len(found), -1)
    errors = np.linalg.norm(other - flat, axis=1) / np.maximum(np.linalg.norm(flat, axis=1), 1e-12)
    return {"mean": float(errors.mean()), "max": float(errors.max())}


def rank_agreement(reference: Float, found: Float) -> float | None:
    """Return Spearman's correlation of two lists, None where it says nothing."""
    if len(reference) < _FEWEST or np.ptp(reference) == 0 or np.ptp(found) == 0:
        return None
    ranks = [np.argsort(np.argsort(values, kind="stable")) for values in (reference, found)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def compare(
    names: Sequence[str],
    scores: Mapping[str, Float],
    embeddings: Mapping[str, Float],
    facts: Mapping[str, Any],
) -> Fidelity:
    """Compare everything with "torch".

    Args:
        names: of the heads.
        scores: [n, heads] by way: "torch" and those of `WAYS`.
        embeddings: [n, ...] by way: "torch", "fp32_ir", "encoder".
        facts: of the samples; they open the summary.
    """
    summary: dict[str, Any] = dict(facts)
    heads: dict[str, dict[str, Any]] = {name: {} for name in names}
    for way in WAYS:
        errors, agreements = [], []
        for at, name in enumerate(names):
            entry = _head(scores["torch"][:, at], scores[way][:, at])
            heads[name][way] = entry
            errors.append(entry["score_error"])
            agreements.append(entry["rank_agreement"])
        known = [value for value in agreements if value is not None]
        summary[way] = {
            "embedding_error": embedding_error(embeddings["torch"], embeddings[way])
            if way in embeddings
            else summary["encoder"]["embedding_error"],
            "score_error": {"mean": float(np.mean(errors)), "max": float(np.max(errors))},
            "rank_agreement": {"mean": float(np.mean(known)), "min": min(known)} if known else None,
        }
    faults = _beyond(summary["fp32_ir"], CONVERSION, "FP32 IR against torch", worst=True)
    warnings = _beyond(
        summary["shipped"], QUANTIZED, "the exported model against torch", worst=False
    )
    return Fidelity(summary, heads, faults, warnings)


def _head(reference: Float, found: Float) -> dict[str, Any]:
    difference = np.abs(found - reference)
    spread = max(float(reference.std()), _LEAST_SPREAD)
    return {
        "largest_difference": float(difference.max()),
        "score_error": float(np.sqrt(np.mean(difference**2)) / spread),
        "rank_agreement": rank_agreement(reference, found),
    }


def _beyond(
    row: Mapping[str, Any], limits: Mapping[str, float], what: str, worst: bool
) -> list[str]:
    found = []
    for key, limit in limits.items():
        value = row[key]["max" if worst else "mean"]
        if not value <= limit:  # NaN is beyond any limit
            found.append(f"{what}: {key.replace('_', ' ')} {value:.3g}, the limit is {limit:g}")
    return found


def table(fidelity: Fidelity) -> list[tuple[str, ...]]:
    """Return the rows of the table: what, embedding error, score error, rank agreement."""
    rows: list[tuple[str, ...]] = []
    for way, title in WAYS.items():
        row = fidelity.summary[way]
        ranks = row["rank_agreement"]
        rows.append(
            (
                title,
                f"{row['embedding_error']['mean']:.2g}",
                f"{row['embedding_error']['max']:.2g}",
                f"{row['score_error']['mean']:.2g}",
                f"{row['score_error']['max']:.2g}",
                "-" if ranks is None else f"{ranks['mean']:.4f}",
                "-" if ranks is None else f"{ranks['min']:.4f}",
            )
        )
    return rows


COLUMNS = (
    "against torch FP32",
    "embedding error",
    "max",
    "score error",
    "max",
    "rank agreement",
    "min",
)
