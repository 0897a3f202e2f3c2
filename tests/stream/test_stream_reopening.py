"""A source that comes back: its delays, its states, and numbers that go on."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

from emonet_edge.exceptions import DeviceError, InputError, MediaError, MissingExtraError
from emonet_edge.stream.clock import ManualClock
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.sources.reopening import Reopening, ReopenPolicy
from emonet_edge.stream.sources.source import AudioBlock, Source
from stream_media import in_thread


class Scripted(Source):
    """Gives, raises or ends as its script says; `opens` raises if it is an error."""

    def __init__(self, script, opens=None):
        super().__init__("the camera")
        self._script, self._opens = iter(script), opens
        self.released = 0

    def _open(self):
        if self._opens is not None:
            raise self._opens

    def _read(self):
        step = next(self._script, None)
        if isinstance(step, Exception):
            raise step
        return step

    def _release(self):
        self.released += 1


POLICY = ReopenPolicy()


class Bench:
    """A source over scripted ones, a clock that waiting moves, and what was said."""

    def __init__(self, *sources, policy=POLICY):
        self.clock, self.waits, self.notices = ManualClock(), [], []
        self.made = []
        remaining = itertools.chain(sources, itertools.repeat(None))

        def make():
            source = next(remaining)
            if source is None:
                source = Scripted([], DeviceError("unplugged"))
                if len(self.waits) >= 60:
                    self.source._stop.set()
            self.made.append(source)
            return source

        self.source = Reopening(make, policy, self.clock, self.notices.append, self.wait)

    def wait(self, stop, seconds):
        self.waits.append(seconds)
        self.clock.advance_to(self.clock.now() + seconds)
        return stop.is_set()

    @property
    def states(self):
        return [notice.details["state"] for notice in self.notices]


def frame(seq, at=0.0):
    return Frame(seq, at, 2, 2, "rgb", lambda: np.zeros((2, 2, 3), np.uint8))


def block(first, at, count=100, rate=1000):
    return AudioBlock(first, at, rate, np.zeros(count, np.float32))


def test_the_delays_grow_to_a_bound_and_stay_there():
    policy = ReopenPolicy()
    delays = [policy.delay(failures) for failures in range(1, 9)]
    assert delays == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.5, 1.5, 1.5, 1.5])
    assert policy.delay(10**6) == 1.5


@pytest.mark.parametrize(
    "wrong", [{"first_delay": -1}, {"first_delay": 2, "longest_delay": 1}, {"factor": 0.5}]
)
def test_delays_that_do_not_grow_are_refused(wrong):
    with pytest.raises(InputError):
        ReopenPolicy(**wrong)


def test_a_device_that_is_absent_for_an_hour_is_one_notice_and_waits_within_the_bound():
    bench = Bench()
    assert bench.source.read() is None  # the bench closes it after 60 waits
    assert bench.waits[:5] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.5])
    assert max(bench.waits) == 1.5
    assert bench.states == ["lost"]
    assert bench.source.reason == "unplugged"


@pytest.mark.parametrize("loss", [DeviceError("pulled"), MediaError("torn"), None])
def test_a_loss_closes_the_source_and_opens_another(loss):
    bench = Bench(Scripted([frame(0), frame(1), loss]), Scripted([frame(0)]))
    assert [bench.source.read().seq for _ in range(3)] == [0, 1, 2]
    assert bench.made[0].closed
    assert bench.made[0].released
    assert bench.states == ["running", "lost", "running"]
    assert bench.source.state == "running"
    assert bench.waits == pytest.approx([0.1])


def test_notices_say_when_what_and_why():
    bench = Bench(Scripted([frame(0), DeviceError("pulled")]), Scripted([frame(0)]))
    for _ in range(2):
        bench.source.read()
    lost = bench.notices[1].to_dict()
    assert lost["type"] == "notice"
    assert (lost["at"], lost["topic"]) == (0.0, "source")
    assert lost["text"] == "the camera: lost (pulled)"
    assert lost["details"] == {"source": "the camera", "state": "lost", "reason": "pulled"}
    assert bench.notices[2].at == pytest.approx(0.1)


def test_a_loose_contact_is_tried_less_and_less_often():
    flickering = [Scripted([frame(0), DeviceError("loose")]) for _ in range(6)]
    bench = Bench(*flickering, Scripted([frame(0)]))
    for _ in range(7):
        bench.source.read()
    assert bench.waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.5, 1.5])


def test_after_a_stable_run_the_delays_begin_anew():
    bench = Bench(
        *[Scripted([frame(0), DeviceError("loose")]) for _ in range(3)],
        Scripted([frame(0), frame(1), DeviceError("loose")]),
        Scripted([frame(0)]),
    )
    for _ in range(4):
        bench.source.read()
    bench.clock.advance_to(bench.clock.now() + 6)
    for _ in range(2):
        bench.source.read()
    assert bench.waits == pytest.approx([0.1, 0.2, 0.4, 0.1])


def test_the_time_of_a_loss_is_a_gap_in_the_sound():
    bench = Bench(
        Scripted([block(0, 1.0), block(100, 1.1), DeviceError("pulled")]),
        Scripted([block(0, 3.2), block(100, 3.3)]),
    )
    numbers = [bench.source.read().first_sample for _ in range(4)]
    assert numbers == [0, 100, 2200, 2300]  # 1.2 s to 3.2 s were not heard


def test_the_gap_counts_at_the_rate_of_what_follows():
    bench = Bench(
        Scripted([block(0, 0.0, count=1000, rate=1000), DeviceError("pulled")]),
        Scripted([block(0, 3.0, rate=48_000)]),
    )
    bench.source.read()
    assert bench.source.read().first_sample == 3 * 48_000


@pytest.mark.parametrize("start", [2**31 - 150, 2**32 - 150])
def test_sample_numbers_pass_32_bits(start):
    bench = Bench(
        Scripted([block(start, 0.0), DeviceError("pulled")]),
        Scripted([block(0, 0.1), block(100, 0.2)]),
    )
    blocks = [bench.source.read() for _ in range(3)]
    assert [each.first_sample for each in blocks] == [start, start + 100, start + 200]


def test_a_recording_ends_with_its_end_and_is_not_opened_again():
    bench = Bench(Scripted([frame(0)]), policy=None)
    assert bench.source.read().seq == 0
    assert bench.source.read() is None
    assert bench.source.read() is None
    assert bench.states == ["running", "ended"]
    assert len(bench.made) == 1


def test_the_error_of_a_recording_is_raised():
    bench = Bench(Scripted([frame(0), MediaError("torn")]), policy=None)
    bench.source.read()
    with pytest.raises(MediaError, match="torn"):
        bench.source.read()
    assert bench.states == ["running", "ended"]


def test_what_trying_again_cannot_mend_is_raised():
    bench = Bench(Scripted([], MissingExtraError("no PyAV")))
    with pytest.raises(MissingExtraError):
        bench.source.read()
    assert bench.waits == []


def test_closing_wakes_a_reader_between_two_attempts():
    policy = ReopenPolicy(first_delay=60, longest_delay=60)
    lost = threading.Event()
    source = Reopening(
        lambda: Scripted([], DeviceError("absent")), policy, ManualClock(), lambda _: lost.set()
    )
    reading = in_thread(source.read)
    assert lost.wait(5)
    source.close()
    reading.join(5)
    assert not reading.is_alive()
    assert source.state == "ended"


def test_closing_while_the_source_is_made_closes_that_as_well():
    making, go_on, made = threading.Event(), threading.Event(), []

    def make():
        made.append(Scripted([DeviceError("lost")] if not made else [frame(0)]))
        if len(made) > 1:
            making.set()
            go_on.wait(5)
        return made[-1]

    source = Reopening(make, ReopenPolicy(), ManualClock(), wait=lambda stop, seconds: False)
    read = []
    reading = in_thread(lambda: read.append(source.read()))
    assert making.wait(5)
    source.close()
    go_on.set()
    reading.join(5)
    assert read == [None]
    assert made[1].closed
    assert source.state == "ended"


def test_a_reader_and_a_closer_at_any_moment_leave_nothing_open():
    for turn in range(200):
        inner = Scripted([frame(index) for index in range(20)])
        source = Reopening(lambda inner=inner: inner, None, ManualClock())
        reading = in_thread(lambda source=source: list(iter(source.read, None)))
        for _ in range(turn % 7):
            pass
        source.close()
        reading.join(5)
        assert not reading.is_alive()
        assert inner.released
        assert source.state == "ended"
