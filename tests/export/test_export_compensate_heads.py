"""What later weights take over of rounding errors, derived from embeddings."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("emonet_edge_export", reason="needs export/ on the path, or the wheel")

import reference_heads as reference
from emonet_edge_export.heads.compensate import (
    LEAST_SAMPLES,
    NeighbourMoments,
    compensation_from,
    why_nearest,
)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def draw_embeddings(rng, n, positions, width, memory, mixing):
    """Each position keeps `memory` of the next one; what is new passes through `mixing`."""
    drawn = rng.normal(size=(n, positions, width)) @ mixing.T
    for p in range(positions - 2, -1, -1):
        drawn[:, p] += memory * drawn[:, p + 1]
    return (drawn + rng.normal(size=(positions, width))).astype(np.float32)


def moments_of(embeddings):
    moments = NeighbourMoments()
    for embedding in embeddings:
        moments.add(embedding)
    return moments


def test_moments_are_those_of_the_definition(rng):
    embeddings = rng.normal(2, 1, (5, 7, 3)).astype(np.float32)
    centred = embeddings.astype(np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    expected = sum(
        np.outer(pair, pair)
        for sample in centred
        for pair in (np.concatenate([sample[p], sample[p + 1]]) for p in range(6))
    )
    moments = moments_of(embeddings)
    assert moments.samples == 5
    np.testing.assert_allclose(moments.centred(), expected, rtol=1e-9, atol=1e-9)


def test_the_memory_of_embeddings_is_found(rng):
    embeddings = draw_embeddings(rng, 40, 200, 6, 0.9, np.eye(6))
    found = compensation_from(moments_of(embeddings).centred())
    np.testing.assert_allclose(found.next_position, 0.9 * np.eye(6), atol=0.03)
    np.testing.assert_allclose(found.later_columns, 0, atol=0.03)


def test_columns_that_go_together_are_found(rng):
    mixing = np.eye(4)
    mixing[1, 3] = 2.0  # column 1 follows column 3
    embeddings = draw_embeddings(rng, 40, 200, 4, 0.0, mixing)
    found = compensation_from(moments_of(embeddings).centred())
    # An error of column 1 costs as much as 2 of column 3, which is rounded later; shrunk by 0.3.
    assert found.later_columns[3, 1] == pytest.approx(0.7 * 2.0, abs=0.1)
    assert np.count_nonzero(np.triu(found.later_columns)) == 0
    np.testing.assert_allclose(found.next_position, 0, atol=0.05)


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda rng, shape: rng.uniform(-1, 1, shape), id="uniform"),
        pytest.param(lambda rng, shape: rng.normal(size=shape), id="normal"),
    ],
)
def test_only_the_unpredictable_part_meets_the_errors(draw, rng):
    positions, width = 40, 24
    mixing = np.eye(width) + rng.normal(0, 0.3, (width, width))
    seen, unseen = (
        draw_embeddings(np.random.default_rng(seed), 48, positions, width, 0.9, mixing)
        for seed in (1, 2)
    )
    shares = compensation_from(moments_of(seen).centred())
    weights = draw(rng, (16, positions, width)).astype(np.float32)
    none = np.zeros_like(shares.later_columns)
    centred = unseen - unseen.mean(axis=0)

    def error(next_position, later_columns):
        kept = reference.quantize_int4_compensated(weights, next_position, later_columns)
        return np.einsum("rpw,npw->nr", kept - weights, centred).std()

    alone = error(none, none)
    positions_only = error(shares.next_position, none)
    both = error(shares.next_position, shares.later_columns)
    assert positions_only < 0.6 * alone  # of a memory of 0.9 sqrt(1 - 0.9^2) = 0.44 is left
    assert both < 0.9 * positions_only


def test_embeddings_that_never_change_ask_for_nothing():
    found = compensation_from(moments_of(np.ones((6, 5, 4), np.float32)).centred())
    assert not found.next_position.any()
    assert not found.later_columns.any()


def test_a_column_that_never_changes_spoils_nothing(rng):
    embeddings = draw_embeddings(rng, 8, 50, 6, 0.9, np.eye(6))
    embeddings[:, :, 2] = 7
    found = compensation_from(moments_of(embeddings).centred())
    assert np.isfinite(found.next_position).all()
    assert np.abs(found.next_position).max() < 1.2
    assert np.abs(found.later_columns).max() < 1


@pytest.mark.parametrize(
    ("shape", "samples", "reason"),
    [
        ((1500, 768), LEAST_SAMPLES, None),
        ((1152,), 64, "one position"),
        ((1500, 768), LEAST_SAMPLES - 1, "there are 3 calibration samples, 4 are needed"),
    ],
)
def test_the_reason_for_rounding_to_nearest_is_named(shape, samples, reason):
    found = why_nearest(shape, samples)
    assert found == "" if reason is None else reason in found
