"""The listener: any source to utterances on the stream's clock, through gaps and drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import soxr

from emonet_edge.exceptions import AudioError
from emonet_edge.stream import Listener, UtteranceOptions
from sounds import RATE, VOICES, hiss, two_utterances, voices

FINALS_ONLY = UtteranceOptions(hop_s=None)


@dataclass(frozen=True)
class Block:
    first_sample: int
    captured_at: float
    sample_rate: float
    samples: np.ndarray


def blocks_of(samples, rate=48_000, opened=0.0, size=480, first_sample=0, jitter=0.0, drift=0.0):
    """Blocks as a microphone gives them that was opened at `opened` on the stream's clock.

    `drift`: by what share its crystal is slow; `jitter`: s, how late a block may be stamped.
    """
    random = np.random.default_rng(0)
    for at in range(0, len(samples), size):
        number = first_sample + at
        taken = opened + number / rate * (1 + drift) + jitter * random.random()
        yield Block(number, taken, rate, samples[at : at + size])


def heard(listener, blocks):
    return [job for block in blocks for job in listener.hear(block)]


def times(jobs):
    return [(job.start, job.end) for job in jobs]


@pytest.fixture(params=VOICES)
def two(request):
    return two_utterances(voices(request.param))


def at_rate(sound, rate, channels=1):
    samples = soxr.resample(sound, RATE, rate).astype(np.float32)
    return np.stack([samples] * channels, axis=1) if channels > 1 else samples


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
def test_times_are_on_the_streams_clock(rate, two):
    sound, places = two
    listener = Listener(FINALS_ONLY)
    jobs = heard(listener, blocks_of(at_rate(sound, rate, 2), rate, opened=100.0))
    jobs += listener.flush()
    np.testing.assert_allclose(times(jobs), np.array(places) + 100.0, atol=0.2)
    assert [job.seq for job in jobs] == [0, 1]


def test_sixteen_bit_blocks_are_heard(two):
    sound, places = two
    listener = Listener(FINALS_ONLY)
    samples = (at_rate(sound, 48_000, 2).clip(-1, 1) * 32767).astype(np.int16)
    jobs = heard(listener, blocks_of(samples)) + listener.flush()
    np.testing.assert_allclose(times(jobs), places, atol=0.2)


def test_a_gap_ends_the_utterance_and_times_stay_right(two):
    sound, places = two
    samples = at_rate(sound, 48_000)
    cut, lost = round((places[1][0] + 1.0) * 48_000), 48_000
    listener = Listener(FINALS_ONLY)
    jobs = heard(listener, blocks_of(samples[:cut]))
    jobs += heard(listener, blocks_of(samples[cut + lost :], first_sample=cut + lost))
    jobs += listener.flush()
    assert [(job.seq, job.final) for job in jobs] == [(0, True), (1, True), (2, True)]
    assert jobs[1].end == pytest.approx(cut / 48_000, abs=0.01)
    assert jobs[2].start == pytest.approx((cut + lost) / 48_000, abs=0.2)
    assert jobs[2].end == pytest.approx(places[1][1], abs=0.2)


def test_a_gap_in_silence_moves_nothing(two):
    sound, places = two
    samples = at_rate(sound, 48_000)
    cut, lost = round((places[0][1] + 0.9) * 48_000), 4800
    listener = Listener(FINALS_ONLY)
    jobs = heard(listener, blocks_of(samples[:cut], opened=7.0))
    jobs += heard(listener, blocks_of(samples[cut + lost :], opened=7.0, first_sample=cut + lost))
    jobs += listener.flush()
    np.testing.assert_allclose(times(jobs), np.array(places) + 7.0, atol=0.2)


def test_a_microphone_that_returns_counts_anew_and_times_follow_the_clock(two):
    sound, places = two
    samples = at_rate(sound, 48_000)
    listener = Listener(FINALS_ONLY)
    first = heard(listener, blocks_of(samples, opened=5.0)) + listener.flush()
    again = heard(listener, blocks_of(samples, opened=60.0))
    # Without a flush, and at another rate and number of channels.
    other = heard(listener, blocks_of(at_rate(sound, 44_100, 2), 44_100, opened=70.3))
    other += listener.flush()
    for jobs, opened in ((first, 5.0), (again, 60.0), (other, 70.3)):
        np.testing.assert_allclose(times(jobs), np.array(places) + opened, atol=0.2)
    assert [job.seq for job in (*first, *again, *other)] == list(range(6))


def test_late_stamps_do_not_shake_the_times(two):
    sound, _ = two
    samples = at_rate(sound, 48_000)
    steady, shaken = Listener(FINALS_ONLY), Listener(FINALS_ONLY)
    expected = heard(steady, blocks_of(samples)) + steady.flush()
    jobs = heard(shaken, blocks_of(samples, jitter=0.04)) + shaken.flush()
    np.testing.assert_allclose(times(jobs), times(expected), atol=0.04)


def test_a_slow_crystal_does_not_carry_the_times_away(two):
    sound, places = two
    quiet = hiss(60.0)
    listener = Listener(FINALS_ONLY)
    # An hour's drift in a minute: 1 %. The lag is the drift over ten seconds, 0.1 s.
    samples = np.concatenate([quiet, sound])
    jobs = heard(listener, blocks_of(samples, RATE, drift=0.01, size=320)) + listener.flush()
    expected = (np.array(places) + 60.0) * 1.01
    assert expected[0, 0] - (places[0][0] + 60.0) > 0.6
    np.testing.assert_allclose(times(jobs), expected, atol=0.3)


def test_samples_lost_without_being_counted_are_noticed_in_the_next_pause(two):
    sound, places = two
    samples = at_rate(sound, 48_000)
    cut = round((places[0][1] + 1.2) * 48_000)
    listener = Listener(FINALS_ONLY)
    jobs = heard(listener, blocks_of(samples[:cut]))
    late = [
        Block(b.first_sample, b.captured_at + 3.0, b.sample_rate, b.samples)
        for b in blocks_of(samples[cut:], first_sample=cut)
    ]
    jobs += heard(listener, late) + listener.flush()
    np.testing.assert_allclose(times(jobs), [places[0], np.array(places[1]) + 3.0], atol=0.2)


def test_a_recording_fed_faster_than_time_keeps_its_own_count(two):
    sound, places = two
    listener = Listener(FINALS_ONLY)
    blocks = [Block(b.first_sample, 0.0, RATE, b.samples) for b in blocks_of(sound, RATE)]
    jobs = heard(listener, blocks) + listener.flush()
    np.testing.assert_allclose(times(jobs), places, atol=0.2)


@pytest.mark.parametrize("first_sample", [2**31 - RATE, 2**32 - RATE, 37 * 3600 * RATE])
def test_no_count_of_samples_is_too_large(first_sample, two):
    sound, places = two
    listener = Listener(FINALS_ONLY)
    jobs = heard(listener, blocks_of(sound, RATE, first_sample=first_sample)) + listener.flush()
    np.testing.assert_allclose(times(jobs), np.array(places) + first_sample / RATE, atol=0.2)


def test_values_that_are_not_finite_are_counted_across_reopenings():
    listener = Listener()
    broken = np.full(480, np.nan, np.float32)
    listener.hear(Block(0, 0.0, 48_000, broken))
    assert listener.silenced == 480
    listener.hear(Block(0, 1.0, 44_100, broken))
    listener.flush()
    assert listener.silenced == 960


@pytest.mark.parametrize(
    "block",
    [
        Block(480, 0.01, 48_000, [0.0] * 480),
        Block(480, 0.01, 48_000, np.full(480, 20_000.0, np.float32)),
        Block(480, 0.01, 48_000, np.zeros((480, 0), np.float32)),
        Block(480, 0.01, 48_000, np.float32(0)),
        Block(480, 0.01, 48_000, np.zeros((), np.float32)),
        Block(480, 0.01, 0, np.zeros(480, np.float32)),
        Block(480, 0.01, None, np.zeros(480, np.float32)),
        Block(480, float("nan"), 48_000, np.zeros(480, np.float32)),
    ],
)
def test_a_block_that_is_no_sound_is_refused_and_the_stream_goes_on(block, two):
    sound, places = two
    samples = at_rate(sound, 48_000)
    listener = Listener(FINALS_ONLY)
    first, *others = blocks_of(samples)
    jobs = listener.hear(first)
    with pytest.raises(AudioError):
        listener.hear(block)
    jobs += heard(listener, others[1:]) + listener.flush()
    np.testing.assert_allclose(times(jobs), places, atol=0.2)


def test_a_refused_block_behind_a_gap_costs_no_result(two):
    sound, places = two
    cut = round((places[1][0] + 1.0) * RATE)
    listener = Listener(FINALS_ONLY)
    jobs = heard(listener, blocks_of(sound[:cut], RATE))
    with pytest.raises(AudioError, match="full scale"):
        listener.hear(Block(cut + 4800, 0.0, RATE, np.full(480, 20_000.0, np.float32)))
    assert listener.speaking
    jobs += listener.flush()
    assert [(job.seq, job.final) for job in jobs] == [(0, True), (1, True)]
