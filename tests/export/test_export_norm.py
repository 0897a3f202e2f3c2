"""Whether embeddings are normalised is decided by neutral faces, or assumed and said so."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("torch", reason="export needs torch")
pytest.importorskip("emonet_edge_export", reason="needs export/ on the path, or the wheel")

from emonet_edge.taxonomy import EMOTIONS  # noqa: E402
from emonet_edge_export.errors import CheckpointError, ExportError  # noqa: E402
from emonet_edge_export.heads.embedding_norm import asked_norm, decide, normalised  # noqa: E402
from emonet_edge_export.upstream.checkpoints import HeadWeights  # noqa: E402
from emonet_edge_export.upstream.neutral import NeutralStatistics, read_neutral_statistics  # noqa: E402

NAMES = list(EMOTIONS[:12])


@pytest.fixture
def heads():
    draw = np.random.default_rng(0)

    def make():
        layers = [(16, 32), (1, 16)]
        return HeadWeights(
            [
                (draw.normal(size=s).astype(np.float32), draw.normal(size=s[0]).astype(np.float32))
                for s in layers
            ]
        )

    return {name: make() for name in NAMES}


@pytest.fixture
def faces():
    """Embeddings of length about 20, as an encoder without normalisation gives them."""
    draw = np.random.default_rng(1)
    return (3 + draw.normal(size=(10, 32))).astype(np.float32)


def statistics(heads, faces, norm, std=True, shift=0.0):
    found = {}
    for name, head in heads.items():
        scores = head(normalised(faces, norm))
        spread = float(scores.std()) if std else None
        found[name] = NeutralStatistics(float(scores.mean()) + shift, spread)
    return found


@pytest.mark.parametrize("std", [True, False], ids=["with spread", "means only"])
@pytest.mark.parametrize("norm", ["l2", "none"])
def test_the_norm_that_reproduces_the_suite_s_means_is_measured(heads, faces, norm, std):
    stated = statistics(heads, faces[:7], norm, std)
    decision = decide(stated, faces[3:], heads.__getitem__, NAMES)
    assert decision.norm == norm
    assert decision.evidence.startswith("measured: on 7 neutral faces the median of 12 heads")
    other = {"l2": "none", "none": "l2"}[norm]
    off = decision.figures["median_deviations"]
    assert off[norm] < 1
    assert off[other] > 3 * off[norm]
    assert ("standard deviations" in decision.evidence) == std


def test_means_that_neither_norm_reproduces_are_inconclusive(heads, faces):
    stated = statistics(heads, faces, "l2", shift=500.0)
    decision = decide(stated, faces, heads.__getitem__, NAMES)
    assert (decision.norm, decision.assumed) == ("l2", True)
    assert "inconclusive" in decision.evidence


@pytest.mark.parametrize(
    ("count", "names", "message"),
    [
        (None, NAMES, "no neutral faces were given"),
        (3, NAMES, "3 neutral faces are too few"),
        (10, NAMES[:4], "for 4 heads only"),
    ],
)
def test_without_evidence_l2_is_assumed(heads, faces, count, names, message):
    stated = statistics(heads, faces, "none")
    few = None if count is None else faces[:count]
    decision = decide(stated, few, heads.__getitem__, names)
    assert (decision.norm, decision.assumed) == ("l2", True)
    assert message in decision.evidence


def test_a_norm_that_was_asked_for_is_not_measured():
    assert asked_norm("face", "auto") is None
    assert asked_norm("face", "none").norm == "none"
    assert asked_norm("face", "none").assumed
    assert asked_norm("voice", "auto").norm == "none"
    with pytest.raises(ExportError, match="l2 is for faces"):
        asked_norm("voice", "l2")
    with pytest.raises(ExportError, match="one of auto, l2, none; got 'L2'"):
        asked_norm("face", "L2")


# The suite's file


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"mean": 0.5, "std": 0.1, "count": 200}, NeutralStatistics(0.5, 0.1)),
        ({"neutral_mean": 0.5, "raw_min": 0}, NeutralStatistics(0.5, None)),
        (0.5, NeutralStatistics(0.5, None)),
    ],
)
def test_statistics_of_neutral_faces_are_read(tmp_path, entry, expected):
    path = tmp_path / "neutral_stats.json"
    path.write_text(json.dumps({"model_jealousy_&_envy_best": entry}))
    assert read_neutral_statistics(path) == {"jealousy_and_envy": expected}


def test_the_published_neutral_means_are_read(shared_data):
    found = read_neutral_statistics(shared_data / "published/derived-neutral-means-from-ferd.json")
    assert len(found) == 44
    assert found["anger"].mean == pytest.approx(0.63880, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "must be JSON"),
        ("[]", "must be an object of heads"),
        ('{"model_joy_best": 1}', "no emotion, attribute or dimension is called 'model_joy_best'"),
        ('{"anger": {"std": 1}}', "anger: must have a finite mean"),
        ('{"anger": NaN}', "anger: must have a finite mean"),
        ('{"anger": {"mean": 1, "std": -1}}', "anger: must have a finite mean"),
    ],
)
def test_statistics_that_are_none_are_refused(tmp_path, text, message):
    path = tmp_path / "neutral_stats.json"
    path.write_text(text)
    with pytest.raises(CheckpointError, match=message):
        read_neutral_statistics(path)
