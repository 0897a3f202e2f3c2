"""How far scores and embeddings are from the ones they should be: the one measure of the project.

Export proves a model directory with it, the recipe search chooses by it, `verify` judges a device
by it. Everything is relative to a reference, which is FP32:

error       root mean square difference of a head's scores, as a share of the head's spread: each
            head has its own scale, so raw differences cannot be compared
spread      standard deviation of the head's reference scores over the samples
pearson     linear correlation over the samples: what smoothing, thresholds and calibration keep
spearman    correlation of the ranks, ties sharing their mean rank: what orderings keep
top5        mean share of the five highest emotions of a sample that stay among the five highest
levels      share of (sample, emotion) whose level (absent, slight, strong) stays
energy      squared length of the embeddings' difference as a share of their squared length
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonet_edge.exceptions import InputError
from emonet_edge.scores import HeadInfo

__all__ = ["Agreement", "HeadAgreement", "agree", "energy_error", "pearson", "spearman"]

Float = NDArray[np.floating[Any]]

FEWEST = 4
"""Samples below which a correlation says nothing."""
LEAST_SPREAD = 1e-2
"""Raw score: a head that hardly moves over the samples is not judged by less than this."""


@dataclass(frozen=True)
class HeadAgreement:
    """One head: `error` and `spread` as above, correlations None where they say nothing."""

    name: str
    error: float
    spread: float
    largest_difference: float
    pearson: float | None
    spearman: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "error": self.error,
            "spread": self.spread,
            "largest_difference": self.largest_difference,
            "pearson": self.pearson,
            "spearman": self.spearman,
        }


@dataclass(frozen=True)
class Agreement:
    """All heads over `samples`; `energy_error`, `top5`, `levels` None where they do not apply."""

    samples: int
    heads: tuple[HeadAgreement, ...]
    energy_error: float | None = None
    top5: float | None = None
    levels: float | None = None

    @property
    def error(self) -> float:
        """Mean error over the heads."""
        return float(np.mean([head.error for head in self.heads]))

    @property
    def pearson(self) -> float | None:
        """Mean over the heads that have one."""
        return _mean([head.pearson for head in self.heads])

    @property
    def spearman(self) -> float | None:
        """Mean over the heads that have one."""
        return _mean([head.spearman for head in self.heads])

    @property
    def worst(self) -> HeadAgreement:
        """The head of the lowest Pearson, or of the greatest error where there is none."""
        return min(
            self.heads,
            key=lambda head: (np.inf if head.pearson is None else head.pearson, -head.error),
        )

    def summary(self) -> dict[str, Any]:
        """Return the figures without those of each head: mean, worst, and which head that is."""
        heads = self.heads
        return {
            "samples": self.samples,
            "error": _extremes([(h.error, h.name) for h in heads], greatest_is_worst=True),
            "pearson": _extremes([(h.pearson, h.name) for h in heads], greatest_is_worst=False),
            "spearman": _extremes([(h.spearman, h.name) for h in heads], greatest_is_worst=False),
            "top5": self.top5,
            "levels": self.levels,
            "energy_error": self.energy_error,
        }


def agree(
    names: Sequence[str],
    reference: Float,
    found: Float,
    *,
    embeddings: tuple[Float, Float] | None = None,
    heads: Sequence[HeadInfo] = (),
    spreads: Sequence[float] | None = None,
) -> Agreement:
    """Compare scores with the reference's.

    Args:
        names: of the heads.
        reference: float [n, heads], raw scores in FP32.
        found: float [n, heads], the scores to judge.
        embeddings: (reference, found), each [n, ...], for the energy.
        heads: in the order of `names`, for kinds (top 5) and levels; empty: neither is judged.
        spreads: of each head, where they are known from more samples than these; None takes them
            from `reference`.

    Raises:
        InputError: shapes that do not belong together, no sample, or no head.
    """
    _check(names, reference, found)
    known = list(spreads) if spreads is not None else [float(c.std()) for c in reference.T]
    compared = tuple(
        _head(name, reference[:, at], found[:, at], max(known[at], LEAST_SPREAD))
        for at, name in enumerate(names)
    )
    return Agreement(
        len(reference),
        compared,
        None if embeddings is None else energy_error(*embeddings),
        _top(heads, reference, found),
        _levels(heads, reference, found),
    )


def energy_error(reference: Float, found: Float) -> float:
    """Return the squared difference of embeddings [n, ...] as a share of their squared length."""
    total = wrong = 0.0
    for one, other in zip(reference, found, strict=True):  # a set of voice embeddings is large
        difference = other.astype(np.float64) - one
        wrong += float(np.vdot(difference, difference))
        total += float(np.vdot(one.astype(np.float64), one))
    return wrong / max(total, 1e-30)


def pearson(one: Float, other: Float) -> float | None:
    """Return the linear correlation of two lists, None where it says nothing."""
    if len(one) < FEWEST or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(one.astype(np.float64), other.astype(np.float64))[0, 1])


def spearman(one: Float, other: Float) -> float | None:
    """Return the correlation of the ranks of two lists, None where it says nothing."""
    return pearson(_ranks(one), _ranks(other))


def _ranks(values: Float) -> Float:
    """Ranks from 0; equal values share the mean of theirs."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_ranks = last - (counts + 1) / 2
    ranks: Float = mean_ranks[where]
    return ranks


def _head(name: str, reference: Float, found: Float, spread: float) -> HeadAgreement:
    difference = found.astype(np.float64) - reference
    return HeadAgreement(
        name,
        float(np.sqrt(np.mean(difference**2)) / spread),
        spread,
        float(np.abs(difference).max()),
        pearson(reference, found),
        spearman(reference, found),
    )


def _top(heads: Sequence[HeadInfo], reference: Float, found: Float, count: int = 5) -> float | None:
    emotions = [at for at, head in enumerate(heads) if head.kind == "emotion"]
    if len(emotions) <= count:
        return None  # all of them are among the highest
    one, other = (
        np.argsort(-scores[:, emotions], axis=1, kind="stable")[:, :count]
        for scores in (reference, found)
    )
    kept = [len(set(a) & set(b)) / count for a, b in zip(one.tolist(), other.tolist(), strict=True)]
    return float(np.mean(kept))


def _levels(heads: Sequence[HeadInfo], reference: Float, found: Float) -> float | None:
    same = [
        np.digitize(reference[:, at], bounds) == np.digitize(found[:, at], bounds)
        for at, head in enumerate(heads)
        if head.levels is not None
        for bounds in [(head.levels.slight, head.levels.strong)]
    ]
    return float(np.mean(same)) if same else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _extremes(
    values: Sequence[tuple[float | None, str]], greatest_is_worst: bool
) -> dict[str, Any] | None:
    known = [(value, name) for value, name in values if value is not None]
    if not known:
        return None
    worst = max(known) if greatest_is_worst else min(known)
    return {
        "mean": float(np.mean([value for value, _ in known])),
        "worst": worst[0],
        "worst_head": worst[1],
    }


def _check(names: Sequence[str], reference: Float, found: Float) -> None:
    wanted = (len(reference), len(names))
    if not names or not len(reference) or reference.shape != wanted or found.shape != wanted:
        raise InputError(
            "agreement needs [n, heads] scores of one shape, n and heads at least 1; got "
            f"{list(reference.shape)} and {list(found.shape)} for {len(names)} names; score the "
            "same samples with the same heads"
        )
