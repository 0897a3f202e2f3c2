"""The neutral baseline of a person."""

from __future__ import annotations

import numpy as np
import pytest

from emonet_edge.exceptions import InputError
from emonet_edge.stream.faces.baseline import BaselineOptions, NeutralBaseline


def learnt(values, every_s=0.5, options=None):
    baseline = NeutralBaseline(options or BaselineOptions())
    for index, value in enumerate(values):
        baseline.update(np.array([value]), index * every_s)
    return baseline


def test_there_is_no_baseline_before_there_are_enough_samples():
    assert learnt([1.0] * 9).neutral is None
    assert learnt([1.0] * 9).deviation(np.array([2.0])) is None
    assert learnt([1.0] * 10).neutral == 1.0


def test_an_expression_that_takes_less_than_half_of_the_time_leaves_no_trace():
    assert learnt([1.0] * 30 + [6.0] * 25).neutral == 1.0


def test_the_deviation_is_in_raw_units():
    assert learnt([1.0] * 20).deviation(np.array([3.5])) == 2.5


def test_a_fast_encoder_fills_it_no_sooner_than_a_slow_one():
    assert learnt([1.0] * 40, every_s=0.1).neutral is None  # 4 s
    assert learnt([1.0] * 60, every_s=0.1).neutral == 1.0  # 6 s


def test_after_enough_samples_it_is_frozen():
    baseline = learnt([1.0] * 120 + [5.0] * 500)
    assert baseline.neutral == 1.0


def test_nan_says_nothing_and_a_head_without_values_has_no_baseline():
    baseline = NeutralBaseline(BaselineOptions(needed=2, enough=4))
    for at, values in enumerate(([1.0, np.nan], [np.nan, np.nan], [3.0, np.nan])):
        baseline.update(np.array(values), at)
    assert baseline.neutral[0] == 2.0
    assert np.isnan(baseline.neutral[1])


@pytest.mark.parametrize("quantile", [0, 0.2, 0.5, 1])
def test_the_quantile_is_numpys(quantile):
    samples = np.random.default_rng(0).normal(size=15)
    options = BaselineOptions(needed=1, quantile=quantile)
    found = learnt(samples, options=options).neutral
    assert found == pytest.approx(np.quantile(samples, quantile))


@pytest.mark.parametrize(
    "wrong",
    [{"sample_every_s": -1}, {"needed": 0}, {"needed": 9, "enough": 8}, {"quantile": 1.5}],
)
def test_an_impossible_setting_is_refused(wrong):
    with pytest.raises(InputError):
        BaselineOptions(**wrong)
