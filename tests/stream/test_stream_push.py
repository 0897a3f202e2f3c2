"""Frames and samples that somebody else captured; the ring that keeps the newest sound."""

from __future__ import annotations

import numpy as np
import pytest

import emonet_edge as ee
from emonet_edge.exceptions import AudioError, ImageError
from emonet_edge.stream.clock import ManualClock
from emonet_edge.stream.sources.push import PushAudio, PushVideo, frame_of_array
from emonet_edge.stream.sources.sample_queue import SampleQueue
from stream_media import in_thread

SHAPES = [
    ("rgb", (6, 8, 3), None, (8, 6)),
    ("bgr", (6, 8, 3), None, (8, 6)),
    ("nv12", (9, 8), None, (8, 6)),
    ("nv12", (9, 16), 8, (8, 6)),
    ("yuyv", (6, 8, 2), None, (8, 6)),
    ("yuyv", (6, 16), None, (8, 6)),
    ("yuyv", (6, 32), 8, (8, 6)),
]


@pytest.mark.parametrize(("color", "shape", "width", "size"), SHAPES)
def test_a_pushed_array_is_a_frame_that_the_core_takes(color, shape, width, size):
    image = np.full(shape, 128, np.uint8)
    frame = frame_of_array(image, seq=3, captured_at=1.0, color=color, width=width)
    assert (frame.width, frame.height) == size
    assert frame.image is image
    box = (0, 0, *size)
    assert ee.preprocess_image(frame.image, box, **frame.options).shape == (3, 384, 384)


def test_planes_that_lie_apart_are_a_frame():
    planes = (np.zeros((6, 8), np.uint8), np.zeros((3, 8), np.uint8))
    frame = frame_of_array(planes, seq=0, captured_at=0.0, color="nv12")
    assert (frame.width, frame.height) == (8, 6)


@pytest.mark.parametrize("wrong", [None, "picture", np.zeros(5, np.uint8), []])
def test_what_is_no_picture_is_refused(wrong):
    with pytest.raises(ImageError, match="array of rows"):
        frame_of_array(wrong, seq=0, captured_at=0.0)


def test_the_newest_frame_wins_and_the_others_are_counted():
    source = PushVideo(ManualClock(start=2.0))
    for grey in range(3):
        source.push(np.full((2, 2, 3), grey, np.uint8))
    frame = source.read()
    assert (frame.seq, frame.captured_at, frame.image[0, 0, 0]) == (2, 2.0, 2)
    assert source.dropped == 2
    source.push(np.zeros((2, 2, 3), np.uint8), captured_at=1.5)
    source.end()
    assert source.read().captured_at == 1.5
    assert source.read() is None


@pytest.mark.parametrize(
    "source", [PushVideo(ManualClock()), PushAudio(ManualClock(), 16_000)], ids=["video", "audio"]
)
def test_closing_wakes_the_reader_of_a_pusher(source):
    read = []
    reading = in_thread(lambda: read.append(source.read()))
    source.close()
    reading.join(5)
    assert read == [None]


def test_pushed_samples_are_numbered_and_timed():
    clock = ManualClock(start=10.0)
    source = PushAudio(clock, 1000)
    source.push(np.ones(100, np.float32))
    source.push(np.ones(50, np.float32), captured_at=10.0)
    block = source.read()
    assert (block.first_sample, len(block.samples), block.sample_rate) == (0, 150, 1000)
    assert block.captured_at == pytest.approx(9.9)
    source.push(np.ones((10, 2), np.float32))
    assert source.read().first_sample == 150


@pytest.mark.parametrize("wrong", [None, [0.0], np.zeros(3), np.zeros((1, 2, 3), np.float32)])
def test_what_is_no_sound_is_refused(wrong):
    with pytest.raises(AudioError, match="float32"):
        PushAudio(ManualClock(), 16_000).push(wrong)


# The ring


def ramp(first, count):
    return np.arange(first, first + count, dtype=np.float64).astype(np.float32)


@pytest.mark.parametrize("start", [0, 2**31 - 500, 2**32 - 500])
def test_a_ring_keeps_the_newest_and_numbers_pass_32_bits(start):
    ring = SampleQueue(1000, 1000, first_sample=start)
    for turn in range(25):
        ring.write(ramp(100 * turn, 100), captured_at=0.1 * turn)
        assert ring.waiting <= 1000
    block = ring.read(0)
    assert block.first_sample == start + 1500
    assert block.captured_at == pytest.approx(1.5)
    np.testing.assert_array_equal(block.samples, ramp(1500, 1000))
    assert ring.lost == 1500


def test_a_block_never_spans_a_gap():
    ring = SampleQueue(1000, 1000)
    ring.write(ramp(0, 10), 0.0)
    ring.skip(7)
    ring.write(ramp(10, 10), 0.017)
    ring.write(ramp(20, 10), 0.027)
    blocks = [ring.read(0), ring.read(0), ring.read(0)]
    assert [(each.first_sample, len(each.samples)) for each in blocks[:2]] == [(0, 10), (17, 20)]
    assert blocks[2] is None
    assert ring.lost == 7


def test_one_block_larger_than_the_ring_is_kept():
    ring = SampleQueue(10, 1000)
    ring.write(ramp(0, 5), 0.0)
    ring.write(ramp(5, 50), 0.005)
    assert (ring.read(0).first_sample, ring.lost) == (5, 5)


def test_an_ended_ring_gives_what_is_left_and_then_nothing_at_once():
    ring = SampleQueue(10, 1000)
    ring.write(ramp(0, 5), 0.0)
    ring.end()
    assert len(ring.read(60).samples) == 5
    assert ring.read(60) is None
    assert ring.ended
