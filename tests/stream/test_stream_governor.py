"""The governor, on simulated machines: what a face takes is given, latency follows."""

from __future__ import annotations

from itertools import pairwise

import pytest

from emonet_edge.exceptions import InputError
from emonet_edge.stream.governor import Governor, GovernorOptions


class Machine:
    """One face lane on a machine where a face takes `face_ms` and a frame waits for `other_ms`.

    A frame starts when the last one has ended and the rate allows it.
    """

    def __init__(self, governor):
        self.governor = governor
        self.at = 0.0
        self.notices = []

    def run(self, seconds, faces, face_ms, other_ms=lambda rate_hz: 0.0):
        latencies = []
        end = self.at + seconds
        while self.at < end:
            scored = min(faces, self.governor.max_faces)
            latency = scored * face_ms + other_ms(self.governor.rate_hz)
            self.at += max(latency / 1e3, 1 / self.governor.rate_hz)
            notice = self.governor.observe_face(self.at, latency, face_ms, scored)
            self.notices += [notice] if notice else []
            latencies.append(latency)
        return latencies


def machine(**options):
    return Machine(Governor(GovernorOptions(**options), rate_hz=10.0, max_faces=4))


def test_it_does_nothing_while_results_are_early():
    fast = machine()
    fast.run(600, faces=4, face_ms=50)
    assert fast.notices == []
    assert (fast.governor.rate_hz, fast.governor.max_faces) == (10.0, 4)


def test_it_scores_fewer_faces_until_the_target_is_met():
    slow = machine()
    latencies = slow.run(60, faces=4, face_ms=800)
    assert slow.governor.max_faces == 2
    assert slow.governor.rate_hz == 10.0
    assert max(latencies[-10:]) <= 2000
    assert all(notice.topic == "governor" for notice in slow.notices)
    assert "at most 3 faces a frame" in slow.notices[0].text
    assert slow.notices[-1].details["max_faces"] == 2


def test_a_budget_far_above_the_people_there_are_is_cut_to_what_helps_at_once():
    slow = Machine(Governor(GovernorOptions(), rate_hz=10.0, max_faces=16))
    slow.run(12, faces=3, face_ms=800)
    assert slow.governor.max_faces == 2
    assert len(slow.notices) == 1


def test_it_lowers_the_rate_where_one_face_waits_for_others():
    busy = machine()
    latencies = busy.run(120, faces=1, face_ms=800, other_ms=lambda rate_hz: 1500 * rate_hz)
    assert busy.governor.rate_hz < 0.8
    assert max(latencies[-10:]) <= 2000
    assert "frames a second" in busy.notices[0].text


def test_the_first_lower_rate_is_below_the_rate_that_there_really_was():
    busy = machine(min_rate_hz=0.1)
    busy.run(9, faces=1, face_ms=800, other_ms=lambda rate_hz: 1700.0)
    assert busy.governor.rate_hz < 1 / 2.5


def test_it_says_once_that_a_target_cannot_be_kept():
    hopeless = machine(latency_target_ms=500)
    hopeless.run(600, faces=1, face_ms=800)
    assert len(hopeless.notices) == 1
    assert "cannot be kept" in hopeless.notices[0].text
    assert hopeless.governor.rate_hz == 10.0  # a lower rate would not have helped


def test_the_rate_never_goes_below_its_floor():
    hopeless = machine(min_rate_hz=0.5)
    hopeless.run(600, faces=1, face_ms=100, other_ms=lambda rate_hz: 3000.0)
    assert hopeless.governor.rate_hz >= 0.33
    assert "cannot be kept" in hopeless.notices[-1].text


def test_it_asks_for_more_again_once_the_machine_has_time():
    recovering = machine()
    recovering.run(60, faces=4, face_ms=800)
    recovering.run(120, faces=4, face_ms=100)
    assert recovering.governor.max_faces == 4
    assert "again" in recovering.notices[-1].text


def test_a_face_that_would_surely_be_too_much_is_not_tried():
    slow = machine()
    slow.run(3600, faces=4, face_ms=690)  # two take 1380 ms, early; three would take 2070 ms
    assert slow.governor.max_faces == 2
    assert len(slow.notices) == 2


def test_it_waits_longer_each_time_that_more_was_too_much():
    def others(rate_hz):  # early below 0.7 frames a second, late above
        return 300.0 if rate_hz < 0.7 else 2500.0

    swinging = machine()
    swinging.run(3600, faces=1, face_ms=800, other_ms=others)
    raises = [notice.at for notice in swinging.notices if "again" in notice.text]
    gaps = [after - before for before, after in pairwise(raises)]
    assert gaps[-1] > 5 * gaps[0]
    assert len(raises) < 40


def test_one_late_result_is_not_enough():
    steady = machine()
    for index in range(100):
        late = 5000 if index % 3 == 0 else 100
        assert steady.governor.observe_face(index, late, 90, 1) is None


def test_a_late_voice_lowers_what_faces_take():
    governor = Governor(GovernorOptions(), rate_hz=10.0, max_faces=1)
    for index in range(10):
        governor.observe_face(index / 2, 900, 800, 1)
    notices = [governor.observe_voice(5 + index, 3000, 700) for index in range(3)]
    assert notices[:2] == [None, None]
    assert "the voice results are 3000 ms old" in notices[2].text
    assert governor.rate_hz == pytest.approx(0.7 * 2)


def test_a_target_of_zero_switches_it_off():
    off = machine(latency_target_ms=0)
    off.run(600, faces=4, face_ms=5000)
    assert off.notices == []


def test_the_same_observations_give_the_same_decisions():
    runs = [machine() for _ in range(2)]
    for same in runs:
        same.run(600, faces=4, face_ms=900)
    assert runs[0].notices == runs[1].notices


@pytest.mark.parametrize(
    "wrong",
    [
        {"latency_target_ms": -1},
        {"patience": 0},
        {"raise_after_s": 0},
        {"min_rate_hz": 0},
        {"headroom": 1},
        {"step": 1.5},
    ],
)
def test_an_impossible_setting_is_refused(wrong):
    with pytest.raises(InputError):
        GovernorOptions(**wrong)
