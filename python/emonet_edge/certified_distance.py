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

    from emonet_edge.certificate_file import Certificate
    from emonet_edge.scores import HeadInfo

__all__ = ["Distance", "Figure", "certified_distance", "device_distance", "figures"]

FACTOR = 1.25
"""A device is further from FP32 than certified beyond this factor."""
LEAST = {"embedding": 2e-3, "scores": 5e-3}
"""And only by more than this: the exact order of float sums is the processor's own."""


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
    """One error of a part beside the certified one; below `least` none counts."""

    part: str
    unit: str
    found: float
    certified: float
    least: float

    @property
    def factor(self) -> float:
        """How many times the certified error it is, or the least that counts."""
        return self.found / max(self.certified, self.least)

    @property
    def exceeded(self) -> bool:
        """Whether it is further from FP32 than certified; NaN is."""
        return not self.found <= FACTOR * self.certified + self.least

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
    return (
        _figure("encoder", "embedding's length", _length(found), _length(certified)),
        _figure("encoder", "heads' spread", found.encoder.error, certified.encoder.error),
        _figure("heads", "heads' spread", found.heads.error, certified.heads.error),
    )


def _figure(part: str, unit: str, found: float, certified: float) -> Figure:
    least = LEAST["embedding" if unit.startswith("embedding") else "scores"]
    return Figure(part, unit, found, certified, least)


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
