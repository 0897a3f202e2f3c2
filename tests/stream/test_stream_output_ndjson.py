"""NDJSON: one record, one line, at once; and a reader may leave."""

from __future__ import annotations

import io
import json
import os

import pytest

from emonet_edge.exceptions import MediaError
from emonet_edge.scores import SYNTHETIC_NOTICE
from emonet_edge.stream.outcomes import EmotionEvent, Notice
from emonet_edge.stream.output import NdjsonWriter
from stream_records import (
    face_scores,
    frame_outcome,
    reading,
    scores_of,
    utterance_outcome,
    voice_scores,
)


def records():
    yield Notice(0.0, "source", "camera öffnet")
    yield frame_outcome(0, 0.1, reading(1, face_scores()))
    yield utterance_outcome(0, 0.2, 1.0, voice_scores())
    yield EmotionEvent(1.1, "face", 1, "anger", "rose", 3.1, 3.0)


def test_each_record_is_one_ascii_line_with_its_type():
    buffer = io.StringIO()
    with NdjsonWriter(buffer) as writer:
        assert all(writer.write(record) for record in records())
    lines = buffer.getvalue().splitlines()
    assert all(line.isascii() for line in lines)
    assert [json.loads(line)["type"] for line in lines] == ["notice", "frame", "utterance", "event"]


def test_every_score_of_synthetic_weights_carries_the_notice():
    buffer = io.StringIO()
    writer = NdjsonWriter(buffer)
    writer.write(frame_outcome(0, 0.1, reading(1, face_scores())))
    writer.write(utterance_outcome(0, 0.2, 1.0, voice_scores()))
    frame, spoken = map(json.loads, buffer.getvalue().splitlines())
    assert frame["faces"][0]["scores"]["notice"] == SYNTHETIC_NOTICE
    assert spoken["scores"]["notice"] == SYNTHETIC_NOTICE


def test_what_is_not_finite_becomes_null():
    buffer = io.StringIO()
    face = reading(1, scores_of(anger=float("nan")), smoothed={"anger": float("inf")})
    NdjsonWriter(buffer).write(frame_outcome(0, 0.1, face))
    (found,) = json.loads(buffer.getvalue())["faces"]
    assert (found["scores"]["raw"]["anger"], found["smoothed"]["anger"]) == (None, None)


def test_a_line_is_there_as_soon_as_it_is_written():
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as reader, os.fdopen(write_end, "w") as sink:
        NdjsonWriter(sink).write(next(records()))
        assert json.loads(reader.readline())["topic"] == "source"


def test_a_reader_that_leaves_is_no_error():
    read_end, write_end = os.pipe()
    sink = os.fdopen(write_end, "w")
    writer = NdjsonWriter(sink)
    os.close(read_end)
    assert [writer.write(record) for record in records()] == [False] * 4
    with pytest.raises(BrokenPipeError):
        sink.close()  # what Python still held for a reader who is gone


def test_a_full_disk_is_said_once(tmp_path):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        writer = NdjsonWriter(full)
        with pytest.raises(MediaError, match="No space left on device"):
            writer.write(next(records()))
        assert writer.write(next(records())) is False
        with pytest.raises(OSError, match="No space"):
            full.close()


def test_a_file_is_written_line_by_line(tmp_path):
    target = tmp_path / "out.ndjson"
    with NdjsonWriter(target) as writer:
        for count, record in enumerate(records(), 1):
            writer.write(record)
            assert len(target.read_text().splitlines()) == count
    with pytest.raises(MediaError, match="exists"):
        NdjsonWriter(target)
