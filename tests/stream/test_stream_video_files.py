"""Video files: every frame, its time, and its colours as the native core sees them."""

from __future__ import annotations

import struct
import threading
import time

import numpy as np
import pytest

from emonet_edge.exceptions import MediaError
from emonet_edge.stream.clock import ManualClock, SystemClock
from emonet_edge.stream.sources.container_video import VideoFile
from emonet_edge.stream.sources.media_time import Pacer
from face_pictures import each, photo_path
from stream_media import (
    HEIGHT,
    RATE,
    WIDTH,
    av,
    levels,
    levels_of,
    picture,
    read_all,
    write_video,
)

ENCODINGS = [
    ("a.mp4", "libx264", "yuv420p", "nv12", "limited"),
    ("a.mp4", "libx264", "yuv422p", "yuyv", "limited"),
    ("a.mp4", "libx264", "yuv444p", "rgb", None),
    ("a.mp4", "libx264", "yuv420p10le", "rgb", None),
    ("a.avi", "mpeg4", "yuv420p", "nv12", "limited"),
    ("a.webm", "libvpx", "yuv420p", "nv12", "limited"),
    ("a.mov", "mjpeg", "yuvj420p", "nv12", "full"),
    ("a.mkv", "mjpeg", "yuvj422p", "yuyv", "full"),
    ("a.mkv", "mjpeg", "yuvj444p", "rgb", None),
    ("a.nut", "rawvideo", "nv12", "nv12", "limited"),
    ("a.avi", "rawvideo", "yuyv422", "yuyv", "limited"),
    ("a.nut", "rawvideo", "yuv420p", "nv12", "limited"),
    ("a.nut", "rawvideo", "rgb24", "rgb", None),
    ("a.nut", "rawvideo", "bgr24", "bgr", None),
    ("a.mkv", "ffv1", "gray", "rgb", None),
]


def opened(path) -> VideoFile:
    clock = SystemClock()
    return VideoFile(str(path), clock, Pacer("fast", clock))


@pytest.mark.parametrize(("name", "codec", "pixel_format", "color", "range_"), ENCODINGS)
def test_a_video_comes_back_with_its_frames_times_and_colours(
    tmp_path, name, codec, pixel_format, color, range_
):
    with opened(write_video(tmp_path / name, codec, pixel_format)) as source:
        frames = read_all(source)
    assert [frame.seq for frame in frames] == list(range(10))
    assert [frame.captured_at for frame in frames] == pytest.approx(
        [index / RATE for index in range(10)], abs=1e-3
    )
    for frame in (frames[0], frames[9]):
        assert (frame.width, frame.height, frame.color) == (WIDTH, HEIGHT, color)
        if range_:
            assert frame.range == range_
        original = picture(frame.seq)
        if pixel_format == "gray":
            original = np.stack([original @ [0.299, 0.587, 0.114]] * 3, axis=2).astype(np.uint8)
        difference = np.abs(levels(frame) - levels_of(original))
        assert difference.mean() < 3, difference.mean()
        assert np.percentile(difference, 99) < 9


@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("range_", ["limited", "full"])
def test_matrix_and_range_are_taken_from_the_tags(tmp_path, matrix, range_):
    tags = ({"bt601": 5, "bt709": 1}[matrix], {"limited": 1, "full": 2}[range_])
    path = write_video(tmp_path / "a.mp4", "libx264", tags=tags)
    with opened(path) as source:
        frame = source.read()
    assert (frame.matrix, frame.range) == (matrix, range_)
    assert np.abs(levels(frame) - levels_of(picture(0))).mean() < 3


@pytest.mark.parametrize(("height", "matrix"), [(480, "bt601"), (720, "bt709")])
def test_without_a_tag_hd_is_bt709_and_less_is_bt601(tmp_path, height, matrix):
    with opened(write_video(tmp_path / "a.avi", size=(640, height), count=2)) as source:
        assert source.read().matrix == matrix


def test_jpeg_is_bt601_in_full_range_at_any_size(tmp_path):
    path = write_video(tmp_path / "a.avi", "mjpeg", "yuvj420p", size=(1280, 720), count=2)
    with opened(path) as source:
        frame = source.read()
    assert (frame.matrix, frame.range) == ("bt601", "full")


def test_odd_sides_come_as_rgb(tmp_path):
    path = write_video(tmp_path / "a.mkv", "ffv1", "yuv420p", size=(161, 121))
    with opened(path) as source:
        frame = source.read()
    assert (frame.color, frame.image.shape) == ("rgb", (121, 161, 3))
    assert np.abs(levels(frame) - levels_of(picture(0, 161, 121))).mean() < 3


TURNED = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


