"""The overlay: boxes where faces are, words that fit, and the notice where it belongs."""

from __future__ import annotations

import numpy as np
import pytest

from emonet_edge.drawing import style
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.outcomes import Notice
from emonet_edge.stream.output.frame_picture import picture_of
from emonet_edge.stream.output.overlay import Overlay, OverlayView
from stream_records import (
    face_scores,
    frame_outcome,
    reading,
    scores_of,
    utterance_outcome,
    voice_scores,
)

Image = pytest.importorskip("PIL.Image")


def drawn(view, size=(640, 480), at=0.0, width=None):
    picture = Image.new("RGB", size, (90, 90, 90))
    Overlay().draw(picture, view, at, width or size[0])
    return np.asarray(picture)


def where(picture, colour):
    rows, columns = np.nonzero((picture == colour).all(axis=2))
    return columns.min(), rows.min(), columns.max(), rows.max()


def view_of(*records):
    view = OverlayView()
    for record in records:
        view = view.after(record)
    return view


def test_the_box_is_where_the_face_is_also_on_a_smaller_picture():
    face = reading(1, scores_of(anger=3.0), box=(100, 120, 80, 100))
    view = view_of(frame_outcome(0, 0.0, face))
    assert where(drawn(view), style.BOX) == (100, 120, 180, 220)
    assert where(drawn(view, (320, 240), width=640), style.BOX) == (50, 60, 90, 110)


def test_a_face_that_was_not_scored_is_grey():
    face = reading(1, None, reason="too small: 31 px, at least 48", box=(100, 120, 80, 100))
    picture = drawn(view_of(frame_outcome(0, 0.0, face, kind="abstained")))
    assert not (picture == style.BOX).all(axis=2).any()
    assert where(picture, style.FAINT)[:2][0] <= 100


@pytest.mark.parametrize(
    "box", [(0, 0, 640, 480), (600, 440, 40, 40), (0, 0, 5, 5), (-9, -9, 3, 3)]
)
@pytest.mark.parametrize("size", [(640, 480), (64, 48), (1, 1)])
def test_any_box_on_any_picture_can_be_drawn(box, size):
    view = view_of(frame_outcome(0, 0.0, reading(123_456, face_scores(), box=box)))
    drawn(view, size, width=640)


def test_panels_hide_no_face_where_there_is_room():
    faces = [
        reading(track, scores_of(anger=3.0), box=(150 + 130 * track, 150, 100, 120))
        for track in range(3)
    ]
    picture = drawn(view_of(frame_outcome(0, 0.0, *faces)), (800, 600))
    for face in faces:
        x, y, width, height = map(int, face.box)
        assert (picture[y + 10 : y + height - 10, x + 10 : x + width - 10] == 90).all()


def test_old_boxes_are_not_drawn():
    view = view_of(frame_outcome(0, 1.0, reading(1, scores_of(anger=1.0))))
    assert (drawn(view, at=2.5) == style.BOX).all(axis=2).any()
    assert not (drawn(view, at=3.5) == style.BOX).all(axis=2).any()


def test_the_notice_stays_once_a_synthetic_score_was_seen():
    assert not (drawn(view_of()) == style.WARNING).all(axis=2).any()
    for record in (
        frame_outcome(0, 0.0, reading(1, face_scores())),
        utterance_outcome(0, 0.0, 1.0, voice_scores()),
    ):
        view = view_of(record, frame_outcome(1, 60.0))
        assert (drawn(view, at=60.0) == style.WARNING).all(axis=2).any()


def test_the_status_says_how_old_and_what_was_dropped_and_what_the_governor_did():
    view = view_of(
        frame_outcome(0, 0.0, age_ms=85.4, device="GPU"),
        frame_outcome(1, 0.1, kind="dropped"),
        Notice(0.2, "governor", "2 faces a frame: latency 312 ms, target 250 ms"),
    )
    assert view.status() == (
        "age 85 ms   GPU   1 dropped   2 faces a frame: latency 312 ms, target 250 ms"
    )


def test_an_error_leaves_the_last_faces_in_sight():
    view = view_of(
        frame_outcome(0, 0.0, reading(1, scores_of())), frame_outcome(1, 0.1, kind="error")
    )
    assert [face.track for face in view.faces] == [1]


def test_a_voice_is_shown_for_some_seconds():
    view = view_of(utterance_outcome(0, 2.0, 3.5, scores_of("voice", anger=2.0)))
    assert view.spoken(at=4.0).startswith("Voice 2.0 to 3.5 s: Anger 2.00")
    assert view.spoken(at=14.0) == ""


# Pixels


def yuv_frame(color, red, width=64, height=48, padding=0, matrix="bt601"):
    """A frame that is red or black, as a camera would hand it on."""
    luma, u, v = (81, 90, 240) if red else (16, 128, 128)
    if color == "yuyv":
        planes = np.tile(np.array([luma, u, luma, v], np.uint8), (height, (width + padding) // 2))
    else:
        y = np.full((height, width + padding), luma, np.uint8)
        uv = np.tile(np.array([u, v], np.uint8), (height // 2, (width + padding) // 2))
        planes = np.concatenate((y, uv)) if color == "nv12" else (y, uv)
    name = "yuyv" if color == "yuyv" else "nv12"
    return Frame(0, 0.0, width, height, name, lambda: planes, matrix=matrix)


@pytest.mark.parametrize("color", ["nv12", "nv12 planes", "yuyv"])
@pytest.mark.parametrize("padding", [0, 16])
def test_yuv_frames_get_their_colours(color, padding):
    pytest.importorskip("av")
    picture = picture_of(yuv_frame(color, True, padding=padding), longest=1000)
    assert picture.size == (64, 48)
    assert np.abs(np.asarray(picture).astype(int) - (255, 0, 0)).max() <= 4
    assert np.asarray(picture_of(yuv_frame(color, False), longest=1000)).max() <= 2


@pytest.mark.parametrize("color", ["rgb", "bgr"])
def test_large_frames_are_made_smaller_and_keep_the_order_of_their_channels(color):
    image = np.zeros((300, 600, 3), np.uint8)
    image[..., 0 if color == "rgb" else 2] = 255
    picture = picture_of(Frame(0, 0.0, 600, 300, color, lambda: image), longest=200)
    assert picture.size == (200, 100)
    assert (np.asarray(picture) == (255, 0, 0)).all()


def test_drawing_does_not_change_the_frame():
    image = np.full((480, 640, 3), 90, np.uint8)
    picture = picture_of(Frame(0, 0.0, 640, 480, "rgb", lambda: image), longest=1000)
    Overlay().draw(picture, view_of(frame_outcome(0, 0.0, reading(1, face_scores()))), 0.0, 640)
    assert (image == 90).all()
