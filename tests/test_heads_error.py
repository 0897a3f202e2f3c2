"""Errors of packed heads on embeddings of real speech, of voices that nothing was derived from."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("torch", reason="the encoder needs torch")
pytest.importorskip("emonet_edge_export", reason="needs export/ on the path, or the wheel")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import heads_error  # noqa: E402

# Of the spread. docs/quantization.md has the figures of all windows and more heads; here are fewer.
LIMITS = {
    ("int8", "nearest", "uniform"): 0.006,
    ("int8", "nearest", "normal"): 0.01,
    ("int4", "nearest", "uniform"): 0.08,
    ("int4", "nearest", "normal"): 0.14,
    ("int4", "compensated", "uniform"): 0.032,
    ("int4", "compensated", "normal"): 0.048,
}


@pytest.fixture(scope="module")
def rows(shared_data):
    encoder = shared_data / "weights/whisper-tiny.en-encoder"
    clips = heads_error.embed(encoder, shared_data / "audio", most=4)
    return heads_error.measure(clips, n_linear=12, n_heads=1)


@pytest.mark.parametrize(("precision", "rounding", "weights"), LIMITS)
def test_projections_stay_near_fp32_on_voices_not_seen(rows, precision, rounding, weights):
    found = [
        row["held_out"]["pooled"]
        for row in rows
        if row["heads"] == "linear"
        and (row["precision"], row["rounding"], row["weights"]) == (precision, rounding, weights)
    ]
    assert len(found) == 2  # each half of the voices was held out once
    assert max(found) < LIMITS[precision, rounding, weights]


def test_compensation_helps_every_kind_of_head_on_voices_not_seen(rows):
    by_method = {
        (row["heads"], row["weights"], row["rounding"], number // (len(rows) // 2)): row
        for number, row in enumerate(rows)
        if row["precision"] == "int4"
    }
    assert len(by_method) == 16
    for (heads, weights, rounding, half), row in by_method.items():
        if rounding == "compensated":
            nearest = by_method[heads, weights, "nearest", half]
            assert row["held_out"]["pooled"] < 0.6 * nearest["held_out"]["pooled"]
            assert row["held_out"]["worst"] < nearest["held_out"]["worst"]


def test_a_voice_is_never_on_both_sides():
    names = [
        "azure-zh-cn_short.wav",
        "azure-zh-cn_continuous.wav",
        "jfk.flac",
        "es-mx.wav",
        "chat_1.wav",
    ]
    voices = np.array([heads_error.voice_of(name) for name in names for _ in range(10)])
    first = heads_error.halves(voices)
    assert 0.3 < first.mean() < 0.7
    for voice in set(voices):
        assert len(set(first[voices == voice])) == 1
    assert len(set(voices)) == 4


def test_the_table_and_the_json_hold_the_same_rows(rows):
    text = heads_error.table(json.loads(json.dumps(rows))).splitlines()
    assert len(text) == len(rows) + 1
    assert f"{100 * rows[0]['held_out']['mean']:.2f} %" in text[1]
