"""Speech is found where it is, in time, and nowhere else; however the stream is cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

import emonet_edge as ee
from emonet_edge.exceptions import AudioError, InputError
from emonet_edge.stream import SpeechOptions, SpeechSegmenter, segment_speech
from emonet_edge.stream.voices.speech import _Gate
from sounds import (
    NOISE,
    RATE,
    SPEECH,
    WEATHER,
    ZH_SHORT,
    chords,
    clip,
    drums,
    hiss,
    in_blocks,
    scene,
    tone,
    trimmed,
)

MUSIC = {
    "chords": chords(),
    "drums": drums(),
    "a band": chords() + drums(),
    "a tone": tone(440, 12),
    "a high tone": tone(3000, 12),
    "a siren": np.concatenate([tone(hz, 0.25) for hz in (600, 900)] * 20),
    "hiss": hiss(12, -30),
    "silence": np.zeros(12 * RATE, np.float32),
    "clicks": np.tile(np.append(np.float32(0.9), np.zeros(7999, np.float32)), 24),
    "hum of the mains": tone(50, 12) + tone(150, 12) * np.float32(0.3),
}
LECTURE = "speechbrain-example1.wav"
JOINED = ("azure-en-voice_talent.wav", "mlx-ls_test.flac", LECTURE, ZH_SHORT)


@pytest.fixture
def two(shared_data):
    """Two utterances with 1.5 s of silence between them, and where they lie."""
    first, second = (trimmed(clip(shared_data, name)) for name in (WEATHER, LECTURE))
    return scene(1.0, first, 1.5, second, 1.2)


# Where speech is


@pytest.mark.parametrize("name", SPEECH)
def test_speech_is_found_in_every_clip_of_speech(name, shared_data):
    segments = segment_speech(*ee.media.load_audio(shared_data / "audio" / name))
    waveform = clip(shared_data, name)
    assert sum(end - start for start, end in segments) > 0.3 * len(waveform) / RATE
    for (_, end), (start, _) in pairwise(segments):
        assert start - end >= SpeechOptions().min_silence_s
    assert segments[0][0] >= 0
    assert segments[-1][1] <= len(waveform) / RATE


@pytest.mark.parametrize("name", [NOISE, "librosa-test_audio.ogg"])
def test_no_speech_is_found_in_recorded_noise_and_music(name, shared_data):
    assert segment_speech(clip(shared_data, name), RATE) == []


@pytest.mark.parametrize("db", [0, -20, -40])
@pytest.mark.parametrize("name", MUSIC)
def test_no_speech_is_found_in_music_tones_and_machines(name, db):
    assert segment_speech(MUSIC[name] * np.float32(10 ** (db / 20)), RATE) == []


@pytest.mark.parametrize("first", JOINED)
@pytest.mark.parametrize("second", JOINED)
def test_two_utterances_are_found_where_they_are(first, second, shared_data):
    # No pause inside these clips is as long as the hangover.
    clips = [trimmed(clip(shared_data, name)) for name in (first, second)]
    sound, places = scene(1.0, clips[0], 1.5, clips[1], 1.0)
    segments = segment_speech(sound, RATE)
    assert len(segments) == 2
    np.testing.assert_allclose(segments, places, atol=0.2)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_every_sample_rate_gives_the_same_times(rate, channels, two):
    sound, places = two
    recorded = soxr.resample(sound, RATE, rate).astype(np.float32)
    if channels == 2:
        recorded = np.stack([recorded, 0.5 * recorded], axis=1)
    np.testing.assert_allclose(segment_speech(recorded, rate), places, atol=0.2)


@pytest.mark.parametrize("db", [-20, 0, 20])
def test_quiet_and_loud_speech_are_both_found(db, two):
    sound, places = two
    found = segment_speech(sound * np.float32(10 ** (db / 20)), RATE)
    np.testing.assert_allclose(found, places, atol=0.2)


def test_speech_after_minutes_of_noise_is_found_in_time(shared_data):
    speech = trimmed(clip(shared_data, ZH_SHORT))
    noise = np.resize(clip(shared_data, NOISE), 150 * RATE)
    noise = noise * np.float32(10 ** (-10 / 20) * speech.std() / noise.std())
    at = 125 * RATE
    noise[at : at + len(speech)] += speech
    segments = segment_speech(noise, RATE)
    assert len(segments) == 1
    np.testing.assert_allclose(segments[0], (125, 125 + len(speech) / RATE), atol=0.25)


def test_a_minute_of_talk_without_a_pause_is_one_stretch(shared_data):
    talk = clip(shared_data, "azure-zh-cn_continuous.wav")
    sound, _ = scene(0.5, np.concatenate([trimmed(talk), trimmed(talk)[: 9 * RATE]]), 1.0)
    assert len(sound) > 60 * RATE
    ((start, end),) = segment_speech(sound, RATE)
    assert start == pytest.approx(0.5, abs=0.2)
    assert end == pytest.approx(len(sound) / RATE - 1.0, abs=0.3)


# How the stream is cut


@given(st.lists(st.integers(0, 4000), max_size=60), st.sampled_from([0, 2**31 - RATE, 2**40 + 1]))
@settings(deadline=None, max_examples=40)
def test_the_cut_into_blocks_changes_nothing(cuts, first_sample):
    sound = np.concatenate([hiss(0.3), VOICE, hiss(0.9), VOICE[: RATE // 2], hiss(0.5)])
    whole = SpeechSegmenter()
    expected = whole.feed(sound) + whole.flush()
    segmenter = SpeechSegmenter(first_sample=first_sample)
    found = [
        change
        for block in np.split(sound, np.minimum(np.cumsum(cuts), len(sound)))
        for change in segmenter.feed(block)
    ]
    found += segmenter.flush()
    assert [(c.speaking, c.position - first_sample, c.heard - first_sample) for c in found] == [
        (c.speaking, c.position, c.heard) for c in expected
    ]
    assert [change.speaking for change in expected] == [True, False, True, False]


@pytest.mark.parametrize("size", [1, 511, 512, 513, 7777])
def test_blocks_of_one_size_change_nothing(size, two):
    sound = two[0][: 4 * RATE]
    whole, segmenter = SpeechSegmenter(), SpeechSegmenter()
    expected = whole.feed(sound) + whole.flush()
    found = [c for block in in_blocks(sound, size) for c in segmenter.feed(block)]
    assert found + segmenter.flush() == expected
    assert segmenter.position == len(sound)


def test_a_change_is_told_as_soon_as_it_is_certain(two):
    sound, _ = two
    options = SpeechOptions()
    for change in SpeechSegmenter(options).feed(sound):
        wait = (change.heard - change.position) / RATE
        least = options.min_speech_s if change.speaking else options.min_silence_s
        assert least <= wait < least + (0.3 if change.speaking else 0.04)


def test_flush_ends_what_goes_on_at_the_last_sample(shared_data):
    speech = trimmed(clip(shared_data, WEATHER))[: RATE // 2 + 100]
    segmenter = SpeechSegmenter()
    (began,) = segmenter.feed(speech)
    assert segmenter.speech is not None
    (ended,) = segmenter.flush()
    assert began.speaking
    assert (ended.speaking, ended.position) == (False, len(speech))
    assert segmenter.speech is None
    assert segmenter.flush() == []


def test_after_a_flush_the_next_stretch_begins_anew(two):
    sound, _ = two
    alone, segmenter = SpeechSegmenter(), SpeechSegmenter()
    expected = alone.feed(sound) + alone.flush()
    segmenter.feed(sound[:-100])
    segmenter.flush()
    shift = segmenter.position
    again = segmenter.feed(sound) + segmenter.flush()
    assert [c.position - shift for c in again] == [c.position for c in expected]


def test_a_reset_ends_what_goes_on_and_moves_the_clock(shared_data):
    speech = trimmed(clip(shared_data, WEATHER))
    segmenter = SpeechSegmenter()
    segmenter.feed(speech[:RATE])
    (ended,) = segmenter.reset(2**33)
    assert ended.position == RATE
    (began,) = segmenter.feed(speech[:RATE])
    assert 2**33 <= began.position < 2**33 + 0.2 * RATE


# What counts as speech


def changes(probabilities, **options):
    gate = _Gate(SpeechOptions(**options))
    steps = (gate.step(p, 512 * i, 512 * (i + 1)) for i, p in enumerate(probabilities))
    return [(c.speaking, c.position // 512) for c in steps if c is not None]


def test_speech_goes_on_between_the_two_thresholds():
    soft = [0.6] * 10 + [0.4] * 50 + [0.1] * 40
    assert changes(soft) == [(True, 0), (False, 60)]
    assert changes(soft, release=0.5) == [(True, 0), (False, 10)]
    assert changes([0.4] * 100) == []


def test_a_pause_shorter_than_the_hangover_belongs_to_the_speech():
    spoken = [0.9] * 20 + [0.1] * 18 + [0.9] * 20 + [0.1] * 19
    assert changes(spoken, min_silence_s=19 * 0.032) == [(True, 0), (False, 58)]
    assert changes(spoken, min_silence_s=18 * 0.032) == [
        (True, 0),
        (False, 20),
        (True, 38),
        (False, 58),
    ]


def test_what_is_shorter_than_the_least_speech_is_none():
    assert changes([0.9] * 7 + [0.1] * 40, min_speech_s=8 * 0.032) == []
    assert changes([0.9] * 8 + [0.1] * 40, min_speech_s=8 * 0.032) == [(True, 0), (False, 8)]


def test_two_clicks_are_no_speech_although_there_is_time_between_them():
    assert changes([0.9, *[0.1] * 10, 0.9, *[0.1] * 40]) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 1.0},
        {"threshold": 0.3},
        {"release": 0.0},
        {"release": 0.6},
        {"min_speech_s": -0.1},
        {"min_silence_s": 61},
        {"pre_roll_s": float("nan")},
        {"pre_roll_s": "0.3"},
        {"pre_roll_s": True},
        {"post_roll_s": 0.7},
    ],
)
def test_options_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        SpeechOptions(**wrong)


@pytest.mark.parametrize(
    "samples",
    [
        [0.1],
        np.zeros(512),
        np.zeros((512, 1), np.float32),
        np.zeros(512, np.int16),
        np.array([0.1, np.nan], np.float32),
        np.array([np.inf, -np.inf], np.float32),
    ],
)
def test_samples_that_cannot_be_judged_are_refused_and_nothing_is_taken(samples):
    segmenter = SpeechSegmenter()
    with pytest.raises(AudioError, match="MonoStream"):
        segmenter.feed(samples)
    assert segmenter.position == 0


def test_a_recording_that_cannot_be_resampled_is_refused():
    with pytest.raises(AudioError):
        segment_speech(np.zeros(0, np.float32), RATE)
    with pytest.raises(AudioError):
        segment_speech(np.zeros(100, np.float32), -1)
    assert segment_speech(np.zeros(1, np.float32), RATE) == []


def _voice() -> np.ndarray:
    """A made voice that the detector takes for one, for tests without the shared data."""
    from emonet_edge.synthetic.demo_material import synthesize_voice

    return synthesize_voice(1.5)


VOICE = _voice()
