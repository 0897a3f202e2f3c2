"""Events with hysteresis."""

from __future__ import annotations

import numpy as np
import pytest

from emonet_edge.exceptions import InputError, UnknownNameError
from emonet_edge.levels import Levels
from emonet_edge.scores import HeadInfo
from emonet_edge.stream.events import EmotionEvents, EventOptions, default_thresholds

ANGER = HeadInfo("anger", "emotion", neutral_mean=0.5, levels=Levels(0.8, 1.4, "a test"))
FEAR = HeadInfo("fear", "emotion", neutral_mean=0.2)
AGE = HeadInfo("age", "attribute", neutral_mean=1.0, levels=Levels(0.8, 1.4, "a test"))


def told(values, every_s=0.1, hold_s=0.0, thresholds=None):
    events = EmotionEvents("face", [ANGER], thresholds or {"anger": (2.0, 1.0)}, hold_s)
    return [
        (event.change, round(event.at, 3))
        for index, value in enumerate(values)
        for event in events.update(7, np.array([value]), index * every_s)
    ]


def test_it_rises_at_one_threshold_and_falls_below_the_other():
    assert told([0, 1.9, 2.0, 1.5, 1.0, 0.9]) == [("rose", 0.2), ("fell", 0.5)]


def test_a_value_that_trembles_between_the_thresholds_is_one_event():
    assert told([0, 2.1, 1.4, 2.2, 1.1, 2.0, 1.05]) == [("rose", 0.1)]


def test_a_crossing_has_to_last_for_the_hold_time():
    spike = [0, 3, 3, 0, 0, 3, 3, 3, 3, 3]
    assert told(spike, hold_s=0.3) == [("rose", 0.8)]


def test_nan_neither_makes_nor_breaks_an_event():
    assert told([0, 3, np.nan, np.nan, 3], hold_s=0.3) == [("rose", 0.4)]
    assert told([0, 3, np.nan, np.nan]) == [("rose", 0.1)]


def test_an_event_says_who_what_and_how_much():
    events = EmotionEvents("face", [FEAR, ANGER], {"anger": (2.0, 1.0)}, 0.0)
    (event,) = events.update(7, np.array([9.0, 2.5]), 3.0)
    assert event.to_dict() == {
        "type": "event",
        "at": 3.0,
        "modality": "face",
        "subject": 7,
        "emotion": "anger",
        "change": "rose",
        "value": 2.5,
        "threshold": 2.0,
    }


def test_subjects_are_watched_apart_and_a_forgotten_one_starts_anew():
    events = EmotionEvents("voice", [ANGER], {"anger": (2.0, 1.0)}, 0.0)
    high, low = np.array([3.0]), np.array([0.0])
    assert len(events.update(1, high, 0)) == 1
    assert len(events.update(2, high, 0)) == 1
    assert events.update(1, high, 1) == []
    events.forget(1)
    assert events.update(1, low, 2) == []
    assert [event.change for event in events.update(2, low, 2)] == ["fell"]


def test_the_defaults_are_the_levels_of_a_voice_and_the_neutral_mean_of_a_face():
    heads = [ANGER, HeadInfo("awe", "emotion"), AGE]
    assert default_thresholds("voice", heads) == {"anger": (1.4, 0.8)}
    assert default_thresholds("face", heads) == {"anger": (2.0, 1.5)}


def test_a_head_may_be_named_by_an_alias():
    assert told([0, 3], thresholds={"model_anger_best.pth": (2.0, 1.0)}) == [("rose", 0.1)]


def test_a_threshold_for_a_head_that_is_not_there_is_refused():
    with pytest.raises(UnknownNameError, match="has no 'fear'; it has anger"):
        EmotionEvents("face", [ANGER], {"fear": (1.0, 0.5)}, 0.0)


@pytest.mark.parametrize("pair", [(1.0, 2.0), (1.0,), 3.0, ("a", "b"), (np.nan, 0.0)])
def test_thresholds_that_are_none_are_refused(pair):
    with pytest.raises(InputError, match="fall at most rise"):
        EventOptions(face={"anger": pair})
    with pytest.raises(InputError, match="hold_s"):
        EventOptions(hold_s=-1)
