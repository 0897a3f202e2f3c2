"""Pipes: raw pictures and samples, containers on a FIFO or on standard input, writers that go."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import wave
from itertools import pairwise

import numpy as np
import pytest

import emonet_edge as ee
from emonet_edge.exceptions import InputError, MediaError
from emonet_edge.stream import SourceOptions
from emonet_edge.stream.sources.byte_stream import ByteStream
from emonet_edge.stream.sources.stop_signal import StopSignal
from stream_media import (
    Writer,
    av,
    in_thread,
    levels,
    levels_of,
    open_descriptors,
    picture,
    read_all,
    write_sound,
    write_video,
)

FAST = SourceOptions(pace="fast")
FORMATS = ["nv12", "i420", "yuyv", "rgb", "bgr"]
FFMPEG_NAMES = {"i420": "yuv420p", "yuyv": "yuyv422", "rgb": "rgb24", "bgr": "bgr24"}


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "camera.fifo"
    os.mkfifo(path)
    return path


def raw(index: int, pixel_format: str = "nv12", size=(320, 240)) -> bytes:
    frame = av.VideoFrame.from_ndarray(picture(index, *size), format="rgb24")
    frame = frame.reformat(format=FFMPEG_NAMES.get(pixel_format, pixel_format))
    return frame.to_ndarray().tobytes()


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_raw_pictures_come_back_with_their_colours(tmp_path, pixel_format):
    path = tmp_path / "a.raw"
    path.write_bytes(b"".join(raw(index, pixel_format) for index in range(4)))
    with ee.stream.open_video(f"pipe:{pixel_format}:320x240@25:{path}", FAST) as source:
        frames = read_all(source)
    assert [frame.captured_at for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12])
    for frame in frames:
        assert np.abs(levels(frame) - levels_of(picture(frame.seq))).mean() < 3


def test_raw_pictures_that_end_in_the_middle_of_one_say_so(tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(raw(0) + raw(1)[:1000])
    with ee.stream.open_video(f"pipe:nv12:320x240:{path}", FAST) as source:
        assert source.read().seq == 0
        with pytest.raises(MediaError, match="after 1,000 of 115,200 bytes"):
            source.read()


@pytest.mark.parametrize(
    "spec",
    [
        "pipe:nv12",
        "pipe:nv12:320",
        "pipe:nv12:axb",
        "pipe:nv12:320x240@x",
        "pipe:nv12:321x240",
        "pipe:yuyv:320x240@0",
        "pipe:p010:320x240",
    ],
)
def test_a_geometry_that_is_none_is_refused_at_once(spec):
    with pytest.raises(InputError):
        ee.stream.open_video(spec)


def test_a_geometry_beyond_every_camera_is_refused():
    with pytest.raises(MediaError, match="100000x100000"):
        ee.stream.open_video("pipe:rgb:100000x100000")


@pytest.mark.parametrize(
    "spec", ["pipe:u8:16000", "pipe:s16le:x", "pipe:s16le:16000x0", "pipe:s16le"]
)
def test_a_sample_layout_that_is_none_is_refused_at_once(spec):
    with pytest.raises(InputError):
        ee.stream.open_audio(spec)


def test_a_virtual_camera_that_is_pulled_delivers_again_when_it_returns(fifo):
    notices = []
    source = ee.stream.open_video(f"pipe:nv12:320x240:{fifo}", on_notice=notices.append)
    camera = Writer(fifo)
    frames = []
    reading = in_thread(lambda: frames.extend(iter(source.read, None)))

    def plug_in_and_count(count, first):
        before, start = len(frames), time.monotonic()
        camera.plug_in()
        for index in range(count):
            camera.write(raw(first + index))
        while len(frames) <= before:
            assert time.monotonic() - start < 10
            time.sleep(0.001)
        took = time.monotonic() - start
        camera.pull()
        while len(frames) < before + count or source.state != "lost":
            assert time.monotonic() - start < 10
            time.sleep(0.001)
        return took

    assert source.state == "opening"
    plug_in_and_count(3, first=0)
    back_after = [plug_in_and_count(3, first=3 * turn) for turn in range(1, 6)]
    source.close()
    reading.join(5)
    assert not reading.is_alive()
    assert max(back_after) < 3.0  # the project's target; the longest delay is 1.5 s
    assert [frame.seq for frame in frames] == list(range(18))
    for frame in frames:
        assert np.abs(levels(frame) - levels_of(picture(frame.seq))).mean() < 3
    states = [notice.details["state"] for notice in notices]
    assert states == ["running", "lost"] * 6 + ["ended"]


def test_a_container_on_a_fifo_comes_back_as_well(fifo, tmp_path):
    data = write_video(tmp_path / "a.mkv", count=5).read_bytes()
    source = ee.stream.open_video(str(fifo))

    def write_twice():
        for _ in range(2):
            camera = Writer(fifo).plug_in()
            camera.write(data)
            camera.pull()

    writing = in_thread(write_twice)
    frames = [source.read() for _ in range(10)]
    source.close()
    writing.join(5)
    assert [frame.seq for frame in frames] == list(range(10))
    assert np.abs(levels(frames[9]) - levels_of(picture(4))).mean() < 3


@pytest.mark.parametrize("spec", ["pipe:nv12:320x240:{}", "{}"])
@pytest.mark.parametrize("connected", [False, True])
def test_closing_ends_the_wait_for_a_writer_that_says_nothing(fifo, spec, connected):
    before = open_descriptors()
    source = ee.stream.open_video(spec.format(fifo))
    frames = []
    reading = in_thread(lambda: frames.append(source.read()))
    if connected:
        camera = Writer(fifo).plug_in()
        camera.write(b"\0" * 1000)
    start = time.monotonic()
    source.close()
    reading.join(5)
    assert not reading.is_alive()
    assert time.monotonic() - start < 0.5
    assert frames == [None]
    if connected:
        camera.pull()
    assert {name for name in open_descriptors() - before if "fifo" in name} == set()


def test_a_fifo_reads_what_is_there_and_does_not_wait_for_more(fifo):
    stream = ByteStream(str(fifo), StopSignal())
    writer = Writer(fifo).plug_in()
    writer.write(b"abc")
    assert stream.read(100) == b"abc"
    writer.write(b"defg")
    buffer = bytearray(4)
    assert stream.read_into(memoryview(buffer)) == 4
    writer.pull()
    assert stream.read(100) == b""
    stream.release()


PRINT_FRAMES = (
    "import sys, emonet_edge as ee\n"
    "from emonet_edge.stream import SourceOptions\n"
    "with ee.stream.open_video(sys.argv[1], SourceOptions(pace='fast')) as source:\n"
    "    frames = list(iter(source.read, None))\n"
    "print(len(frames), frames[-1].captured_at)\n"
)
PRINT_SAMPLES = PRINT_FRAMES.replace("open_video", "open_audio").replace(
    "frames[-1].captured_at", "sum(len(block.samples) for block in frames)"
)


def piped(code: str, spec: str, data: bytes) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code, spec], input=data, capture_output=True)
    assert not done.returncode, done.stderr.decode()
    return done.stdout.decode().split()


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.avi", "a.nut"])
def test_any_container_is_read_on_standard_input(tmp_path, name):
    count, last = piped(PRINT_FRAMES, "-", write_video(tmp_path / name, count=20).read_bytes())
    assert int(count) == 20
    assert float(last) == pytest.approx(19 / 30, abs=0.01)


def test_raw_pictures_are_read_on_standard_input():
    data = b"".join(raw(index) for index in range(5))
    assert piped(PRINT_FRAMES, "pipe:nv12:320x240", data)[0] == "5"


def test_a_wav_is_read_on_standard_input(tmp_path):
    data = write_sound(tmp_path / "a.wav", np.zeros((16_000, 1), np.float32), 16_000).read_bytes()
    assert piped(PRINT_SAMPLES, "-", data)[1] == "16000"


def test_raw_samples_are_read_on_standard_input():
    assert piped(PRINT_SAMPLES, "pipe:s16le:8000x2", bytes(8000 * 4))[1] == "8000"


def test_an_empty_or_closed_standard_input_is_an_error():
    for arguments in ({"input": b""}, {"stdin": subprocess.DEVNULL}):
        done = subprocess.run(
            [sys.executable, "-c", PRINT_FRAMES, "-"], capture_output=True, **arguments
        )
        assert b"MediaError: standard input cannot be read" in done.stderr


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("name", "dtype"), [("s16le", "<i2"), ("f32le", "<f4")])
def test_raw_samples_come_back_as_they_were(tmp_path, name, dtype, channels):
    ramp = np.linspace(-1, 1, 9000, endpoint=False, dtype=np.float32).reshape(-1, channels)
    values = np.round(ramp * 32768) if name == "s16le" else ramp
    path = tmp_path / "a.raw"
    path.write_bytes(values.astype(dtype).tobytes())
    with ee.stream.open_audio(f"pipe:{name}:8000x{channels}:{path}", FAST) as source:
        blocks = read_all(source)
    samples = np.concatenate([block.samples for block in blocks]).reshape(-1, channels)
    np.testing.assert_allclose(samples, ramp, atol=1 / 32768)
    for block, following in pairwise(blocks):
        assert block.end_sample == following.first_sample
        assert following.captured_at == pytest.approx(following.first_sample / 8000)


def test_a_fake_microphone_on_a_fifo_leaves_a_gap_while_it_is_away(fifo):
    source = ee.stream.open_audio(f"pipe:s16le:16000:{fifo}")
    second = (np.arange(16_000) % 1000).astype("<i2").tobytes()

    def speak_twice():
        for _ in range(2):
            microphone = Writer(fifo).plug_in()
            microphone.write(second)
            microphone.pull()

    speaking = in_thread(speak_twice)
    blocks = []
    while sum(len(block.samples) for block in blocks) < 32_000:
        blocks.append(source.read())
    source.close()
    speaking.join(5)
    gaps = [after.first_sample - before.end_sample for before, after in pairwise(blocks)]
    assert sum(gap > 0 for gap in gaps) <= 1
    assert min(gaps) == 0
    assert max(gaps) < 16_000 * 2  # the delay between two attempts


def test_the_python_wave_module_agrees_about_a_wav(tmp_path):
    path = tmp_path / "a.wav"
    values = (np.arange(-8000, 8000) * 4).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 22_050, 0, "NONE", ""))
        file.writeframes(values.tobytes())
    with ee.stream.open_audio(str(path), FAST) as source:
        blocks = read_all(source)
    np.testing.assert_array_equal(
        np.concatenate([block.samples for block in blocks]), values / np.float32(32768)
    )
    assert {block.sample_rate for block in blocks} == {22_050}
