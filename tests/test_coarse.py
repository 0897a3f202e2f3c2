"""The published coarse rule, reproduced from LAION's published scores."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from emonet_edge.coarse import CLASSES, FLAG_THRESHOLD, MAPPINGS
from emonet_edge.exceptions import InputError, UnknownNameError
from emonet_edge.scores import HeadInfo, Scores
from emonet_edge.taxonomy import EMOTIONS, canonical, kind_of, names_for
from material import LARGER, needs_larger

Labelled = list[tuple[str, Scores]]


def _face_scores(raw: np.ndarray, neutral: dict[str, float] | None = None) -> Scores:
    neutral = dict.fromkeys(EMOTIONS, 0.0) if neutral is None else neutral
    heads = [HeadInfo(n, kind_of(n, "face"), neutral.get(n)) for n in names_for("face")]
    return Scores("face", heads, raw)


PUBLISHED = LARGER / "published"


@pytest.fixture(scope="module")
def ferd() -> Labelled:
    """Every published FERD picture: its true class and its scores."""
    means = json.loads((PUBLISHED / "derived-neutral-means-from-ferd.json").read_text())
    neutral = {canonical(head): entry["neutral_mean"] for head, entry in means.items()}
    pictures = []
    for line in (PUBLISHED / "emonet-face-ferd.jsonl").read_text().splitlines():
        row = json.loads(line)
        raw = {canonical(head): entry["raw"] for head, entry in row["results"].items()}
        label = Path(row["image_path"]).stem.split("_")[1].lower()
        scores = _face_scores(np.array([raw[n] for n in names_for("face")]), neutral)
        pictures.append(({"surprised": "surprise"}.get(label, label), scores))
    return pictures


@needs_larger("published scores")
def test_ferd_accuracy_is_the_published_one_for_every_class(ferd: Labelled) -> None:
    with (PUBLISHED / "emonet-face-ferd-affectnet-accuracy.csv").open() as file:
        published = {row["emotion"]: row["ferd_acc"] for row in csv.DictReader(file)}
    for name in CLASSES:
        hits = [s.coarse("ferd")[name].flagged for label, s in ferd if label == name]
        assert f"{np.mean(hits):.4f}" == published[name.title()]
    assert len(ferd) == int(published["n"])
    every = [s.coarse("ferd")[label].flagged for label, s in ferd]
    assert f"{np.mean(every):.4f}" == published["Mean"] == "0.7829"


@needs_larger("published scores")
def test_flags_are_several_a_picture(ferd: Labelled) -> None:
    flags = [sum(c.flagged for c in s.coarse("ferd").values()) for _, s in ferd]
    assert np.mean(flags) == pytest.approx(3.54, abs=0.005)


@needs_larger("published scores")
def test_the_single_highest_emotion_is_rarely_the_right_class(ferd: Labelled) -> None:
    answers = [MAPPINGS["ferd"][s.top(1, calibrated=True)[0][0]] == label for label, s in ferd]
    assert np.mean(answers) == pytest.approx(0.303, abs=0.0005)


@needs_larger("published scores")
def test_shares_are_the_published_softmax_summed_by_class(ferd: Labelled) -> None:
    lines = (PUBLISHED / "emonet-face-ferd.jsonl").read_text().splitlines()
    for (_, scores), line in zip(ferd, lines, strict=True):
        expected = dict.fromkeys(CLASSES, 0.0)
        for head, entry in json.loads(line)["results"].items():
            if canonical(head) in EMOTIONS:
                expected[MAPPINGS["ferd"][canonical(head)]] += entry["softmax"]
        shares = {name: c.share for name, c in scores.coarse("ferd").items()}
        assert shares == pytest.approx(expected, abs=1e-6)


@needs_larger("published scores")
def test_the_mappings_are_the_published_ones() -> None:
    published = json.loads((PUBLISHED / "emonet-face-coarse-mappings.json").read_text())
    for mapping in ("ferd", "affectnet"):
        expected = {canonical(head): name for head, name in published[mapping].items()}
        assert MAPPINGS[mapping] == expected


@pytest.mark.parametrize("mapping", ["ferd", "affectnet"])
def test_shares_and_flags_are_those_of_the_softmax_of_calibrated_scores(mapping: str) -> None:
    random = np.random.default_rng(7)
    neutral = dict(zip(EMOTIONS, random.uniform(0, 1, 40).tolist(), strict=True))
    for raw in random.normal(1, 0.5, (50, 44)):
        weights = {n: np.exp(raw[i] - neutral[n]) for i, n in enumerate(EMOTIONS)}
        total = sum(weights.values())
        for name, found in _face_scores(raw, neutral).coarse(mapping).items():
            own = [weights[n] / total for n in EMOTIONS if MAPPINGS[mapping][n] == name]
            assert found.share == pytest.approx(sum(own))
            assert found.flagged == any(share > FLAG_THRESHOLD for share in own)


@pytest.mark.parametrize("mapping", ["ferd", "affectnet"])
def test_equal_scores_flag_nothing_and_share_by_membership(mapping: str) -> None:
    classes = _face_scores(np.full(44, 3.0)).coarse(mapping)
    assert tuple(classes) == CLASSES
    assert not any(c.flagged for c in classes.values())
    assert classes["disgust"].share == pytest.approx(
        list(MAPPINGS[mapping].values()).count("disgust") / 40
    )
    assert sum(c.share for c in classes.values()) == pytest.approx(1.0)


def test_a_class_is_flagged_by_one_emotion_above_the_threshold() -> None:
    # One score x higher than 39 equal ones has the share e^x / (e^x + 39).
    edge = np.log(39 * FLAG_THRESHOLD / (1 - FLAG_THRESHOLD))
    for delta, flagged in ((-0.001, False), (0.001, True)):
        raw = np.zeros(44)
        raw[EMOTIONS.index("anger")] = edge + delta
        assert _face_scores(raw).coarse("affectnet")["anger"].flagged is flagged


def test_dimensions_have_no_part_in_it() -> None:
    plain, loud = np.zeros(44), np.zeros(44)
    loud[40:] = 100.0
    assert _face_scores(plain).coarse() == _face_scores(loud).coarse()


def test_very_large_scores_do_not_overflow() -> None:
    raw = np.zeros(44)
    raw[EMOTIONS.index("fear")] = 1e6
    assert _face_scores(raw).coarse("affectnet")["fear"].share == 1.0


def test_an_unknown_mapping_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="'ferd' or 'affectnet', got 'fer2013'"):
        _face_scores(np.zeros(44)).coarse("fer2013")


def test_voice_scores_are_refused() -> None:
    heads = [HeadInfo(name, "emotion") for name in EMOTIONS]
    with pytest.raises(InputError, match="these are voice scores"):
        Scores("voice", heads, np.zeros(40)).coarse()


def test_a_missing_emotion_is_named() -> None:
    heads = [HeadInfo(name, "emotion", 0.0) for name in EMOTIONS if name != "awe"]
    with pytest.raises(InputError, match="missing: awe;"):
        Scores("face", heads, np.zeros(39)).coarse()


def test_a_missing_neutral_mean_is_named() -> None:
    known = dict.fromkeys(EMOTIONS, 0.0)
    del known["pride"]
    with pytest.raises(InputError, match="neutral mean for every emotion, missing: pride;"):
        _face_scores(np.zeros(44), known).coarse()


def test_a_score_that_is_not_finite_is_named() -> None:
    raw = np.zeros(44)
    raw[EMOTIONS.index("pride")] = np.nan
    with pytest.raises(InputError, match="missing: pride;"):
        _face_scores(raw).coarse()
