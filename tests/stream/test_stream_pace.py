"""A rate that holds on average."""

from __future__ import annotations

import numpy as np
import pytest

from emonet_edge.exceptions import InputError
from emonet_edge.stream.faces.pace import Pace


def taken(pace, times):
    moments = []
    for at in times:
        if pace.due(at):
            pace.took(at)
            moments.append(at)
    return moments


@pytest.mark.parametrize("rate_hz", [1, 7, 10, 12, 15, 29])
@pytest.mark.parametrize("jitter_s", [0.0, 0.005])
def test_frames_of_a_camera_are_taken_at_the_rate_on_average(rate_hz, jitter_s):
    rng = np.random.default_rng(0)
    times = np.arange(0, 60, 1 / 30) + rng.uniform(-jitter_s, jitter_s, 1800)
    assert len(taken(Pace(rate_hz), times)) == pytest.approx(60 * rate_hz, rel=0.03)


def test_slower_frames_are_all_taken():
    assert len(taken(Pace(10), np.arange(0, 60, 0.5))) == 120


def test_a_long_pause_is_not_made_up_for():
    pace = Pace(10)
    taken(pace, [0.0])
    assert len(taken(pace, np.arange(60, 61, 1 / 30))) == 10


def test_a_new_rate_holds_from_the_next_time_on():
    pace = Pace(10)
    taken(pace, [0.0])
    pace.rate_hz = 1
    assert len(taken(pace, np.arange(0.05, 10, 0.1))) == pytest.approx(10, abs=1)


@pytest.mark.parametrize("rate_hz", [0, -1, np.nan, np.inf])
def test_an_impossible_rate_is_refused(rate_hz):
    with pytest.raises(InputError, match="above 0 Hz"):
        Pace(rate_hz)
