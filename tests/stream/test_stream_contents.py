"""What a recording holds, read from its header without opening anything else."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import emonet_edge as ee
from emonet_edge.exceptions import MediaError

av = pytest.importorskip("av")


def write(path, *, pictures=0, samples=0):
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=10) if pictures else None
        sound = container.add_stream("aac", rate=16_000, layout="mono") if samples else None
        if video is not None:
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for index in range(pictures):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(video.encode(frame))
        for first in range(0, samples, 1024):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts, frame.time_base = 16_000, first, Fraction(1, 16_000)
            container.mux(sound.encode(frame))
        for stream in (video, sound):
            if stream is not None:
                container.mux(stream.encode())
    return str(path)


def test_tracks_and_duration_are_told_apart(tmp_path):
    both = ee.stream.contents_of(write(tmp_path / "a.mp4", pictures=20, samples=32_000))
    assert (both.pictures, both.sound) == (True, True)
    assert both.duration == pytest.approx(2.0, abs=0.15)
    silent = ee.stream.contents_of(write(tmp_path / "b.mp4", pictures=20))
    assert (silent.pictures, silent.sound) == (True, False)
    blind = ee.stream.contents_of(write(tmp_path / "c.m4a", samples=32_000))
    assert (blind.pictures, blind.sound) == (False, True)


def test_the_cover_of_an_album_is_no_film(tmp_path):
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("libmp3lame", rate=16_000, layout="mono")
        cover = container.add_stream("png")
        cover.width, cover.height, cover.pix_fmt = 64, 64, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(cover.encode(picture))
        for first in range(0, 16_000, 1152):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1152), np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = 16_000, first
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
        container.mux(cover.encode())
    found = ee.stream.contents_of(str(path))
    assert (found.pictures, found.sound) == (False, True)


@pytest.mark.parametrize("content", [b"", b"no recording", b"#EXTM3U\n/etc/passwd\n"])
def test_what_is_no_recording_is_refused(tmp_path, content):
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(MediaError, match=r"x\.mp4 cannot be read"):
        ee.stream.contents_of(str(tmp_path / "x.mp4"))
    with pytest.raises(MediaError, match="no such file"):
        ee.stream.contents_of(str(tmp_path / "y.mp4"))
