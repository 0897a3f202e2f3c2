"""The measure of agreement, against figures that can be worked out by hand or by SciPy."""

from __future__ import annotations

import numpy as np
import pytest

from emonet_edge.agreement import agree, energy_error, pearson, spearman
from emonet_edge.exceptions import InputError
from emonet_edge.levels import Levels
from emonet_edge.scores import HeadInfo
from emonet_edge.taxonomy import EMOTIONS


def draw(samples, heads, seed=0):
    return np.random.default_rng(seed).standard_normal((samples, heads)).astype(np.float32)


def test_equal_scores_agree_entirely():
    scores = draw(20, 3)
    found = agree(["a", "b", "c"], scores, scores.copy())
    assert found.error == 0
    assert found.pearson == pytest.approx(1)
    assert found.spearman == pytest.approx(1)


def test_the_error_is_a_share_of_the_spread_of_each_head():
    reference = draw(50, 2) * np.float32([1, 100])
    shift = 0.1 * reference.std(axis=0)
    found = agree(["small", "large"], reference, reference + shift)
    assert [head.error for head in found.heads] == pytest.approx([0.1, 0.1], rel=1e-4)
    assert found.pearson == pytest.approx(1)  # a constant shift leaves the correlation


def test_known_spreads_replace_those_of_few_samples():
    reference = draw(6, 1)
    found = agree(["a"], reference, reference + 1, spreads=[4.0])
    assert found.error == pytest.approx(0.25, rel=1e-5)


def test_a_head_that_does_not_move_is_judged_by_the_least_spread_and_has_no_correlation():
    reference = np.full((10, 1), 2, np.float32)
    found = agree(["still"], reference, reference + np.float32(1e-3))
    assert found.heads[0].error == pytest.approx(0.1, rel=1e-2)
    assert found.pearson is None
    assert found.worst.name == "still"


def test_the_worst_head_is_named():
    reference = draw(40, 3)
    found = reference.copy()
    found[:, 1] = draw(40, 1, seed=9)[:, 0]
    compared = agree(["a", "b", "c"], reference, found)
    assert compared.worst.name == "b"
    summary = compared.summary()
    assert summary["pearson"]["worst_head"] == summary["error"]["worst_head"] == "b"
    assert summary["pearson"]["worst"] == compared.heads[1].pearson


def test_ties_share_their_rank():
    # By hand: 0.5, 0.5, 2, 3 and 0, 1, 2.5, 2.5; sum of products 4, of squares 4.5 each.
    one, other = np.array([1.0, 1, 2, 3]), np.array([0.0, 1, 5, 5])
    assert spearman(one, other) == pytest.approx(4.0 / 4.5)


def test_correlations_of_too_few_samples_say_nothing():
    assert pearson(np.arange(3.0), np.arange(3.0)) is None
    assert spearman(np.arange(4.0), np.arange(4.0)) == pytest.approx(1)


def test_the_energy_is_that_of_the_difference():
    reference = np.ones((2, 3, 4), np.float32)
    assert energy_error(reference, reference * 1.1) == pytest.approx(0.01, rel=1e-4)


def heads(levels=None):
    kinds = [(name, "emotion") for name in EMOTIONS[:8]] + [("valence", "dimension")]
    return [HeadInfo(n, k, levels=levels if k == "emotion" else None) for n, k in kinds]


def test_the_top_five_are_emotions_only():
    reference = np.tile(np.arange(9, dtype=np.float32), (3, 1))  # valence is the highest
    found = reference.copy()
    found[:, 0] = 100  # one emotion comes in, one goes out
    compared = agree([h.name for h in heads()], reference, found, heads=heads())
    assert compared.top5 == pytest.approx(4 / 5)
    assert compared.levels is None


def test_levels_are_compared_at_their_thresholds():
    some = heads(Levels(1.0, 2.0, "made up"))
    reference = np.full((4, 9), 0.5, np.float32)
    found = reference.copy()
    found[0, 0] = 1.0  # absent becomes slight: the threshold itself is slight
    found[:, 8] = 9  # valence has no level
    compared = agree([h.name for h in some], reference, found, heads=some)
    assert compared.levels == pytest.approx(31 / 32)


@pytest.mark.parametrize(
    ("names", "shape", "other"),
    [
        ([], (4, 0), (4, 0)),
        (["a"], (0, 1), (0, 1)),
        (["a"], (4, 1), (5, 1)),
        (["a"], (4, 2), (4, 2)),
    ],
)
def test_shapes_that_do_not_belong_together_are_refused(names, shape, other):
    with pytest.raises(InputError, match="scores of one shape"):
        agree(names, np.zeros(shape, np.float32), np.zeros(other, np.float32))
