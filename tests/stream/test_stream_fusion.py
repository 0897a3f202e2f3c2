"""Face and voice side by side."""

from __future__ import annotations

import pytest

from emonet_edge.exceptions import InputError
from emonet_edge.scores import HeadInfo, Scores
from emonet_edge.stream.fusion import Fusion, FusionOptions
from emonet_edge.stream.outcomes import FaceReading, FrameOutcome, UtteranceOutcome

HEADS = [HeadInfo("anger", "emotion")]


def frame(at, track=1, value=2.0, age_ms=0.0, scored=True):
    scores = Scores("face", HEADS, [value]) if scored else None
    reading = FaceReading(
        track, (0, 0, 9, 9), 0.9, scores, scored_age_ms=age_ms, smoothed={"anger": value}
    )
    return FrameOutcome("result", 0, at, 0.0, faces=(reading,))


def utterance(end, value=1.5, scored=True):
    scores = Scores("voice", HEADS, [value]) if scored else None
    return UtteranceOutcome("result", 0, 0, True, end - 1, end, end, 0.0, scores=scores)


def test_each_part_has_its_age_and_its_own_value():
    fusion = Fusion(FusionOptions())
    fusion.add_frame(frame(10.0, value=2.0, age_ms=500))
    fusion.add_utterance(utterance(8.0, value=1.5))
    state = fusion.state(11.0, speaking=True)
    assert state.faces == {1: {"anger": 2.0}}
    assert state.face_ages_s == {1: pytest.approx(1.5)}
    assert state.voice == {"anger": 1.5}
    assert state.voice_age_s == 3.0
    assert state.speaking


def test_the_newest_scores_of_each_face_are_kept():
    fusion = Fusion(FusionOptions())
    for outcome in (frame(1.0, 1, 1.0), frame(1.0, 2, 5.0), frame(2.0, 1, 3.0)):
        fusion.add_frame(outcome)
    state = fusion.state(2.0, speaking=False)
    assert state.faces == {1: {"anger": 3.0}, 2: {"anger": 5.0}}
    assert state.face_ages_s == {1: 0.0, 2: 1.0}


def test_a_face_that_could_not_be_scored_keeps_its_last_scores_and_ages():
    fusion = Fusion(FusionOptions())
    fusion.add_frame(frame(1.0))
    fusion.add_frame(frame(3.0, scored=False))
    assert fusion.state(3.0, speaking=False).face_ages_s == {1: 2.0}


def test_what_is_too_old_is_forgotten():
    fusion = Fusion(FusionOptions(face_max_age_s=5, voice_max_age_s=60))
    fusion.add_frame(frame(0.0))
    fusion.add_utterance(utterance(0.0))
    state = fusion.state(6.0, speaking=False)
    assert state.faces == {}
    assert state.voice_age_s == 6.0
    state = fusion.state(61.0, speaking=False)
    assert (state.voice, state.voice_age_s) == ({}, None)


def test_an_utterance_without_scores_leaves_the_voice_as_it_was():
    fusion = Fusion(FusionOptions())
    fusion.add_utterance(utterance(1.0))
    fusion.add_utterance(utterance(2.0, scored=False))
    assert fusion.state(2.0, speaking=False).voice_age_s == 1.0


def test_nothing_heard_and_nobody_seen_is_a_state_too():
    state = Fusion(FusionOptions()).state(5.0, speaking=False)
    assert (state.faces, state.voice, state.voice_age_s) == ({}, {}, None)


def test_a_state_is_due_every_second_and_a_pause_is_followed_by_one():
    fusion = Fusion(FusionOptions(every_s=1.0))
    due = [at / 10 for at in range(50) if fusion.due(at / 10)]
    assert due == [1.0, 2.0, 3.0, 4.0]
    assert [fusion.due(at) for at in (100.0, 100.1, 100.2)] == [True, True, False]


def test_an_interval_of_zero_gives_none():
    fusion = Fusion(FusionOptions(every_s=0))
    assert not any(fusion.due(at) for at in range(10))


@pytest.mark.parametrize("name", ["every_s", "face_max_age_s", "voice_max_age_s"])
def test_an_impossible_setting_is_refused(name):
    with pytest.raises(InputError, match=name):
        FusionOptions(**{name: -1.0})
