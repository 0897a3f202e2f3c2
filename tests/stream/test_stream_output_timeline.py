"""The timeline of a stream: who, when, how strong, and never more memory."""

from __future__ import annotations

import numpy as np
import pytest

from emonet_edge.drawing import style
from emonet_edge.exceptions import MediaError
from emonet_edge.stream.output import StreamTimeline, TimelineFile
from emonet_edge.stream.output import timeline as module
from stream_records import (
    face_scores,
    frame_outcome,
    reading,
    scores_of,
    utterance_outcome,
    voice_scores,
)

pytest.importorskip("PIL")


def columns_of(picture, colour):
    """The columns that hold a colour, as shares of the time axis."""
    _, columns = np.nonzero((np.asarray(picture) == colour).all(axis=2))
    inside = columns[(columns >= 300) & (columns <= 1180)]
    return inside.min(initial=9999), inside.max(initial=-1)


def share(column):
    return (column - 300) / 880


def test_a_face_is_drawn_when_it_was_there():
    timeline = StreamTimeline(top=1)
    for index in range(101):
        at = index / 10
        faces = [reading(1, scores_of(anger=3.0))] if 2.0 <= at <= 5.0 else []
        timeline.write(frame_outcome(index, at, *faces))
    first, last = map(share, columns_of(timeline.draw(), style.COLOURS[0]))
    assert first == pytest.approx(0.2, abs=0.01)
    assert last == pytest.approx(0.5, abs=0.01)


def test_a_face_that_was_away_leaves_a_gap():
    timeline = StreamTimeline(top=1)
    for index in range(101):
        at = index / 10
        faces = [reading(1, scores_of(anger=3.0))] if not 4.0 < at < 6.0 else []
        timeline.write(frame_outcome(index, at, *faces))
    picture = np.asarray(timeline.draw())
    middle = picture[:, 300 + 880 // 2]
    assert not (middle == style.COLOURS[0]).all(axis=1).any()


def test_readings_within_a_quarter_second_are_averaged():
    history = module._History()
    for index, value in enumerate((1.0, 2.0, 3.0, 10.0)):
        history.add_moment(index * 0.1, np.full(40, value, np.float32))
    (first, second) = history.pieces
    assert (first.start, first.end) == (0.0, second.start)
    assert second.start == second.end == pytest.approx(0.3)
    assert history.pieces[0].values[0] == pytest.approx(2.0)


def test_ten_hours_take_no_more_memory_than_ten_minutes():
    history = module._History()
    values = np.ones(40, np.float32)
    for index in range(72_000):
        history.add_moment(index * 0.5, values * (index % 7))
    assert len(history.pieces) <= module._MOST_PIECES
    assert history.pieces[0].start == 0.0
    assert history.pieces[-1].end == 71_999 * 0.5
    assert sum(piece.weight for piece in history.pieces) == 72_000
    assert np.mean([piece.values[0] for piece in history.pieces]) == pytest.approx(3.0, abs=0.1)


def test_a_thousand_people_are_counted_and_the_longest_seen_are_kept():
    timeline = StreamTimeline(most_faces=2)
    seq = 0
    for person in range(200):
        for _ in range(50 if person in (20, 150) else 2):
            timeline.write(frame_outcome(seq, seq / 10, reading(person, face_scores())))
            seq += 1
    assert len(timeline._faces) <= module._MOST_FACES
    assert [heading for heading, _, _ in timeline._shown()] == ["Face 20", "Face 150"]
    assert "198 more faces" in timeline._caption(True)


def test_face_and_voice_have_their_own_rows_and_scales():
    timeline = StreamTimeline(top=2)
    timeline.write(frame_outcome(0, 1.0, reading(1, scores_of(anger=7.0, awe=3.0))))
    timeline.write(utterance_outcome(0, 2.0, 4.0, voice_scores()))
    headings = {heading: history.rows(2, kind) for heading, kind, history in timeline._shown()}
    assert list(headings) == ["Face 1", "Voice"]
    assert list(headings["Face 1"]) == ["Anger", "Awe"]
    assert [piece.value for piece in headings["Face 1"]["Anger"]] == [7.0]
    assert len(headings["Voice"]) == 2
    (piece,) = next(iter(headings["Voice"].values()))
    assert (piece.start, piece.end) == (2.0, 4.0)


def test_the_notice_is_drawn_for_synthetic_weights_only():
    for scores, expected in ((face_scores(), True), (scores_of(anger=1.0), False)):
        timeline = StreamTimeline()
        timeline.write(frame_outcome(0, 1.0, reading(1, scores)))
        drawn = (np.asarray(timeline.draw()) == style.WARNING).all(axis=2).any()
        assert drawn == expected


def test_a_stream_in_which_nothing_was_scored_has_a_picture_that_says_so():
    timeline = StreamTimeline()
    assert "Nothing was scored" in timeline._caption(False)
    assert timeline.draw().size[0] == 1280


def test_unknown_scores_are_left_out():
    timeline = StreamTimeline()
    timeline.write(frame_outcome(0, 1.0, reading(1, scores_of(anger=float("nan"), awe=1.0))))
    assert "Anger" not in timeline._faces[1].rows(40, "face")
    timeline.draw()


def test_the_picture_is_saved_whole_and_never_onto_another(tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    timeline = StreamTimeline("talk.mp4")
    timeline.write(utterance_outcome(0, 2.0, 4.0, voice_scores()))
    timeline.save(tmp_path / "out.png")
    with image_module.open(tmp_path / "out.png") as picture:
        assert picture.width == 1280
    with pytest.raises(MediaError, match="exists"):
        timeline.save(tmp_path / "out.png")
    timeline.save(tmp_path / "out.png", overwrite=True)
    with pytest.raises(MediaError, match="there is no folder"):
        timeline.save(tmp_path / "no" / "out.png")


def test_a_timeline_file_is_drawn_when_it_is_closed(tmp_path):
    target = tmp_path / "out.png"
    with TimelineFile(target, "talk.mp4") as timeline:
        timeline.write(utterance_outcome(0, 2.0, 4.0, voice_scores()))
        assert not target.exists()
    assert target.stat().st_size > 1000
    timeline.close()
    with pytest.raises(MediaError, match="exists"):
        TimelineFile(target)
