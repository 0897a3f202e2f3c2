"""The annotated video: every frame at its time, nothing blocked, nothing half-written."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from emonet_edge.drawing import style
from emonet_edge.exceptions import MediaError
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.outcomes import Notice
from emonet_edge.stream.output import AnnotatedVideo, TappedVideo
from stream_records import face_scores, frame_outcome, reading, rgb_frame, scores_of

av = pytest.importorskip("av")
pytest.importorskip("PIL")


def decoded(path):
    """[(seconds, RGB)] of a video file."""
    with av.open(str(path)) as container:
        return [
            (float(frame.pts * frame.time_base), frame.to_ndarray(format="rgb24"))
            for frame in container.decode(video=0)
        ]


def near(picture, colour, tolerance=40):
    return (np.abs(picture.astype(int) - colour).max(axis=2) < tolerance).sum()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_every_frame_is_there_at_its_time_with_its_faces(tmp_path, suffix):
    target = tmp_path / f"out{suffix}"
    times = [0.0, 0.04, 0.08, 0.5, 0.54]
    with AnnotatedVideo(target, wait=True) as video:
        for seq, at in enumerate(times):
            video.add_frame(rgb_frame(seq, at))
            faces = [reading(1, scores_of(anger=3.0))] if seq in (1, 2) else []
            video.write(frame_outcome(seq, at, *faces))
        assert not target.exists()
    found = decoded(target)
    assert [at for at, _ in found] == pytest.approx(times, abs=0.002)
    assert [near(picture, style.BOX) > 100 for _, picture in found] == [
        False, True, True, False, False,
    ]  # fmt: skip
    assert (video.written, video.dropped) == (5, 0)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_synthetic_weights_are_said_in_the_video(tmp_path):
    with AnnotatedVideo(tmp_path / "out.mkv", wait=True) as video:
        video.add_frame(rgb_frame(0, 0.0))
        video.write(frame_outcome(0, 0.0, reading(1, face_scores())))
    ((_, picture),) = decoded(tmp_path / "out.mkv")
    orange = (picture[..., 0] > 120) & (picture[..., 2] < 100)  # coded letters are soft
    assert orange[-30:].sum() > 50


def test_frames_are_dropped_and_counted_where_the_writer_does_not_keep_up(tmp_path):
    drawing, go_on = threading.Event(), threading.Event()

    def slow_planes():
        drawing.set()
        assert go_on.wait(30)
        return np.full((240, 320, 3), 90, np.uint8)

    with AnnotatedVideo(tmp_path / "out.mkv") as video:
        video.add_frame(Frame(0, 0.0, 320, 240, "rgb", slow_planes))
        video.write(frame_outcome(0, 0.0))
        assert drawing.wait(30)  # the writer is busy with the first frame from here on
        for seq in range(1, 201):
            video.add_frame(rgb_frame(seq, seq / 30))  # returns at once: nobody could let us go on
        assert video.dropped == 200 - video._room
        go_on.set()
    assert video.written == 1 + video._room
    assert len(decoded(tmp_path / "out.mkv")) == video.written


def test_a_fast_file_waits_instead_of_dropping(tmp_path):
    with AnnotatedVideo(tmp_path / "out.mkv", wait=True) as video:
        for seq in range(150):
            video.add_frame(rgb_frame(seq, seq / 30))
            video.write(frame_outcome(seq, seq / 30))
    assert (video.written, video.dropped) == (150, 0)


def test_frames_without_an_outcome_are_written_at_the_end(tmp_path):
    with AnnotatedVideo(tmp_path / "out.mkv") as video:
        for seq in range(3):
            video.add_frame(rgb_frame(seq, seq / 30))
    assert len(decoded(tmp_path / "out.mkv")) == 3


def test_what_was_known_before_the_first_frame_is_drawn_on_it(tmp_path):
    with AnnotatedVideo(tmp_path / "out.mkv", wait=True) as video:
        video.write(Notice(0.0, "governor", "x" * 40))
        video.add_frame(rgb_frame(0, 0.0))
    ((_, picture),) = decoded(tmp_path / "out.mkv")
    assert picture[:20].std() > 5


def test_a_camera_that_returns_with_another_size_fits_into_the_video(tmp_path):
    with AnnotatedVideo(tmp_path / "out.mkv", wait=True) as video:
        for seq, (width, height) in enumerate([(321, 241), (640, 480), (64, 48)]):
            video.add_frame(rgb_frame(seq, seq / 30, width, height))
    assert {picture.shape for _, picture in decoded(tmp_path / "out.mkv")} == {(242, 322, 3)}


def test_without_a_frame_there_is_no_file(tmp_path):
    AnnotatedVideo(tmp_path / "out.mp4").close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_and_a_wrong_suffix_are_refused_at_once(tmp_path):
    (tmp_path / "out.mp4").write_text("precious")
    with pytest.raises(MediaError, match="exists"):
        AnnotatedVideo(tmp_path / "out.mp4")
    with pytest.raises(MediaError, match=r"must end in one of \.mp4, \.mkv"):
        AnnotatedVideo(tmp_path / "out.avi")
    assert (tmp_path / "out.mp4").read_text() == "precious"


def test_a_folder_that_vanishes_is_one_error_and_blocks_nobody(tmp_path):
    folder = tmp_path / "usb"
    folder.mkdir()
    video = AnnotatedVideo(folder / "out.mkv", wait=True)
    folder.rmdir()
    for seq in range(200):
        video.add_frame(rgb_frame(seq, seq / 30))
    with pytest.raises(MediaError, match=r"out\.mkv"):
        video.close()
    video.write(frame_outcome(0, 0.0))  # said once
    video.close()


def test_a_tap_shows_every_frame_and_hands_it_on():
    class Three:
        duration = 0.1

        def __init__(self):
            self.left, self.closed = [rgb_frame(seq, seq / 30) for seq in range(3)], False

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.close()

        def read(self):
            return self.left.pop(0) if self.left else None

        def close(self):
            self.closed = True

    seen = []
    source = Three()
    with TappedVideo(source, seen.append) as tapped:
        frames = []
        while (frame := tapped.read()) is not None:
            frames.append(frame)
        assert tapped.duration == 0.1
    assert frames == seen
    assert [frame.seq for frame in frames] == [0, 1, 2]
    assert source.closed
