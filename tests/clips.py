"""Short recordings for tests of the command line and of what the documentation shows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

av = pytest.importorskip("av")
Image = pytest.importorskip("PIL.Image")

RATE = 16_000


def write_clip(path, pictures, waveform=None, fps=10):
    """Write pictures (RGB, all of one size) and float32 sound at 16 kHz as an mp4."""
    with av.open(str(path), "w") as container:
        video = sound = None
        if pictures:
            video = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
            video.height, video.width = pictures[0].shape[:2]
            video.pix_fmt = "yuv420p"
        if waveform is not None:
            sound = container.add_stream("aac", rate=RATE, layout="mono")
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(video.encode(frame))
        for start in range(0, 0 if waveform is None else len(waveform), 1024):
            part = np.ascontiguousarray(waveform[None, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            frame.time_base = Fraction(1, RATE)
            container.mux(sound.encode(frame))
        for stream in (video, sound):
            if stream is not None:
                container.mux(stream.encode())
    return path


def picture_of(path):
    with Image.open(path) as picture:
        return picture.convert("RGB").resize((round(picture.width * 320 / picture.height), 320))
