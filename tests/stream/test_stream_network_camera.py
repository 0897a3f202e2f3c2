"""Network cameras: a real RTSP conversation, one that never answers, one that goes and returns."""

from __future__ import annotations

import socket
import threading
import time

import numpy as np
import pytest

import emonet_edge as ee
from emonet_edge.exceptions import InputError, MediaError
from emonet_edge.stream import SourceOptions
from emonet_edge.stream.clock import SystemClock
from emonet_edge.stream.sources.network_camera import NetworkCamera
from rtsp_server import RtspServer, rtp_packets
from stream_media import in_thread, levels, levels_of, picture

QUICK = SourceOptions(network_timeout=1.0)


@pytest.fixture(scope="module")
def packets():
    return rtp_packets(20)


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def silent_server():
    """Accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_network_camera_gives_its_pictures(packets):
    server = RtspServer(packets)
    with ee.stream.open_video(server.url, QUICK) as source:
        frames = [source.read() for _ in range(15)]
    server.pull()
    assert [frame.seq for frame in frames] == list(range(15))
    assert frames[0].color == "nv12"
    assert np.abs(levels(frames[9]) - levels_of(picture(9))).mean() < 3


def test_a_network_camera_that_returns_delivers_again_within_three_seconds(packets):
    notices = []
    server = RtspServer(packets)
    source = ee.stream.open_video(server.url, QUICK, on_notice=notices.append)
    for _ in range(10):
        source.read()
    server.pull()
    frames, came = [], threading.Event()

    def read():
        for frame in iter(source.read, None):
            frames.append(frame)
            if source.state == "running" and len(notices) >= 3:
                came.set()

    reading = in_thread(read)
    while source.state != "lost":
        assert reading.is_alive()
        time.sleep(0.001)
    back = RtspServer(packets, server.port)
    start = time.monotonic()
    assert came.wait(10)
    took = time.monotonic() - start
    source.close()
    back.pull()
    reading.join(5)
    assert not reading.is_alive()
    assert took < 3.0
    assert [notice.details["state"] for notice in notices] == [
        "running",
        "lost",
        "running",
        "ended",
    ]


def test_a_closed_port_is_tried_again_and_again_and_close_ends_it(closed_port):
    notices = []
    url = f"rtsp://user:secret@127.0.0.1:{closed_port}/x"
    source = ee.stream.open_video(url, on_notice=notices.append)
    reading = in_thread(source.read)
    start = time.monotonic()
    while source._failures < 4:  # after 0.1 + 0.2 + 0.4 s
        assert time.monotonic() - start < 5
        time.sleep(0.01)
    assert source.state == "lost"
    assert "Connection refused" in source.reason
    source.close()
    reading.join(0.5)
    assert not reading.is_alive()
    assert [notice.details["state"] for notice in notices] == ["lost", "ended"]


def test_a_camera_that_never_answers_is_an_error_within_the_timeout(silent_server):
    url = f"rtsp://127.0.0.1:{silent_server}/x"
    source = NetworkCamera(url, SystemClock(), timeout=0.5)
    start = time.monotonic()
    with pytest.raises(MediaError, match="cannot be reached"):
        source.read()
    assert time.monotonic() - start < 1.5


def test_a_camera_that_falls_silent_is_lost_within_the_timeout(packets):
    server = RtspServer(packets)
    source = NetworkCamera(server.url, SystemClock(), timeout=0.5)
    for _ in packets[2:]:  # one frame each, but for the first two packets
        source.read()
    start = time.monotonic()
    with pytest.raises(MediaError):
        source.read()
    assert time.monotonic() - start < 1.5
    source.close()
    server.pull()


def test_closing_does_not_wait_for_a_silent_camera_and_its_reader_ends_with_the_timeout(
    silent_server,
):
    source = NetworkCamera(f"rtsp://127.0.0.1:{silent_server}/x", SystemClock(), timeout=1.0)
    reading = in_thread(source.read)
    start = time.monotonic()
    source.close()
    assert time.monotonic() - start < 0.2
    reading.join(3)
    assert not reading.is_alive()


def test_a_password_is_in_no_message(closed_port):
    source = NetworkCamera(
        f"rtsp://user:secret@127.0.0.1:{closed_port}/x?password=secret", SystemClock()
    )
    with pytest.raises(MediaError) as caught:
        source.read()
    assert "secret" not in str(caught.value) + source.name
    assert str(closed_port) in source.name


@pytest.mark.parametrize(("url", "transport"), [("rtsp://a/b", "http"), ("rtsps://a/b", "udp")])
def test_another_transport_is_refused(url, transport):
    with pytest.raises(InputError, match="rtsp over tcp or udp"):
        ee.stream.open_video(url, SourceOptions(rtsp_transport=transport))
