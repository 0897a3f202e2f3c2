"""Videos and sounds for the tests of sources, made when they are needed."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import emonet_edge as ee

av = pytest.importorskip("av")

WIDTH, HEIGHT, RATE = 320, 240, 30


def picture(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A smooth picture whose blue tells its number: red grows to the right, green downward."""
    y, x = np.mgrid[0:height, 0:width]
    blue = np.full_like(x, 8 * index % 256)
    return np.stack([x * 255 // width, y * 255 // height, blue], axis=2).astype(np.uint8)


def write_video(
    path: Path,
    codec: str = "mpeg4",
    pixel_format: str = "yuv420p",
    count: int = 10,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    container: str | None = None,
    tags: tuple[int, int] | None = None,
    pictures=picture,
) -> Path:
    """Encode `count` pictures at 30 a second; `tags` are ffmpeg's numbers of matrix and range."""
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=RATE)
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        stream.bit_rate = 8_000_000
        if tags is not None:
            stream.codec_context.colorspace, stream.codec_context.color_range = tags
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(pictures(index, *size), format="rgb24")
            if tags is not None:
                frame = frame.reformat(
                    format=pixel_format, dst_colorspace=tags[0], dst_color_range=tags[1]
                )
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def write_sound(path: Path, samples: np.ndarray, rate: int, codec: str = "pcm_s16le") -> Path:
    """Encode float32 [n, channels]."""
    with av.open(str(path), "w") as file:
        layout = "mono" if samples.shape[1] == 1 else "stereo"
        stream = file.add_stream(codec, rate=rate, layout=layout)
        values = np.ascontiguousarray(samples.reshape(1, -1) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(values, format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def read_all(source) -> list:
    """Read a source to its end."""
    return list(iter(source.read, None))


def levels(frame) -> np.ndarray:
    """What the encoder would see, as grey levels 0..255, float32 [3, 384, 384]."""
    return ee.preprocess_image(frame.image, **frame.options) * 127.5 + 127.5


def levels_of(pixels: np.ndarray) -> np.ndarray:
    """The same of a picture in rgb."""
    return ee.preprocess_image(pixels) * 127.5 + 127.5


class Writer:
    """Writes to a FIFO from a thread, as a camera or a microphone behind a pipe would."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = None
        self.error: BaseException | None = None

    def plug_in(self) -> Writer:
        """Open the FIFO; waits for the reader."""
        self._file = open(self._path, "wb", buffering=0)  # noqa: PTH123, SIM115
        return self

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def pull(self) -> None:
        self._file.close()


def in_thread(work) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def open_descriptors() -> set[str]:
    """What this process has open, by target: to see that a source gives everything back."""
    return {str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()}
