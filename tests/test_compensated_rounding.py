"""INT4 rounding that makes up for its errors, beside its NumPy specification."""

from __future__ import annotations

import numpy as np
import pytest

import reference_heads as reference
from emonet_edge.exceptions import InputError
from emonet_edge.heads import Compensation, MultiHeadMLP, pack_layer
from emonet_edge.heads.packed_heads import PackedHeadsWriter
from test_heads import random_layers, scores_by_isa, write_heads

# (embedding shape, widths of the layers): a whole group, part of one, blocks of 8, 16 and 32 rows.
SHAPES = {
    "one column": ((4, 1), (3, 1)),
    "part of a group": ((6, 40), (16, 8, 1)),
    "odd width": ((7, 129), (40, 3, 1)),
    "three groups": ((12, 192), (64, 64, 1)),
    "one position": ((1, 96), (32, 1)),
}


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def draw_compensation(rng, width, strength=0.6):
    """Shares as an encoder of slowly changing embeddings has them."""
    noise = rng.normal(0, 0.3 / np.sqrt(width), (2, width, width))
    next_position = strength * (np.eye(width) + noise[0])
    return Compensation(np.float32(next_position), np.float32(strength * noise[1]))


def slow_embeddings(rng, n, positions, width, memory=0.9):
    """Embeddings of which a position keeps `memory` of the one before, in every column."""
    drawn = rng.normal(size=(n, positions, width))
    for p in range(1, positions):
        drawn[:, p] = memory * drawn[:, p - 1] + np.sqrt(1 - memory**2) * drawn[:, p]
    return drawn.astype(np.float32)


@pytest.mark.parametrize("case", SHAPES)
def test_scores_are_those_of_the_specification(case, rng, tmp_path):
    shape, widths = SHAPES[case]
    heads = {name: random_layers(rng, shape, widths) for name in ("anger", "joy")}
    mean = rng.normal(3, 1, shape).astype(np.float32)
    embedding = (mean + rng.normal(0, 0.5, shape)).astype(np.float32)
    shares = draw_compensation(rng, shape[-1])
    path = write_heads(tmp_path / "h.bin", shape, heads, "int4", mean, shares)
    matrices = (shares.next_position, shares.later_columns)
    expected = [
        reference.evaluate_head(embedding, layers, "int4", mean, matrices)
        for layers in heads.values()
    ]
    np.testing.assert_allclose(
        MultiHeadMLP.open(path).evaluate(embedding), expected, rtol=2e-5, atol=2e-5
    )


