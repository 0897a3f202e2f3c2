"""Names: counts, order, aliases, upstream files, and what happens to unknown ones."""

from __future__ import annotations

import json

import pytest

from emonet_edge import taxonomy
from emonet_edge.exceptions import UnknownNameError
from material import LARGER, needs_larger

ALL_NAMES = sorted({*taxonomy.names_for("face"), *taxonomy.names_for("voice")})


def test_counts_are_40_emotions_15_attributes_4_dimensions() -> None:
    assert len(set(taxonomy.EMOTIONS)) == 40
    assert len(set(taxonomy.ATTRIBUTES)) == 15
    assert taxonomy.DIMENSIONS == ("valence", "arousal", "dominance", "emotional_vulnerability")


def test_names_for_a_modality_are_its_heads_emotions_first() -> None:
    assert taxonomy.names_for("face") == taxonomy.EMOTIONS + taxonomy.DIMENSIONS
    assert taxonomy.names_for("voice") == taxonomy.EMOTIONS + taxonomy.ATTRIBUTES
    assert len(taxonomy.names_for("face")) == 44
    assert len(taxonomy.names_for("voice")) == 55


def test_emotions_stand_in_upstream_order() -> None:
    assert taxonomy.EMOTIONS[:3] == ("elation", "amusement", "pleasure_ecstasy")
    assert taxonomy.EMOTIONS[-2:] == (
        "intoxication_altered_states_of_consciousness",
        "jealousy_and_envy",
    )


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("anger", "anger"),
        ("Anger", "anger"),
        ("Jealousy & Envy", "jealousy_and_envy"),
        ("jealousy_&_envy", "jealousy_and_envy"),
        ("model_jealousy_&_envy_best.pth", "jealousy_and_envy"),
        ("model_Jealousy_&_Envy_best", "jealousy_and_envy"),
        ("Jealousy / Envy", "jealousy_and_envy"),
        ("Hope/Optimism", "hope_enthusiasm_optimism"),
        ("model_Hope_Enthusiasm_Optimism_best.pth", "hope_enthusiasm_optimism"),
        ("Intoxication/Altered States", "intoxication_altered_states_of_consciousness"),
        ("MODEL_HIGH-PITCHED_VS._LOW-PITCHED_BEST.PTH", "high_pitched_vs_low_pitched"),
        ("High-Pitched_vs._Low-Pitched", "high_pitched_vs_low_pitched"),
        ("Impatience and Irritability", "impatience_and_irritability"),
        (" valence ", "valence"),
    ],
)
def test_an_alias_means_its_canonical_name(alias: str, name: str) -> None:
    assert taxonomy.canonical(alias) == name


@pytest.mark.parametrize("name", ALL_NAMES)
def test_every_spelling_of_a_name_comes_back_to_it(name: str) -> None:
    known = taxonomy.describe(name)
    for spelling in (name, known.display_name, known.face_file, known.voice_file):
        if spelling is not None:
            assert taxonomy.canonical(spelling) == name
            assert taxonomy.canonical(spelling.upper()) == name
            assert taxonomy.canonical(spelling.removesuffix(".pth")) == name
            bare = spelling.removesuffix("_best.pth").removeprefix("model_")
            assert taxonomy.canonical(bare) == name


def test_upstream_files_follow_each_modality() -> None:
    envy = taxonomy.describe("jealousy_and_envy")
    assert envy.face_file == "model_jealousy_&_envy_best.pth"
    assert envy.voice_file == "model_Jealousy_&_Envy_best.pth"
    pitch = taxonomy.describe("high_pitched_vs_low_pitched")
    assert (pitch.face_file, pitch.voice_file) == (
        None,
        "model_High-Pitched_vs._Low-Pitched_best.pth",
    )
    assert taxonomy.describe("dominance").voice_file is None


def test_valence_is_a_dimension_of_faces_and_an_attribute_of_voices() -> None:
    assert taxonomy.describe("valence", "face").kind == "dimension"
    assert taxonomy.describe("valence", "voice").kind == "attribute"
    assert taxonomy.describe("valence").kind == "dimension"


@pytest.mark.parametrize(("name", "modality"), [("age", "face"), ("dominance", "voice")])
def test_a_head_of_the_other_modality_is_refused(name: str, modality: str) -> None:
    with pytest.raises(UnknownNameError, match=f"{modality} model has no head '{name}'"):
        taxonomy.describe(name, modality)


def test_an_unknown_name_gets_near_ones_suggested() -> None:
    with pytest.raises(UnknownNameError, match="'angr'; did you mean anger"):
        taxonomy.canonical("angr")


@pytest.mark.parametrize("name", ["", "&", "model__best.pth", "\0", "zzz" * 10_000, 3, None, []])
def test_nonsense_is_an_unknown_name(name: object) -> None:
    with pytest.raises(UnknownNameError) as caught:
        taxonomy.canonical(name)  # type: ignore[arg-type]
    assert len(str(caught.value)) < 500


def test_an_unknown_modality_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="'smell'"):
        taxonomy.names_for("smell")


@needs_larger("published scores")
def test_published_face_heads_are_exactly_the_face_names() -> None:
    with (LARGER / "published/emonet-face-ferd.jsonl").open() as lines:
        heads = json.loads(next(lines))["results"]
    assert {taxonomy.canonical(head) for head in heads} == set(taxonomy.names_for("face"))


@needs_larger("published scores")
def test_display_names_are_those_of_the_published_guide() -> None:
    guide = json.loads((LARGER / "published/emonet-face-guide.json").read_text())
    published = set(guide["options"]["labels"])
    assert {taxonomy.describe(name).display_name for name in taxonomy.EMOTIONS} == published
