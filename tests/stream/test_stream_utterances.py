"""Utterances: one final each, updates at a hop, windows of at most 30 s, clocks that never wrap."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonet_edge.exceptions import AudioError, InputError
from emonet_edge.stream import SpeechOptions, UtteranceOptions, Utterances
from emonet_edge.synthetic.demo_material import synthesize_voice
from sounds import RATE, VOICES, hiss, in_blocks, scene, two_utterances, voices

AFTER_37_HOURS = 37 * 3600 * RATE


def jobs_of(sound, options=None, first_sample=0, size=1600):
    utterances = Utterances(options, first_sample)
    jobs = [job for block in in_blocks(sound, size) for job in utterances.feed(block)]
    return jobs + utterances.flush()


def facts(jobs, first_sample=0):
    """What a job says, with times as whole samples after `first_sample`."""
    return [
        (
            job.seq,
            job.update,
            job.final,
            round(job.start * RATE) - first_sample,
            round(job.end * RATE) - first_sample,
            job.waveform.tobytes(),
        )
        for job in jobs
    ]


@pytest.fixture(params=VOICES)
def said(request):
    return voices(request.param)


@pytest.fixture
def two(said):
    return two_utterances(said)


@pytest.fixture
def talk(said):
    """A minute of speech without a pause as long as the hangover."""
    return scene(0.5, said.talk, 1.0)[0]


def test_two_utterances_with_silence_between_them_give_two_results(two):
    sound, places = two
    finals = [job for job in jobs_of(sound) if job.final]
    assert [job.seq for job in finals] == [0, 1]
    np.testing.assert_allclose([(job.start, job.end) for job in finals], places, atol=0.2)


def test_the_waveform_is_the_speech_with_its_pre_roll_and_post_roll(two):
    sound, _ = two
    speech = SpeechOptions(pre_roll_s=0.5, post_roll_s=0.25)
    for job in jobs_of(sound, UtteranceOptions(speech, hop_s=None)):
        first = round((job.start - 0.5) * RATE)
        stop = round((job.end + 0.25) * RATE)
        np.testing.assert_array_equal(job.waveform, sound[first:stop])
        assert job.waveform.dtype == np.float32


def test_the_pre_roll_ends_at_the_beginning_of_the_stream(said):
    speech = said.first
    (job,) = jobs_of(np.append(speech, hiss(1.0)), UtteranceOptions(hop_s=None))
    assert 0 <= job.start < 0.1
    np.testing.assert_array_equal(job.waveform[: len(speech)], speech)


def test_the_pre_roll_does_not_reach_into_the_utterance_before(two):
    sound, _ = two
    jobs = jobs_of(sound, UtteranceOptions(SpeechOptions(pre_roll_s=5.0), hop_s=None))
    first, second = jobs
    assert len(second.waveform) == round((second.end + 0.2 - first.end) * RATE)


def test_a_short_utterance_is_one_final_result(two):
    sound, _ = two
    jobs = jobs_of(sound, UtteranceOptions(hop_s=None))
    assert [(job.seq, job.update, job.final) for job in jobs] == [(0, 0, True), (1, 0, True)]


def test_updates_come_at_the_hop_and_one_final_result_ends_them(two):
    sound, (_, (start, end)) = two
    jobs = [job for job in jobs_of(sound, UtteranceOptions(hop_s=1.0)) if job.seq == 1]
    assert [job.update for job in jobs] == list(range(len(jobs)))
    assert [job.final for job in jobs] == [False] * (len(jobs) - 1) + [True]
    assert len({job.start for job in jobs}) == 1
    updates = [job.end - job.start for job in jobs[:-1]]
    assert len(updates) == int(end - start)
    for number, said in enumerate(updates, start=1):
        assert number <= said < number + 0.3


def test_an_update_comes_while_the_person_is_speaking(two):
    sound, _ = two
    utterances, told = Utterances(UtteranceOptions(hop_s=1.0)), []
    for number, block in enumerate(in_blocks(sound, 320), start=1):
        for job in utterances.feed(block):
            told.append(number * 320 / RATE - job.end)
            assert utterances.speaking is not job.final
            assert 0 <= told[-1] < (0.7 if job.final else 0.06)
    assert len(told) >= 4


def test_a_pause_brings_no_update(said):
    speech = said.first
    options = UtteranceOptions(SpeechOptions(min_silence_s=5.0), hop_s=0.5)
    sound = np.concatenate([speech, hiss(4.0)])
    jobs = jobs_of(sound, options)
    assert jobs[-1].final
    assert all(job.end < len(speech) / RATE + 0.2 for job in jobs)


def test_the_window_slides_along_a_long_utterance(talk):
    jobs = jobs_of(talk, UtteranceOptions(hop_s=5.0))
    assert {job.seq for job in jobs} == {0}
    assert [job.final for job in jobs] == [False] * (len(jobs) - 1) + [True]
    assert len(jobs) in (12, 13)
    for before, job in pairwise(jobs):
        assert before.end < job.end
        assert before.start <= job.start
    for job in jobs:
        assert len(job.waveform) <= 30 * RATE
        stop = round(job.end * RATE) + (round(0.2 * RATE) if job.final else 0)
        np.testing.assert_array_equal(job.waveform, talk[stop - len(job.waveform) : stop])
    long = [job for job in jobs if job.end > 31]
    assert len(long) > 5
    for job in long:
        assert len(job.waveform) == 30 * RATE
        assert job.end - job.start == pytest.approx(29.8 if job.final else 30.0)


def test_a_smaller_window_is_kept_to(talk):
    jobs = jobs_of(talk, UtteranceOptions(window_s=4.0, hop_s=2.0))
    assert max(len(job.waveform) for job in jobs) == 4 * RATE
    assert sum(job.final for job in jobs) == 1


# How the stream is cut, and its clock


@given(st.lists(st.integers(0, 5000), max_size=40))
@settings(deadline=None, max_examples=25)
def test_the_cut_into_blocks_changes_nothing(cuts):
    voice = synthesize_voice(2.0)
    sound = np.concatenate([hiss(0.5), voice, hiss(0.8), voice[:RATE], hiss(0.2)])
    options = UtteranceOptions(hop_s=0.5)
    utterances = Utterances(options)
    blocks = np.split(sound, np.minimum(np.cumsum(cuts), len(sound)))
    jobs = [job for block in blocks for job in utterances.feed(block)] + utterances.flush()
    assert facts(jobs) == facts(jobs_of(sound, options, size=len(sound)))
    assert sum(job.final for job in jobs) == 2


def test_a_minute_in_one_block_gives_what_small_blocks_give(talk):
    assert facts(jobs_of(talk, size=len(talk))) == facts(jobs_of(talk, size=441))


@pytest.mark.parametrize("first_sample", [2**31 - RATE, 2**32 - RATE, AFTER_37_HOURS, 2**48])
def test_no_count_of_samples_is_too_large(first_sample, two):
    sound, places = two
    jobs = jobs_of(sound, first_sample=first_sample)
    assert facts(jobs, first_sample) == facts(jobs_of(sound))
    begun = first_sample / RATE
    times = [(job.start - begun, job.end - begun) for job in jobs if job.final]
    np.testing.assert_allclose(times, places, atol=0.2)


def test_memory_does_not_grow_with_the_stream(talk):
    utterances = Utterances(UtteranceOptions(hop_s=None))
    for block in in_blocks(talk, 1600):
        utterances.feed(block)
    utterances.flush()
    tracemalloc.start()
    try:
        for _ in range(3):
            for block in in_blocks(talk, 1600):
                utterances.feed(block)
        grown, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 50_000
    assert peak < 2_500_000  # the 30 s of one job


# Ends and gaps


def test_flush_finishes_what_is_being_said_and_only_once(said):
    speech = said.first[:RATE]
    utterances = Utterances()
    assert utterances.feed(speech) == []
    assert utterances.speaking
    (job,) = utterances.flush()
    assert (job.seq, job.update, job.final, job.end) == (0, 0, True, 1.0)
    np.testing.assert_array_equal(job.waveform, speech)
    assert not utterances.speaking
    assert utterances.flush() == []


def test_flush_in_silence_gives_nothing():
    utterances = Utterances()
    assert utterances.feed(hiss(1.0)) == []
    assert utterances.flush() == []
    assert Utterances().flush() == []


def test_a_cough_leaves_no_result(said):
    cough = said.first[: round(0.15 * RATE)]
    sound, _ = scene(1.0, cough, 2.0)
    assert jobs_of(sound) == []


def test_a_gap_ends_the_utterance_and_times_stay_right(two):
    sound, places = two
    cut = round((places[1][0] + 1.0) * RATE)  # a second into the second utterance
    lost = 2 * RATE
    utterances = Utterances(UtteranceOptions(hop_s=None))
    before = utterances.feed(sound[:cut])
    (interrupted,) = utterances.reset(cut + lost)
    after = utterances.feed(sound[cut:]) + utterances.flush()
    assert [job.seq for job in (*before, interrupted, *after)] == [0, 1, 2]
    assert interrupted.final
    assert interrupted.end == pytest.approx(cut / RATE)
    assert after[0].start == pytest.approx((cut + lost) / RATE, abs=0.2)
    assert after[0].end == pytest.approx(places[1][1] + 2.0, abs=0.2)
    # Nothing from before the gap is heard in what follows it.
    at = round((after[0].start - 0.3) * RATE)
    np.testing.assert_array_equal(
        after[0].waveform, sound[max(at - lost, cut) :][: len(after[0].waveform)]
    )


def test_a_reset_to_the_past_is_refused_and_loses_nothing(said):
    utterances = Utterances()
    utterances.feed(said.first[:RATE])
    with pytest.raises(InputError, match="goes on at sample 16000"):
        utterances.reset(RATE - 1)
    assert utterances.speaking
    assert [job.final for job in utterances.reset(RATE)] == [True]


def test_samples_that_cannot_be_judged_are_refused_and_nothing_is_taken(two):
    sound, _ = two
    utterances = Utterances()
    jobs = utterances.feed(sound[:30_000])
    broken = sound[:4000].copy()
    broken[3999] = np.nan
    with pytest.raises(AudioError, match="finite"):
        utterances.feed(broken)
    with pytest.raises(AudioError, match="float32"):
        utterances.feed(sound.astype(np.float64))
    jobs += utterances.feed(sound[30_000:]) + utterances.flush()
    assert facts(jobs) == facts(jobs_of(sound))


@pytest.mark.parametrize(
    "wrong",
    [
        {"window_s": 0.5},
        {"window_s": 31},
        {"window_s": float("nan")},
        {"window_s": "30"},
        {"hop_s": 0},
        {"hop_s": float("inf")},
        {"hop_s": True},
    ],
)
def test_options_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        UtteranceOptions(**wrong)
