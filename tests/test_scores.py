"""Scores: access, calibration, ranking, levels, and what leaves as JSON."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from emonet_edge.exceptions import InputError, UnknownNameError
from emonet_edge.levels import Levels
from emonet_edge.scores import SYNTHETIC_NOTICE, HeadInfo, Scores

LEVELS = Levels(slight=0.5, strong=1.25, source="measured: test")
VOICE_HEADS = (
    HeadInfo("anger", "emotion", None, 0.25, 0.5, LEVELS),
    HeadInfo("age", "attribute"),
    HeadInfo("jealousy_and_envy", "emotion"),
    HeadInfo("sadness", "emotion", None, 0.5, 0.25, LEVELS),
)
FACE_HEADS = (
    HeadInfo("anger", "emotion", 0.5),
    HeadInfo("valence", "dimension", -0.5),
    HeadInfo("fear", "emotion"),
)


def _voice(values: list[float] | None = None, **rest: object) -> Scores:
    values = [1.0, 40.0, 2.0, 0.25] if values is None else values
    return Scores("voice", VOICE_HEADS, values, suite="voice-small", **rest)  # type: ignore[arg-type]


def _face() -> Scores:
    return Scores("face", FACE_HEADS, [3.0, 2.5, 1.0], suite="face-small")


def test_values_and_raw_are_one_read_only_float32_vector() -> None:
    scores = _voice()
    assert scores.values is scores.raw
    assert scores.values.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        scores.values[0] = 7
    with pytest.raises(ValueError, match="read-only"):
        scores.calibrated[0] = 7


def test_the_callers_array_is_copied() -> None:
    array = np.ones(4, dtype=np.float32)
    scores = Scores("voice", VOICE_HEADS, array)
    array[0] = 9
    assert scores["anger"] == 1


@pytest.mark.parametrize("name", ["jealousy_and_envy", "Jealousy & Envy", "model_Jealousy_&_Envy"])
def test_a_score_is_found_by_any_of_its_names(name: str) -> None:
    assert _voice()[name] == 2.0
    assert name in _voice()


def test_a_known_head_that_is_not_here_is_an_error_that_lists_what_is() -> None:
    with pytest.raises(UnknownNameError, match="no head 'awe'; they have anger, age"):
        _voice()["awe"]
    assert "awe" not in _voice()
    assert "nonsense" not in _voice()


def test_iterating_gives_names_and_there_is_no_mapping_interface() -> None:
    scores = _voice()
    assert list(scores) == list(scores.names) == ["anger", "age", "jealousy_and_envy", "sadness"]
    assert len(scores) == 4
    assert not hasattr(scores, "keys")
    assert not hasattr(scores, "items")


def test_face_calibration_subtracts_the_neutral_mean() -> None:
    np.testing.assert_array_equal(_face().calibrated, np.float32([2.5, 3.0, np.nan]))


def test_voice_calibration_is_in_spreads_of_everyday_speech() -> None:
    np.testing.assert_array_equal(_voice().calibrated, np.float32([1.5, np.nan, np.nan, -1.0]))


def test_top_ranks_emotions_only_highest_first() -> None:
    assert _voice().top(5) == [("jealousy_and_envy", 2.0), ("anger", 1.0), ("sadness", 0.25)]
    assert _voice().top(1) == [("jealousy_and_envy", 2.0)]
    assert _voice().top(0) == []
    assert [name for name, _ in _face().top(9)] == ["anger", "fear"]


def test_top_calibrated_leaves_out_what_is_unknown() -> None:
    assert _voice().top(5, calibrated=True) == [("anger", 1.5), ("sadness", -1.0)]


def test_top_leaves_out_scores_that_are_not_a_number() -> None:
    assert _voice([np.nan, 1, 1, 1]).top() == [("jealousy_and_envy", 1.0), ("sadness", 1.0)]


def test_top_calibrated_without_any_statistics_is_an_error() -> None:
    scores = Scores("voice", [HeadInfo("anger", "emotion")], [1.0])
    with pytest.raises(InputError, match="the model directory has no spreads"):
        scores.top(calibrated=True)


def test_top_of_a_negative_number_is_an_error() -> None:
    with pytest.raises(InputError, match="got -1"):
        _voice().top(-1)


@pytest.mark.parametrize(
    ("value", "level"),
    [(-3, "absent"), (0.4999, "absent"), (0.5, "slight"), (1.2499, "slight"), (1.25, "strong")],
)
def test_a_level_begins_at_its_threshold(value: float, level: str) -> None:
    assert _voice([value, 0, 0, 0]).level("anger") == level


@pytest.mark.parametrize(
    ("scores", "name", "message"),
    [
        (_voice(), "age", "'age' is of kind attribute"),
        (_face(), "valence", "'valence' is of kind dimension"),
        (_face(), "anger", "voices only, these are face scores"),
        (_voice(), "jealousy_and_envy", "no thresholds in its model directory"),
        (_voice([np.nan, 0, 0, 0]), "anger", "'anger' has no score"),
        (_voice(), "awe", "no head 'awe'"),
    ],
)
def test_a_level_that_does_not_exist_is_an_error(scores: Scores, name: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        scores.level(name)


def test_to_dict_survives_json_and_says_null_for_the_unknown() -> None:
    meta = {"window": (0, np.int64(30)), "box": np.array([1.5, np.nan]), "path": Path("a.wav")}
    text = json.dumps(_voice([0.1, 40, np.nan, 1.5], meta=meta).to_dict(), allow_nan=False)
    assert json.loads(text) == {
        "modality": "voice",
        "suite": "voice-small",
        "synthetic": False,
        "raw": {"anger": 0.1, "age": 40, "jealousy_and_envy": None, "sadness": 1.5},
        "calibrated": {"anger": -0.3, "age": None, "jealousy_and_envy": None, "sadness": 4.0},
        "levels": {"anger": "absent", "sadness": "strong"},
        "meta": {"window": [0, 30], "box": [1.5, None], "path": "a.wav"},
    }


def test_numbers_in_to_dict_give_back_the_same_float32() -> None:
    values = np.random.default_rng(0).normal(size=4).astype(np.float32)
    raw = list(_voice(values.tolist()).to_dict()["raw"].values())
    np.testing.assert_array_equal(np.float32(raw), values)


def test_synthetic_scores_say_so_wherever_they_show() -> None:
    scores = _voice(synthetic=True)
    assert SYNTHETIC_NOTICE in repr(scores)
    assert scores.to_dict()["synthetic"] is True
    assert scores.to_dict()["notice"] == SYNTHETIC_NOTICE
    assert SYNTHETIC_NOTICE not in repr(_voice())
    assert "notice" not in _voice().to_dict()


def test_repr_is_one_short_line() -> None:
    assert repr(_voice()) == (
        "<Scores voice voice-small, 4 heads: jealousy_and_envy 2.00, anger 1.00, sadness 0.25>"
    )
    assert repr(Scores("voice", [], [])) == "<Scores voice, 0 heads: no emotions>"


@pytest.mark.parametrize("clone", [lambda s: pickle.loads(pickle.dumps(s)), copy.deepcopy])
def test_a_pickled_or_copied_score_is_equal_and_still_read_only(clone: object) -> None:
    scores = _voice([np.nan, 1, 2, 3], meta={"box": np.arange(3)}, synthetic=True)
    again = clone(scores)  # type: ignore[operator]
    assert again == scores
    assert again is not scores
    assert not again.values.flags.writeable


def test_scores_differ_by_value_suite_head_and_kind_of_object() -> None:
    assert _voice() == _voice()
    assert _voice() != _voice([0, 0, 0, 0])
    assert _voice() != _voice(synthetic=True)
    assert _voice() != _voice(meta={"a": 1})
    assert _voice() != _face()
    assert _voice() != "scores"


def test_meta_is_copied_and_read_only() -> None:
    meta = {"a": 1}
    scores = _voice(meta=meta)
    meta["a"] = 2
    assert scores.meta["a"] == 1
    with pytest.raises(TypeError):
        scores.meta["a"] = 3  # type: ignore[index]


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 5, np.ones((4, 1)), 3.0])
def test_values_that_do_not_fit_the_heads_are_refused(values: object) -> None:
    with pytest.raises(InputError, match="one value per head: 4 heads"):
        Scores("voice", VOICE_HEADS, values)  # type: ignore[arg-type]


def test_an_unknown_modality_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="'smell'"):
        Scores("smell", [], [])
