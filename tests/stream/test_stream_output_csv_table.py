"""CSV: a row per scored face and utterance, in columns that never change, and no formulas."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from emonet_edge.scores import SYNTHETIC_NOTICE
from emonet_edge.stream.outcomes import Notice
from emonet_edge.stream.output import COLUMNS, CsvWriter
from stream_records import (
    face_scores,
    frame_outcome,
    reading,
    scores_of,
    utterance_outcome,
    voice_scores,
)


def write(path, *records):
    with CsvWriter(path) as table:
        for record in records:
            table.write(record)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_columns_are_the_documented_ones_even_without_a_row(tmp_path):
    assert write(tmp_path / "out.csv") == []
    assert (tmp_path / "out.csv").read_text() == ",".join(COLUMNS) + "\n"
    assert len(set(COLUMNS)) == len(COLUMNS)


def test_there_is_a_row_for_every_scored_face_and_utterance_only(tmp_path):
    rows = write(
        tmp_path / "out.csv",
        Notice(0.0, "source", "open"),
        frame_outcome(0, 0.5, reading(3, face_scores(0)), reading(4, face_scores(1))),
        frame_outcome(1, 0.6, kind="dropped", reason="a newer frame came"),
        frame_outcome(2, 0.7, reading(3, None, reason="blurred"), kind="abstained"),
        utterance_outcome(0, 0.4, 2.25, voice_scores(), update=1, final=False),
        utterance_outcome(1, 3.0, 3.1, None, kind="abstained", reason="too short"),
    )
    assert [(row["modality"], row["subject"]) for row in rows] == [
        ("face", "3"), ("face", "4"), ("voice", "0"),
    ]  # fmt: skip


def test_a_face_s_row_says_when_where_and_what(tmp_path):
    scores = face_scores()
    face = reading(3, scores, box=(10.5, 20, 30, 40), scored_age_ms=12.5)
    (row,) = write(tmp_path / "out.csv", frame_outcome(7, 36_000.1234, face))
    assert (row["seq"], row["start_s"], row["end_s"]) == ("7", "36000.1234", "36000.1234")
    assert [row[name] for name in ("x", "y", "width", "height")] == ["10.5", "20", "30", "40"]
    assert (row["scored_age_ms"], row["device"], row["final"]) == ("12.5", "CPU", "")
    assert row["notice"] == SYNTHETIC_NOTICE
    for name, value in zip(scores.names, scores.raw, strict=True):
        assert np.float32(row[name]) == value


def test_heads_that_were_not_scored_are_empty(tmp_path):
    (row,) = write(tmp_path / "out.csv", utterance_outcome(0, 0.4, 2.25, voice_scores()))
    assert row["anger"]
    assert row["valence"]
    assert row["fear"] == row["x"] == ""
    assert (row["start_s"], row["end_s"], row["final"]) == ("0.4", "2.25", "1")


def test_real_weights_have_no_notice_and_unknown_scores_are_empty(tmp_path):
    face = reading(1, scores_of(anger=float("nan"), awe=-0.25))
    (row,) = write(tmp_path / "out.csv", frame_outcome(0, 0.0, face))
    assert (row["notice"], row["anger"], row["awe"]) == ("", "", "-0.25")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_would_be_a_formula_is_not_one(tmp_path, start):
    device = f'{start}HYPERLINK("http://x","y"), 1'
    (row,) = write(
        tmp_path / "out.csv", frame_outcome(0, 0.0, reading(1, scores_of()), device=device)
    )
    assert row["device"] == "'" + device
