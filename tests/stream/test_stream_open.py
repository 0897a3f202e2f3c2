"""From a text to a source."""

from __future__ import annotations

import os

import pytest

import emonet_edge as ee
from emonet_edge.exceptions import MediaError
from emonet_edge.stream import SourceOptions
from emonet_edge.stream.sources.camera import Camera
from emonet_edge.stream.sources.container_audio import AudioFile
from emonet_edge.stream.sources.container_video import VideoFile
from emonet_edge.stream.sources.microphone import Microphone
from emonet_edge.stream.sources.network_camera import NetworkCamera
from emonet_edge.stream.sources.raw_audio import RawAudio
from emonet_edge.stream.sources.raw_video import RawVideo
from stream_media import read_all, write_video


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "a.fifo"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("camera:0", Camera),
        ("camera:HD Webcam", Camera),
        ("/dev/video0", Camera),
        ("/dev/v4l/by-id/usb-x", Camera),
        ("v4l2:/dev/video3", Camera),
        ("rtsp://10.0.0.1/a", NetworkCamera),
        ("rtsps://10.0.0.1/a", NetworkCamera),
        ("RTSP://10.0.0.1/a", NetworkCamera),
        ("pipe:nv12:640x480@30:{fifo}", RawVideo),
        ("{fifo}", VideoFile),
        ("file:{fifo}", VideoFile),
    ],
)
def test_devices_and_pipes_are_awaited_and_opened_again(fifo, spec, kind):
    source = ee.stream.open_video(spec.format(fifo=fifo))
    assert isinstance(source._source, kind)
    assert (source.state, source.live) == ("opening", True)
    source.close()
    assert source.state == "ended"


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("mic", Microphone),
        ("mic:", Microphone),
        ("mic:2", Microphone),
        ("mic:USB Audio", Microphone),
        ("pipe:s16le:16000x1:{fifo}", RawAudio),
        ("{fifo}", AudioFile),
    ],
)
def test_microphones_and_pipes_are_awaited_and_opened_again(fifo, spec, kind):
    source = ee.stream.open_audio(spec.format(fifo=fifo))
    assert isinstance(source._source, kind)
    assert source.live
    source.close()


def test_a_file_is_open_already_and_not_opened_again(tmp_path):
    path = write_video(tmp_path / "a:b.mp4")
    notices = []
    for spec in (str(path), f"file:{path}"):
        with ee.stream.open_video(
            spec, SourceOptions(pace="fast"), on_notice=notices.append
        ) as source:
            assert not source.live
            assert len(read_all(source)) == 10
            assert source.state == "ended"
    states = [notice.details["state"] for notice in notices]
    assert states == ["running", "ended"] * 2


def test_a_file_that_is_not_there_is_an_error_of_the_callers_line(tmp_path):
    for open_source in (ee.stream.open_video, ee.stream.open_audio):
        with pytest.raises(MediaError, match="no such file"):
            open_source(str(tmp_path / "nothing.mp4"))


def test_the_names_are_found_without_loading_them():
    import subprocess
    import sys

    code = (
        "import sys, emonet_edge as ee, emonet_edge.stream;"
        "print([m for m in ('numpy', 'av', 'sounddevice') if m in sys.modules], dir(ee.stream))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert said.startswith("[]")
    assert "'open_video'" in said
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ee.stream.nothing
