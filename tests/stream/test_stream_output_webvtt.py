"""WebVTT: captions that ffmpeg's parser reads back, in order, with the right times."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from emonet_edge.scores import SYNTHETIC_NOTICE
from emonet_edge.stream.output import WebVttWriter
from emonet_edge.stream.output.webvtt import timestamp
from stream_records import (
    face_scores,
    frame_outcome,
    reading,
    scores_of,
    utterance_outcome,
    voice_scores,
)

STAMP = r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})"


def cues(path):
    """Parse strictly what the W3C grammar allows and this writer uses."""
    first, *blocks = path.read_text("utf-8").rstrip("\n").split("\n\n")
    assert first == "WEBVTT"
    found = []
    for block in blocks:
        times, *payload = block.split("\n")
        match = re.fullmatch(f"{STAMP} --> {STAMP}", times)
        assert match, times
        hours, minutes, seconds, thousandths = map(int, match.groups()[:4])
        start = 3600 * hours + 60 * minutes + seconds + thousandths / 1000
        hours, minutes, seconds, thousandths = map(int, match.groups()[4:])
        end = 3600 * hours + 60 * minutes + seconds + thousandths / 1000
        assert start < end
        assert payload
        assert "-->" not in block.split("\n", 1)[1]
        who, text = re.fullmatch(r"<v ([^>&]+)>([^<]*)", "\n".join(payload)).groups()
        found.append(SimpleNamespace(start=start, end=end, who=who, text=text))
    assert [cue.start for cue in found] == sorted(cue.start for cue in found)
    return found


def write(path, *records, **options):
    with WebVttWriter(path, **options) as captions:
        for record in records:
            captions.write(record)
    return cues(path)


def steady(track, start, end, scores, step=0.1):
    """A face that is read every `step` seconds."""
    count = round((end - start) / step) + 1
    return [
        frame_outcome(index, start + step * index, reading(track, scores)) for index in range(count)
    ]


def test_ffmpeg_reads_the_captions_back(tmp_path):
    av = pytest.importorskip("av")
    write(
        tmp_path / "out.vtt",
        *steady(1, 0.0, 2.0, face_scores()),
        utterance_outcome(0, 0.5, 2.25, voice_scores()),
    )
    with av.open(str(tmp_path / "out.vtt")) as container:
        assert container.format.name == "webvtt"
        packets = [p for p in container.demux() if p.size]
        times = [(float(p.pts * p.time_base), float(p.duration * p.time_base)) for p in packets]
        text = b"".join(bytes(p) for p in packets).decode()
    assert times == [(0.0, 2.0), (0.5, 1.75)]
    assert "<v Voice>" in text


def test_an_empty_stream_is_valid(tmp_path):
    assert write(tmp_path / "out.vtt") == []


def test_an_utterance_is_a_caption_at_its_time_with_its_top_emotions(tmp_path):
    scores = scores_of("voice", anger=2.5, awe=1.0, pride=0.5, doubt=0.1)
    (cue,) = write(tmp_path / "out.vtt", utterance_outcome(0, 61.25, 3663.5, scores))
    assert (cue.who, cue.start, cue.end) == ("Voice", 61.25, 3663.5)
    assert cue.text == "Anger 2.50, Awe 1.00, Pride 0.50"


def test_updates_of_a_long_utterance_follow_on_instead_of_repeating(tmp_path):
    found = write(
        tmp_path / "out.vtt",
        utterance_outcome(0, 1, 11, voice_scores(0), final=False),
        utterance_outcome(0, 1, 21, voice_scores(1), update=1, final=False),
        utterance_outcome(0, 6, 36, voice_scores(2), update=2),
        utterance_outcome(1, 37, 38, voice_scores(3)),
    )
    assert [(cue.start, cue.end) for cue in found] == [(1, 11), (11, 21), (21, 36), (37, 38)]


def test_a_face_s_caption_lasts_while_the_same_emotions_lead(tmp_path):
    happy, angry = scores_of(elation=3.0), scores_of(anger=3.0, elation=1.0, awe=2.0)
    first = steady(1, 0.0, 1.4, happy)
    second = steady(1, 1.5, 3.0, angry)
    one, two = write(tmp_path / "out.vtt", *first, *second, top=1)
    assert (one.who, one.start, one.end, one.text) == ("Face 1", 0.0, 1.5, "Elation 3.00")
    assert (two.start, two.end, two.text) == (1.5, 3.0, "Anger 3.00")


def test_emotions_that_flicker_are_averaged_for_a_second(tmp_path):
    flicker = [
        frame_outcome(i, i / 10, reading(1, scores_of(elation=3.0 * (i % 2), anger=2.0)))
        for i in range(10)
    ]
    (cue,) = write(tmp_path / "out.vtt", *flicker)
    assert cue.text.startswith("Anger 2.00, Elation 1.50")


def test_a_long_calm_face_is_repeated_every_few_seconds(tmp_path):
    found = write(tmp_path / "out.vtt", *steady(1, 0.0, 10.0, face_scores()))
    assert [round(cue.end - cue.start, 1) for cue in found] == [4.0, 4.0, 2.0]


def test_a_face_that_leaves_ends_its_caption(tmp_path):
    nobody = [frame_outcome(i, 2 + i / 10) for i in range(60)]
    (first, second) = write(
        tmp_path / "out.vtt",
        *steady(1, 0.0, 1.5, face_scores()),
        *nobody,
        *steady(1, 8.0, 9.0, face_scores()),
    )
    assert (first.end, second.start) == (1.5, 8.0)


def test_a_face_that_was_read_once_is_seen(tmp_path):
    (cue,) = write(tmp_path / "out.vtt", frame_outcome(0, 1.0, reading(1, face_scores())))
    assert (cue.start, cue.end) == (1.0, 1.2)


def test_synthetic_weights_are_said_in_every_caption_and_real_ones_in_none(tmp_path):
    found = write(
        tmp_path / "a.vtt",
        frame_outcome(0, 1.0, reading(1, face_scores())),
        utterance_outcome(0, 1.0, 2.0, voice_scores()),
    )
    assert [cue.text.split("\n")[1] for cue in found] == [f"({SYNTHETIC_NOTICE})"] * 2
    (real,) = write(tmp_path / "b.vtt", frame_outcome(0, 1.0, reading(1, scores_of(anger=1.0))))
    assert SYNTHETIC_NOTICE not in real.text


def test_captions_stand_in_order_though_a_voice_is_known_late(tmp_path):
    found = write(
        tmp_path / "out.vtt",
        *steady(1, 0.0, 30.0, face_scores()),
        utterance_outcome(0, 0.5, 30.0, voice_scores()),
    )
    assert [cue.who for cue in found[:2]] == ["Face 1", "Voice"]


def test_captions_appear_while_the_stream_runs_and_memory_does_not_grow(tmp_path):
    target = tmp_path / "out.vtt"
    with WebVttWriter(target) as captions:
        for record in steady(1, 0.0, 300.0, scores_of(anger=1.0), step=0.5):
            captions.write(record)
            assert len(captions._waiting) < 15
        assert len(cues(target)) > 60
    assert len(cues(target)) == 76


def test_outcomes_without_scores_are_no_captions(tmp_path):
    assert not write(
        tmp_path / "out.vtt",
        frame_outcome(0, 0.0, kind="error", reason="x"),
        frame_outcome(1, 0.1, reading(1, None, reason="blurred"), kind="abstained"),
        utterance_outcome(0, 0.0, 0.1, None, kind="abstained", reason="too short"),
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00:00.000"), (59.9996, "00:01:00.000"), (360_000.5, "100:00:00.500"),
     (-1, "00:00:00.000")],
)  # fmt: skip
def test_times_are_written_as_players_read_them(seconds, text):
    assert timestamp(seconds) == text
