"""Speech is found where it is, in time, and nowhere else; however the stream is cut."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

import emonet_edge as ee
from emonet_edge.exceptions import AudioError, InputError
from emonet_edge.stream import SpeechOptions, SpeechSegmenter, segment_speech
from emonet_edge.stream.voices.speech import _Gate
from material import larger, material
from sounds import (
    LECTURE,
    NOISE,
    RATE,
    SPEECH,
    VOICES,
    ZH_SHORT,
    chords,
    clip,
    drums,
    hiss,
    in_blocks,
    part,
    scene,
    tone,
    trimmed,
    two_utterances,
    voices,
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
# Where the detector finds it; the levels of the waveforms rise and fall there too.
SPOKEN = {
    "german": [(7.52, 11.84)],
    "arabic": [(0.70, 1.25), (3.81, 4.32), (11.78, 12.19), (15.07, 17.50)],
}
JOINED = [
    f"audio/{name}" for name in ("azure-en-voice_talent.wav", "mlx-ls_test.flac", LECTURE, ZH_SHORT)
]


@pytest.fixture(params=VOICES)
def said(request):
    return voices(request.param)


@pytest.fixture
def two(said):
    return two_utterances(said)


# Where speech is


@pytest.mark.parametrize("name", SPOKEN)
def test_speech_is_found_where_it_is_in_a_clip(name):
    segments = segment_speech(*ee.media.load_audio(material(name)))
    np.testing.assert_allclose(segments, SPOKEN[name], atol=0.1)


@pytest.mark.parametrize("path", larger("clips", [f"audio/{name}" for name in SPEECH]))
def test_speech_is_found_in_every_clip_of_speech(path):
    segments = segment_speech(*ee.media.load_audio(path))
    waveform = clip(path)
    assert sum(end - start for start, end in segments) > 0.3 * len(waveform) / RATE
    for (_, end), (start, _) in pairwise(segments):
        assert start - end >= SpeechOptions().min_silence_s
    assert segments[0][0] >= 0
    assert segments[-1][1] <= len(waveform) / RATE


@pytest.mark.parametrize(
    "path", larger("clips", [f"audio/{name}" for name in (NOISE, "librosa-test_audio.ogg")])
)
def test_no_speech_is_found_in_recorded_noise_and_music(path):
    assert segment_speech(clip(path), RATE) == []


@pytest.mark.parametrize("db", [0, 20, 30])
@pytest.mark.parametrize(
    ("name", "start", "end"), [("german", 0, 7), ("german", 12.5, 16.9), ("arabic", 4.5, 7.5)]
)
def test_no_speech_is_found_in_a_room_where_nobody_speaks(name, start, end, db):
    assert segment_speech(part(name, start, end) * np.float32(10 ** (db / 20)), RATE) == []


@pytest.mark.parametrize("db", [0, -20, -40])
@pytest.mark.parametrize("name", MUSIC)
def test_no_speech_is_found_in_music_tones_and_machines(name, db):
    assert segment_speech(MUSIC[name] * np.float32(10 ** (db / 20)), RATE) == []


def check_two(first, second):
    sound, places = scene(1.0, first, 1.5, second, 1.0)
    segments = segment_speech(sound, RATE)
    assert len(segments) == 2
    np.testing.assert_allclose(segments, places, atol=0.2)


@pytest.mark.parametrize("first", ["first", "second", "short"])
@pytest.mark.parametrize("second", ["first", "second", "short"])
def test_two_utterances_are_found_where_they_are(first, second, said):
    check_two(getattr(said, first), getattr(said, second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(*one.values, *other.values, id=f"{one.id}-{other.id}", marks=one.marks)
        for one, other in product(larger("clips", JOINED), repeat=2)
    ],
)
def test_two_clips_are_found_where_they_are(first, second):
    # No pause inside these clips is as long as the hangover.
    check_two(trimmed(clip(first)), trimmed(clip(second)))


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


def test_speech_after_minutes_of_noise_is_found_in_time(said):
    speech = said.short
    noise = np.resize(said.noise, 150 * RATE)
    noise = noise * np.float32(10 ** (-10 / 20) * speech.std() / noise.std())
    at = 125 * RATE
    noise[at : at + len(speech)] += speech
    segments = segment_speech(noise, RATE)
    assert len(segments) == 1
    np.testing.assert_allclose(segments[0], (125, 125 + len(speech) / RATE), atol=0.25)


def test_a_minute_of_talk_without_a_pause_is_one_stretch(said):
    sound, _ = scene(0.5, said.talk, 1.0)
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


def test_flush_ends_what_goes_on_at_the_last_sample(said):
    speech = said.first[: RATE // 2 + 100]
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


def test_a_reset_ends_what_goes_on_and_moves_the_clock(said):
    speech = said.first
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
    """A made voice that the detector takes for one, for tests that cut it again and again."""
    from emonet_edge.synthetic.demo_material import synthesize_voice

    return synthesize_voice(1.5)


VOICE = _voice()
