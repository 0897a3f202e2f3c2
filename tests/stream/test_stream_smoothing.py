"""Smoothing of scores over time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from emonet_edge.exceptions import InputError
from emonet_edge.stream.faces.smoothing import SmoothingOptions, make_smoothing

KINDS = ("exponential", "one-euro", "none")


def run(options, times, values):
    smoothing = make_smoothing(options)
    return np.array(
        [smoothing.update(np.array([v]), t)[0] for t, v in zip(times, values, strict=True)]
    )


def reference_one_euro(options, times, values):
    """Algorithm 1 of the paper, sample by sample, in plain floats."""

    def alpha(cutoff, elapsed):
        return 1 / (1 + 1 / (2 * math.pi * cutoff * elapsed))

    smoothed, speed, out = values[0], 0.0, [values[0]]
    for before, at, value in zip(times, times[1:], values[1:], strict=False):
        elapsed = at - before
        speed += alpha(options.derivative_cutoff_hz, elapsed) * (
            (value - smoothed) / elapsed - speed
        )
        cutoff = options.min_cutoff_hz + options.beta * abs(speed)
        smoothed += alpha(cutoff, elapsed) * (value - smoothed)
        out.append(smoothed)
    return np.array(out)


@pytest.mark.parametrize("rate_hz", [1, 7, 30])
def test_a_step_has_gone_63_percent_of_its_way_after_the_time_constant_at_any_rate(rate_hz):
    options = SmoothingOptions(time_constant_s=2.0)
    times = np.arange(0, 2.0 + 1e-9, 1 / rate_hz)
    times = np.append(times[times < 2.0 - 1e-9], 2.0)
    values = np.where(times > 0, 1.0, 0.0)
    assert run(options, times, values)[-1] == pytest.approx(1 - math.exp(-1))


def test_irregular_sampling_of_a_constant_value_ends_where_regular_sampling_does():
    options = SmoothingOptions(time_constant_s=1.0)
    irregular = run(options, [0, 0.01, 0.5, 0.51, 1.9, 2.0], [4, 1, 1, 1, 1, 1])
    regular = run(options, [0, 1, 2], [4, 1, 1])
    assert irregular[-1] == pytest.approx(regular[-1])


def test_one_euro_follows_the_published_algorithm():
    options = SmoothingOptions(kind="one-euro")
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.02, 0.9, 200))
    values = rng.normal(2, 1, 200)
    expected = reference_one_euro(options, times, values)
    np.testing.assert_allclose(run(options, times, values), expected, rtol=1e-12)


def test_one_euro_lags_less_behind_a_fast_change_than_its_slow_cutoff_alone():
    times = np.arange(0, 3, 0.1)
    values = np.where(times >= 1, 5.0, 0.0)
    quick = run(SmoothingOptions(kind="one-euro", beta=1.0), times, values)
    slow = run(SmoothingOptions(kind="one-euro", beta=0.0), times, values)
    assert quick[14] > slow[14] + 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_value_passes_as_it_is(kind):
    assert run(SmoothingOptions(kind=kind), [5.0], [1.25]).tolist() == [1.25]


@pytest.mark.parametrize("kind", ["exponential", "one-euro"])
def test_nan_says_nothing_and_the_next_value_is_weighed_by_all_the_time_since(kind):
    options = SmoothingOptions(kind=kind)
    with_gap = run(options, [0, 1, 2, 3], [0, np.nan, np.nan, 1])
    assert with_gap[1] == with_gap[2] == 0
    assert with_gap[3] == pytest.approx(run(options, [0, 3], [0, 1])[1])


@pytest.mark.parametrize("kind", ["exponential", "one-euro"])
def test_each_head_is_smoothed_by_itself(kind):
    smoothing = make_smoothing(SmoothingOptions(kind=kind))
    smoothing.update(np.array([0.0, np.nan, 5.0]), 0)
    first = smoothing.update(np.array([1.0, 2.0, np.nan]), 1)
    assert 0 < first[0] < 1
    assert first[1:].tolist() == [2, 5]
    second = smoothing.update(np.array([np.nan, 4.0, 6.0]), 2)
    assert second[0] == first[0]
    assert 2 < second[1] < 4
    assert 5 < second[2] < 6


@pytest.mark.parametrize("kind", ["exponential", "one-euro"])
@pytest.mark.parametrize("at", [1.0, 0.5])
def test_time_that_stands_still_or_goes_back_changes_nothing_and_breaks_nothing(kind, at):
    smoothing = make_smoothing(SmoothingOptions(kind=kind))
    smoothing.update(np.array([1.0]), 1.0)
    assert smoothing.update(np.array([100.0]), at)[0] == 1.0
    assert np.isfinite(smoothing.update(np.array([2.0]), 2.0)).all()


def test_what_it_returns_belongs_to_the_caller():
    smoothing = make_smoothing(SmoothingOptions())
    smoothing.update(np.array([1.0]), 0)[:] = 99
    assert smoothing.update(np.array([1.0]), 1)[0] == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "kalman"},
        {"time_constant_s": 0},
        {"time_constant_s": math.nan},
        {"min_cutoff_hz": -1},
        {"beta": -0.1},
        {"derivative_cutoff_hz": math.inf},
    ],
)
def test_an_impossible_setting_is_refused(wrong):
    with pytest.raises(InputError, match="kalman" if "kind" in wrong else next(iter(wrong))):
        SmoothingOptions(**wrong)
