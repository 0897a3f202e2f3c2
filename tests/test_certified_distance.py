"""Distances from FP32: which part an error belongs to, and when it is more than was certified."""

from __future__ import annotations

import numpy as np
import pytest

from emonet_edge.certificate.distance import (
    LIMITS,
    Figure,
    certified_distance,
    device_distance,
    figures,
)
from emonet_edge.certificate.file import Certificate, Certified
from emonet_edge.scores import HeadInfo

NAMES = ("anger", "awe", "fear")
HEADS = tuple(HeadInfo(name, "emotion") for name in NAMES)
SPREADS = np.float32([1, 2, 4])


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def certificate(head_error=0.01, encoder_error=0.05, energy_error=0.0004):
    """One whose certified scores are off by these shares of the spreads."""
    scores = draw(8, 3) * SPREADS
    head_scores = scores + np.float32(head_error) * SPREADS
    certified = Certified(
        head_scores=head_scores,
        scores=head_scores + np.float32(encoder_error) * SPREADS,
        energy_error=energy_error,
        int8_ops=3,
        total_ops=9,
        precision_hint="f32",
        machine={},
    )
    embeddings = draw(8, 5, seed=1)
    return Certificate(NAMES, "drawn", "drawn", draw(8, 4), embeddings, scores, SPREADS, certified)


def test_each_part_has_its_own_error():
    found = certified_distance(certificate(), HEADS)
    assert found.heads.error == pytest.approx(0.01, rel=1e-3)
    assert found.encoder.error == pytest.approx(0.05, rel=1e-3)
    assert found.whole.error == pytest.approx(0.06, rel=1e-3)
    assert found.encoder.energy_error == found.whole.energy_error == 0.0004
    assert found.heads.energy_error is None  # the same embeddings on both sides


def test_a_device_is_compared_with_fp32_and_not_with_what_was_certified():
    given = certificate()
    scores = given.certified.head_scores + np.float32(0.2) * SPREADS
    embeddings = given.embeddings * np.float32(1.03)
    found = device_distance(given, HEADS, given.certified.head_scores, scores, embeddings)
    assert found.encoder.error == pytest.approx(0.2, rel=1e-3)
    assert found.encoder.energy_error == pytest.approx(0.0009, rel=1e-3)
    embedding, encoder, heads = figures(found, certified_distance(given, HEADS))
    assert (embedding.found, embedding.certified) == pytest.approx((0.03, 0.02), rel=1e-3)
    assert embedding.factor == pytest.approx(1.5, rel=1e-3)
    assert embedding.exceeded
    assert encoder.exceeded
    assert not heads.exceeded
    assert str(embedding) == "encoder: 3 % of the embedding's length, certified 2 %"


@pytest.mark.parametrize(
    ("kind", "certified", "highest"),
    [
        ("embedding", 0.05, 0.055),
        ("embedding", 0.0, 0.002),
        ("embedding", 0.01, 0.012),
        ("scores", 0.1, 0.125),
        ("scores", 0.0, 0.005),
    ],
)
def test_a_share_more_or_a_little_more_is_still_as_certified(kind, certified, highest):
    def exceeded(found):
        return Figure("encoder", "spread", found, certified, LIMITS[kind]).exceeded

    assert not exceeded(certified)
    assert not exceeded(highest * 0.999)
    assert exceeded(highest * 1.001)
    assert exceeded(float("nan"))


def test_being_nearer_to_fp32_than_certified_is_as_certified():
    given = certificate()
    exact = device_distance(
        given, HEADS, given.scores.copy(), given.scores.copy(), given.embeddings.copy()
    )
    assert not any(f.exceeded for f in figures(exact, certified_distance(given, HEADS)))
