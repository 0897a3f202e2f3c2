"""Default levels: the formula, its floor, and what it means against the published percentiles."""

from __future__ import annotations

import pytest

from emonet_edge import levels
from emonet_edge.exceptions import UnknownNameError
from emonet_edge.levels import default_levels, published_spread
from emonet_edge.taxonomy import ATTRIBUTES, DIMENSIONS, EMOTIONS, canonical
from material import LARGER, needs_larger

ALMOST_ALWAYS_ZERO = [
    name for name in EMOTIONS if (spread := published_spread(name)) and spread.p90 < 0.2
]


def _levels(name: str, suite: str = "voice-plus") -> levels.Levels:
    found = default_levels(name, suite)
    assert found is not None
    return found


@pytest.mark.parametrize("name", EMOTIONS)
def test_every_emotion_has_a_spread_and_ordered_levels(name: str) -> None:
    spread = published_spread(name)
    assert spread is not None
    assert spread.std > 0
    assert 0.5 <= _levels(name).slight < _levels(name).strong < 4


@pytest.mark.parametrize("name", EMOTIONS)
def test_levels_follow_the_stated_formula(name: str) -> None:
    spread = published_spread(name)
    assert spread is not None
    for k, threshold in ((1.0, _levels(name).slight), (2.5, _levels(name).strong)):
        assert threshold == pytest.approx(max(spread.mean + k * spread.std, k * 0.5), abs=5e-4)


@pytest.mark.parametrize("name", EMOTIONS)
def test_the_average_of_everyday_speech_is_absent(name: str) -> None:
    spread = published_spread(name)
    assert spread is not None
    assert spread.mean < _levels(name).slight


@pytest.mark.parametrize("name", [n for n in EMOTIONS if n not in ALMOST_ALWAYS_ZERO])
def test_strong_is_rarer_than_one_everyday_clip_in_ten(name: str) -> None:
    spread = published_spread(name)
    assert spread is not None
    assert _levels(name).strong > spread.p90 * 1.25


def test_slight_is_near_the_ninetieth_percentile_or_below_it_except_on_silent_heads() -> None:
    above = []
    for name in EMOTIONS:
        spread = published_spread(name)
        assert spread is not None
        if _levels(name).slight > spread.p90 + 0.02:
            above.append(name)
            assert spread.p90 < 0.5
    assert len(above) == 10


def test_the_floor_keeps_noise_of_silent_heads_absent() -> None:
    assert "awe" in ALMOST_ALWAYS_ZERO
    assert {_levels(name).slight for name in ALMOST_ALWAYS_ZERO} == {0.5}
    assert {_levels(name).strong for name in ALMOST_ALWAYS_ZERO} == {1.25}


@pytest.mark.parametrize("name", ["interest", "concentration"])
def test_heads_with_a_high_average_get_high_thresholds(name: str) -> None:
    assert _levels(name).slight > 1.9


def test_only_the_measured_suite_is_called_published() -> None:
    assert _levels("anger", "voice-plus").source.startswith("published: LAION-AI/procedural")
    for suite in ("voice-small", "voice-large", "my-own"):
        assert _levels("anger", suite).source.startswith("borrowed: voice-plus figures: LAION-AI")
        assert _levels("anger", suite).slight == _levels("anger", "voice-plus").slight


@pytest.mark.parametrize("name", [*ATTRIBUTES, *DIMENSIONS])
def test_attributes_and_dimensions_have_neither_levels_nor_spread(name: str) -> None:
    assert default_levels(name, "voice-plus") is None
    assert published_spread(name) is None


def test_face_suites_have_no_levels() -> None:
    assert default_levels("anger", "face-small") is None


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="'rage'"):
        default_levels("rage", "voice-plus")


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("anger", (0.330, 0.447, 0.947)),
        ("awe", (0.035, 0.181, 0.0)),
        ("interest", (1.829, 0.531, 2.484)),
        ("impatience_and_irritability", (0.446, 0.575, 1.298)),
    ],
)
def test_a_spread_is_the_published_one(name: str, published: tuple[float, float, float]) -> None:
    assert published_spread(name) == levels.Spread(*published)


@needs_larger("published tables")
def test_the_table_is_the_published_one() -> None:
    table = {}
    for line in (LARGER.parent / "MODELS.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if len(cells) == 8 and cells[1].replace(".", "").isdigit():
            for name, *numbers in (cells[:4], cells[4:]):
                table[canonical(name)] = levels.Spread(*map(float, numbers))
    assert len(table) == 40
    assert table == {name: published_spread(name) for name in EMOTIONS}