@pytest.mark.parametrize("clockwise", sorted(TURNED))
@pytest.mark.parametrize(("codec", "pixel_format"), [("libx264", "yuv420p"), ("mjpeg", "yuvj422p")])
def test_a_phones_rotation_is_applied(tmp_path, codec, pixel_format, clockwise):
    path = write_video(tmp_path / "a.mp4", codec, pixel_format)
    data = bytearray(path.read_bytes())
    track_header = data.index(b"tkhd") + 4
    a, b, c, d = (value << 16 for value in TURNED[clockwise])
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    data[track_header + 40 : track_header + 76] = matrix
    path.write_bytes(data)
    with opened(path) as source:
        frame = source.read()
    upright = np.rot90(picture(0), -clockwise // 90)
    assert (frame.height, frame.width) == upright.shape[:2]
    assert np.abs(levels(frame) - levels_of(upright)).mean() < 3


def test_planes_that_need_no_rearranging_are_views_of_the_decoders_memory(tmp_path):
    with opened(write_video(tmp_path / "a.nut", "rawvideo", "nv12")) as source:
        luma, chroma = source.read().image
    assert not luma.flags.owndata
    assert not chroma.flags.owndata


def test_frames_outlive_their_source(tmp_path):
    for name, codec, pixel_format in (
        ("a.mp4", "libx264", "yuv420p"),
        ("a.avi", "mjpeg", "yuvj422p"),
        ("a.nut", "rawvideo", "nv12"),
    ):
        with opened(write_video(tmp_path / name, codec, pixel_format)) as source:
            frames = read_all(source)
        assert np.abs(levels(frames[5]) - levels_of(picture(5))).mean() < 3


def test_frames_that_nobody_looks_at_are_not_decoded_where_each_stands_alone(tmp_path):
    path = write_video(tmp_path / "a.avi", "mjpeg", "yuvj420p", count=40, size=(1280, 720))

    def cost(looks):
        with opened(path) as source:
            source.read()
            start = time.thread_time()
            for frame in iter(source.read, None):
                if looks:
                    _ = frame.image
            return time.thread_time() - start

    assert min(cost(looks=False) for _ in range(3)) < 0.2 * cost(looks=True)


def test_a_damaged_picture_is_an_error_of_that_frame_only(tmp_path):
    path = write_video(tmp_path / "a.avi", "mjpeg", "yuvj420p", count=5)
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data) - 2) if data[at : at + 3] == b"\xff\xd8\xff"]
    data[starts[2] : starts[3] - 8] = bytes(starts[3] - 8 - starts[2])  # 8: the next chunk's header
    path.write_bytes(data)
    with opened(path) as source:
        frames = read_all(source)
    assert len(frames) == 5
    with pytest.raises(MediaError, match="damaged"):
        _ = frames[2].image
    assert np.abs(levels(frames[3]) - levels_of(picture(3))).mean() < 3


def test_a_video_whose_first_picture_is_damaged_begins_with_the_second(tmp_path):
    path = write_video(tmp_path / "a.avi", "mjpeg", "yuvj420p", count=5)
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data) - 2) if data[at : at + 3] == b"\xff\xd8\xff"]
    data[starts[0] : starts[1] - 8] = bytes(starts[1] - 8 - starts[0])
    path.write_bytes(data)
    with opened(path) as source:
        frames = read_all(source)
    assert [frame.captured_at for frame in frames] == pytest.approx([n / RATE for n in range(1, 5)])
    assert np.abs(levels(frames[0]) - levels_of(picture(1))).mean() < 3


def test_timestamps_that_leap_or_fall_back_neither_stop_time_nor_rush_it(tmp_path):
    path = tmp_path / "a.nut"
    stamps = [0, 1, 2, 10**9, 10**9 + 1, 10**9 + 2]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("rawvideo", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(picture(index, 64, 48), format="rgb24")
            frame.pts = stamp
            file.mux(stream.encode(frame))
    with opened(path) as source:
        times = [frame.captured_at for frame in read_all(source)]
    assert times == pytest.approx([index / RATE for index in range(6)], abs=2e-3)


def test_in_real_time_each_frame_waits_until_it_is_due(tmp_path):
    clock, waits = ManualClock(start=5.0), []

    def wait(stop, seconds):
        waits.append(seconds)
        clock.advance_to(clock.now() + seconds)
        return False

    path = str(write_video(tmp_path / "a.mp4", count=4))
    with VideoFile(path, clock, Pacer("realtime", clock, wait=wait)) as source:
        frames = read_all(source)
    assert [frame.captured_at for frame in frames] == pytest.approx(
        [5 + index / RATE for index in range(4)]
    )
    assert waits == pytest.approx([1 / RATE] * 3)


def test_a_late_reader_does_not_wait(tmp_path):
    clock = ManualClock()
    pacer = Pacer("realtime", clock, wait=lambda stop, seconds: pytest.fail("waited"))
    with VideoFile(str(write_video(tmp_path / "a.mp4", count=4)), clock, pacer) as source:
        assert source.read().captured_at == 0
        clock.advance_to(60)
        assert len(read_all(source)) == 3


def test_closing_ends_a_wait_in_another_thread_and_gives_the_file_back(tmp_path):
    path = write_video(tmp_path / "a.mp4", count=30)
    clock = ManualClock()  # it never gets any later
    source = VideoFile(str(path), clock, Pacer("realtime", clock))
    assert source.read().seq == 0
    frames = []
    thread = threading.Thread(target=lambda: frames.append(source.read()))
    thread.start()
    source.close()
    thread.join(5)
    assert not thread.is_alive()
    assert source.read() is None


def test_a_closed_source_stays_closed(tmp_path):
    source = opened(write_video(tmp_path / "a.mp4"))
    source.close()
    assert source.read() is None
    source.close()


@pytest.mark.parametrize("name", each(["officer"], ["azure-Family1-Dad1.jpg"]))
def test_a_real_portrait_survives_the_way_through_a_video(tmp_path, name):
    from emonet_edge import media

    portrait = media.load_image(photo_path(name))
    height, width = (side // 2 * 2 for side in portrait.shape[:2])
    portrait = portrait[:height, :width]
    path = write_video(
        tmp_path / "a.mp4",
        "libx264",
        size=(width, height),
        count=3,
        tags=(5, 1),
        pictures=lambda index, w, h: portrait,
    )
    with opened(path) as source:
        frame = source.read()
    assert np.abs(levels(frame) - levels_of(portrait)).mean() < 4
