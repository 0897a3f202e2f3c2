"""How far a device is from FP32, part by part, and whether that is further than was certified.

With e* and s* the FP32 embeddings and scores of a certificate, e the embeddings of a device, and h
the packed heads:

encoder   h(e) against h(e*), and e against e*: both sides have the same heads
heads     h(e*) against s*: both sides have the same embeddings
whole     h(e) against s*: what a user of the device gets

Errors of scores are shares of each head's spread, and the mean over the heads; the error of
embeddings is the root of the energy error: the length of the difference as a share of the length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any

from emonet_edge.agreement import Agreement, agree, energy_error

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emonet_edge.certificate.file import Certificate
    from emonet_edge.scores import HeadInfo

__all__ = [
    "LIMITS",
    "Distance",
    "Figure",
    "Limit",
    "certified_distance",
    "device_distance",
    "exceeded",
    "figures",
]


@dataclass(frozen=True)
class Limit:
    """How much of an error is still as certified: `factor` times it, or `least` more than it."""

    factor: float
    least: float


# Sound devices differ in the order of float sums and in what they round, so that single INT8 values
# flip. What that does was measured on seven models, Whisper tiny.en among them, with bf16 and f32,
# 1 and 2 threads, AVX2 and AVX-512: embeddings 0.96 to 1.02 times the certified error. Scores are
# fewer, and differ more: 0.91 to 1.07 times.
LIMITS = {"embedding": Limit(1.1, 2e-3), "scores": Limit(1.25, 5e-3)}
"""How much further than certified a device may be, and still be as certified."""


@dataclass(frozen=True)
class Distance:
    """The three comparisons; `encoder` and `whole` have the energy error of the embeddings."""

    encoder: Agreement
    heads: Agreement
    whole: Agreement

    def to_dict(self) -> dict[str, Any]:
        """Return the figures of each part as plain values."""
        return {
            "encoder": self.encoder.summary(),
            "heads": self.heads.summary(),
            "whole": self.whole.summary(),
        }


@dataclass(frozen=True)
class Figure:
    """One error of a part beside the certified one; both are shares of `unit`."""

    part: str
    unit: str
    found: float
    certified: float
    limit: Limit

    @property
    def factor(self) -> float:
        """How many times the certified error it is, or the least that counts."""
        return self.found / max(self.certified, self.limit.least)

    @property
    def exceeded(self) -> bool:
        """Whether it is further from FP32 than certified; NaN is."""
        limit = self.limit
        highest = max(limit.factor * self.certified, self.certified + limit.least)
        return not self.found <= highest

    def __str__(self) -> str:
        return (
            f"{self.part}: {100 * self.found:.2g} % of the {self.unit}, certified "
            f"{100 * self.certified:.2g} %"
        )


def certified_distance(certificate: Certificate, heads: Sequence[HeadInfo]) -> Distance:
    """Return how far the exported model was from FP32 when it was certified."""
    certified = certificate.certified
    return _distance(
        certificate, heads, certified.head_scores, certified.scores, certified.energy_error
    )


def device_distance(
    certificate: Certificate,
    heads: Sequence[HeadInfo],
    head_scores: NDArray[np.float32],
    scores: NDArray[np.float32],
    embeddings: NDArray[np.float32],
) -> Distance:
    """Return how far a device is from FP32.

    Args:
        certificate: with n inputs.
        heads: of the manifest.
        head_scores: float32 [n, heads], the packed heads on the certificate's embeddings.
        scores: float32 [n, heads], the packed heads on the device's embeddings.
        embeddings: float32 [n, ...], the device's.
    """
    energy = energy_error(certificate.embeddings, embeddings)
    return _distance(certificate, heads, head_scores, scores, energy)


def figures(found: Distance, certified: Distance) -> tuple[Figure, ...]:
    """Return the errors that a verdict is made of, each beside its certified value."""
    embedding, scores = LIMITS["embedding"], LIMITS["scores"]
    length, spread = "embedding's length", "heads' spread"
    return (
        Figure("encoder", length, _length(found), _length(certified), embedding),
        Figure("encoder", spread, found.encoder.error, certified.encoder.error, scores),
        Figure("heads", spread, found.heads.error, certified.heads.error, scores),
    )


def exceeded(found: Distance, certified: Distance) -> list[Figure]:
    """Return the errors that are further from FP32 than certified.

    Through heads that are not the certified ones an encoder's error looks different; then its
    embeddings alone speak for it.
    """
    embedding, encoder, heads = figures(found, certified)
    judged = [embedding, heads] if heads.exceeded else [embedding, encoder, heads]
    return [figure for figure in judged if figure.exceeded]


def _length(distance: Distance) -> float:
    return sqrt(distance.encoder.energy_error or 0.0)


def _distance(
    certificate: Certificate,
    heads: Sequence[HeadInfo],
    head_scores: NDArray[np.float32],
    scores: NDArray[np.float32],
    energy: float,
) -> Distance:
    def compare(reference: NDArray[np.float32], found: NDArray[np.float32]) -> Agreement:
        spreads = certificate.spreads.tolist()
        return agree(certificate.names, reference, found, heads=heads, spreads=spreads)

    return Distance(
        replace(compare(head_scores, scores), energy_error=energy),
        compare(certificate.scores, head_scores),
        replace(compare(certificate.scores, scores), energy_error=energy),
    )
