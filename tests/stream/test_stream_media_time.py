"""The time of a recording, and when its parts are handed over."""

from __future__ import annotations

import pytest

from emonet_edge.exceptions import InputError
from emonet_edge.stream.clock import ManualClock
from emonet_edge.stream.sources.media_time import MediaTimeline, Pacer
from emonet_edge.stream.sources.stop_signal import StopSignal


def times(stamps, origin=None, interval=0.1):
    timeline = MediaTimeline(origin, interval)
    return [timeline.at(stamp) for stamp in stamps]


def test_times_are_the_stamps_from_the_start_on():
    assert times([100.0, 100.1, 100.5]) == pytest.approx([0, 0.1, 0.5])


def test_a_track_may_begin_after_its_recording():
    assert times([5.25, 5.5], origin=5.0) == pytest.approx([0.25, 0.5])


def test_stamps_that_fall_back_or_leap_go_on_by_one_interval():
    assert times([0, 1, 0.5, 0.6, 1e9, 1e9 + 1]) == pytest.approx([0, 1, 1.1, 1.2, 1.3, 2.3])


def test_an_origin_far_from_the_first_stamp_is_no_origin():
    assert times([-1e6, -1e6 + 0.1], origin=0.0) == pytest.approx([0, 0.1])


def test_without_stamps_the_interval_counts():
    assert times([None, None, None]) == pytest.approx([0, 0.1, 0.2])


def test_time_never_goes_back():
    stamps = [0, 0.1, None, 0.15, 0.3, 0.3, 0.29, float(2**40), 7]
    seen = times(stamps)
    assert seen == sorted(seen)


class Waiting:
    def __init__(self, clock):
        self.clock, self.waits, self.stop = clock, [], StopSignal()

    def __call__(self, stop, seconds):
        assert stop is self.stop
        self.waits.append(seconds)
        self.clock.advance_to(self.clock.now() + seconds)
        return False


def test_fast_never_waits_and_keeps_the_recordings_times():
    clock = ManualClock(start=7.0)
    wait = Waiting(clock)
    pacer = Pacer("fast", clock, wait=wait)
    assert [pacer.hand_over(wait.stop, at) for at in (0.0, 1.0, 9.0)] == [0.0, 1.0, 9.0]
    assert wait.waits == []


def test_real_time_begins_with_the_first_item():
    clock = ManualClock(start=7.0)
    wait = Waiting(clock)
    pacer = Pacer("realtime", clock, wait=wait)
    assert [pacer.hand_over(wait.stop, at) for at in (0.5, 1.0)] == [7.0, 7.5]
    assert wait.waits == [0.5]


def test_two_tracks_of_one_recording_share_a_start():
    clock = ManualClock(start=7.0)
    wait = Waiting(clock)
    pacer = Pacer("realtime", clock, starts_at=8.0, wait=wait)
    assert pacer.hand_over(wait.stop, 0.25) == 8.25
    assert wait.waits == [1.25]


def test_sound_is_due_when_its_last_sample_was_heard():
    clock = ManualClock()
    wait = Waiting(clock)
    pacer = Pacer("realtime", clock, starts_at=0.0, wait=wait)
    assert pacer.hand_over(wait.stop, 0.0, 0.5) == 0.0
    assert wait.waits == [0.5]


def test_closing_ends_the_wait():
    stop = StopSignal()
    stop.set()
    pacer = Pacer("realtime", ManualClock(), starts_at=1e9)
    assert pacer.hand_over(stop, 0.0) == 1e9


def test_another_pace_is_refused():
    with pytest.raises(InputError, match="'realtime' or 'fast'"):
        Pacer("slow", ManualClock())