def test_every_isa_of_this_cpu_scores_alike(rng, tmp_path):
    shape, widths = SHAPES["odd width"]
    heads = {"anger": random_layers(rng, shape, widths)}
    shares = draw_compensation(rng, shape[-1])
    path = write_heads(tmp_path / "h.bin", shape, heads, "int4", None, shares)
    scores = scores_by_isa(path, rng.normal(size=(3, *shape)).astype(np.float32), tmp_path)
    assert "portable" in scores
    for found in scores.values():
        np.testing.assert_allclose(found, scores["portable"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_errors_shrink_where_embeddings_change_slowly(distribution, rng, tmp_path):
    shape = (60, 128)
    heads = {f"head {i}": [random_row(rng, shape, distribution)] for i in range(16)}
    embeddings = slow_embeddings(rng, 64, *shape)
    # A position's best prediction from the next is 0.9 of it; columns know nothing of each other.
    shares = Compensation(0.9 * np.eye(128, dtype=np.float32), np.zeros((128, 128), np.float32))
    exact = np.array([[reference.exact_head(e, h) for h in heads.values()] for e in embeddings])
    errors = []
    for compensation in (None, shares):
        path = write_heads(tmp_path / "h.bin", shape, heads, "int4", None, compensation)
        found = MultiHeadMLP.open(path).evaluate_batch(embeddings)
        errors.append(float(np.sqrt(((found - exact) ** 2).mean()) / exact.std()))
    # Of unpredictable embeddings sqrt(1 - 0.9^2) = 0.44 is left; scales do the rest.
    assert errors[1] < 0.5 * errors[0]


def random_row(rng, shape, distribution):
    inputs = int(np.prod(shape))
    drawn = {"uniform": rng.uniform(-1, 1, (1, inputs)), "normal": rng.normal(size=(1, inputs))}
    return drawn[distribution].astype(np.float32), np.zeros(1, np.float32)


def test_without_shares_only_the_scales_differ_and_they_are_better(rng):
    weights = rng.normal(size=(8, 5, 192)).astype(np.float32)
    none = np.zeros((192, 192), np.float32)
    kept = reference.quantize_int4_compensated(weights, none, none)
    nearest = reference.quantize_int4(weights)
    assert ((kept - weights) ** 2).mean() < 0.9 * ((nearest - weights) ** 2).mean()


def test_the_result_does_not_depend_on_threads_or_other_rows(rng):
    weights = rng.normal(size=(64, 5, 96)).astype(np.float32)
    biases, shares = np.zeros(64, np.float32), draw_compensation(rng, 96)
    whole = pack_layer(weights, biases, "int4", None, shares)
    again = pack_layer(weights, biases, "int4", None, shares)
    first_block = pack_layer(weights[:32], biases[:32], "int4", None, shares)
    assert whole == again
    block_bytes = 5 * 2 * 32 * (2 + 32)
    assert whole[:block_bytes] == first_block[:block_bytes]


@pytest.mark.parametrize("size", [1e-30, 1e-7, 1e4, 65504.0 * 7])
def test_weights_of_any_size_keep_what_half_floats_allow(size, rng, tmp_path):
    shape = (6, 70)
    layers = [(np.float32(rng.uniform(-size, size, (1, 420))), np.zeros(1, np.float32))]
    path = write_heads(
        tmp_path / "h.bin", shape, {"joy": layers}, "int4", None, draw_compensation(rng, 70)
    )
    embedding = rng.normal(size=shape).astype(np.float32)
    (found,) = MultiHeadMLP.open(path).evaluate(embedding)
    least = 2.0**-24 * 420  # the smallest half-float scale, over all inputs
    assert abs(found - reference.exact_head(embedding, layers)) < 0.1 * size * 420**0.5 + least


@pytest.mark.parametrize("share", [1e3, 1e20, 3e38])
def test_absurd_shares_give_a_valid_layer(share, rng, tmp_path):
    shape = (6, 70)
    absurd = Compensation(*np.full((2, 70, 70), share, np.float32))
    path = write_heads(
        tmp_path / "h.bin", shape, {"joy": random_layers(rng, shape, (9, 1))}, "int4", None, absurd
    )
    assert np.isfinite(MultiHeadMLP.open(path).evaluate(np.ones(shape, np.float32))).all()


@pytest.mark.parametrize(
    ("precision", "compensation", "rule"),
    [
        ("int8", Compensation(*np.zeros((2, 8, 8), np.float32)), "only int4 weights"),
        ("int4", Compensation(*np.zeros((2, 9, 9), np.float32)), r"of shape \[8, 8\]"),
        ("int4", Compensation(*np.full((2, 8, 8), np.nan, np.float32)), "must be finite"),
    ],
)
def test_a_compensation_that_does_not_fit_is_refused(precision, compensation, rule):
    with pytest.raises(InputError, match=rule):
        pack_layer(
            np.ones((8, 2, 8), np.float32), np.zeros(8, np.float32), precision, None, compensation
        )


def test_only_int4_projections_are_compensated(rng, tmp_path):
    shape, path = (3, 64), tmp_path / "h.bin"
    layers, shares = random_layers(rng, shape, (8, 1)), draw_compensation(rng, 64)
    with PackedHeadsWriter(path, shape, None, shares) as writer:
        writer.add_head("anger", layers, "int8")
        writer.add_head("joy", layers, "int4")
    embedding = rng.normal(size=shape).astype(np.float32)
    expected = [
        reference.evaluate_head(embedding, layers, "int8"),
        reference.evaluate_head(
            embedding, layers, "int4", None, (shares.next_position, shares.later_columns)
        ),
    ]
    np.testing.assert_allclose(MultiHeadMLP.open(path).evaluate(embedding), expected, rtol=1e-5)
