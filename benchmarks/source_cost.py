"""What does it cost to receive 1080p video when only every tenth frame is looked at?

Unit: milliseconds of CPU time of the reading thread per frame, and the share of one core that this
is at 30 frames per second. One decoder thread. The pictures are a smooth random texture that pans,
with grain; H.264 is x264's `veryfast` at a constant 8 Mbit/s, a JPEG has about 150 kB, raw pictures
come from another process through a FIFO. Asserted: that a frame that is looked at has a brightness
as sent, and that none is missing.

    python -m benchmarks.source_cost
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

import emonet_edge as ee
from emonet_edge.stream import SourceOptions

WIDTH, HEIGHT, RATE, COUNT, LOOK_AT_EVERY = 1920, 1080, 30, 90, 10
H264_BIT_RATE = 8_000_000
CONSTANT = "nal-hrd=cbr:force-cfr=1:vbv-maxrate=8000:vbv-bufsize=8000"
FAST = SourceOptions(pace="fast")


def pictures() -> Iterator[av.VideoFrame]:
    """Return a panning texture with a little grain, as nv12."""
    random = np.random.default_rng(0)
    coarse = random.integers(40, 200, (20, 60, 3), dtype=np.uint8)
    texture = av.VideoFrame.from_ndarray(coarse, format="rgb24").reformat(
        2 * WIDTH, HEIGHT, format="rgb24", interpolation="BICUBIC"
    )
    wide = texture.to_ndarray()
    grain = random.integers(0, 12, (HEIGHT, WIDTH, 1), dtype=np.uint8)
    for index in range(COUNT):
        view = wide[:, 8 * index : 8 * index + WIDTH] + np.roll(grain, 17 * index, axis=1)
        yield av.VideoFrame.from_ndarray(view, format="rgb24").reformat(format="nv12")


def encode(path: Path, codec: str, pixel_format: str, options: dict[str, str]) -> Path:
    """Write the pictures into a file."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixel_format
        stream.bit_rate = H264_BIT_RATE  # JPEG has its quantizer
        for frame in pictures():
            file.mux(stream.encode(frame.reformat(format=pixel_format)))
        file.mux(stream.encode())
    return path


def raw(path: Path, pixel_format: str) -> Path:
    """Write the pictures as they lie in memory."""
    with path.open("wb") as file:
        for frame in pictures():
            file.write(frame.reformat(format=pixel_format).to_ndarray().tobytes())
    return path


def cost(spec: str, *, look: bool) -> float:
    """Return milliseconds of CPU per frame."""
    source, count = ee.stream.open_video(spec, FAST), 0
    frame = source.read()
    start = time.thread_time()
    while frame is not None and count < COUNT:
        if look and count % LOOK_AT_EVERY == 0:
            luma = frame.image[0] if isinstance(frame.image, tuple) else frame.image
            assert 40 < luma[::64, ::64].mean() < 220
        count += 1
        if count < COUNT:
            frame = source.read()
    spent = time.thread_time() - start
    assert count == COUNT
    source.close()
    return 1000 * spent / count


def through_fifo(file: Path, pixel_format: str, *, look: bool) -> float:
    """Let another process write raw pictures into a FIFO, and read them."""
    fifo = file.with_suffix(".fifo")
    if not fifo.exists():
        os.mkfifo(fifo)
    writer = subprocess.Popen(["dd", f"if={file}", f"of={fifo}", "bs=1M", "status=none"])
    try:
        return cost(f"pipe:{pixel_format}:{WIDTH}x{HEIGHT}@{RATE}:{fifo}", look=look)
    finally:
        writer.kill()
        writer.wait()


def main() -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        jpeg = encode(here / "a.avi", "mjpeg", "yuvj420p", {"qmin": "4", "qmax": "4"})
        constant = {"preset": "veryfast", "x264-params": CONSTANT}
        h264 = encode(here / "a.mp4", "libx264", "yuv420p", constant)
        nv12, yuyv = raw(here / "nv12.raw", "nv12"), raw(here / "yuyv.raw", "yuyv422")
        runs = {
            "raw NV12 through a pipe": lambda look: through_fifo(nv12, "nv12", look=look),
            "raw YUYV through a pipe": lambda look: through_fifo(yuyv, "yuyv", look=look),
            "MJPEG": lambda look: cost(str(jpeg), look=look),
            "H.264": lambda look: cost(str(h264), look=look),
        }
        print(f"jpeg {jpeg.stat().st_size / COUNT / 1e3:.0f} kB a frame, ", end="")
        print(f"H.264 {h264.stat().st_size * 8 * RATE / COUNT / 1e6:.1f} Mbit/s")
        print("| source | CPU per frame, none looked at | every tenth | of a core at 30/s |")
        print("| --- | --- | --- | --- |")
        for name, run in runs.items():
            plain, looked = (min(run(look) for _ in range(3)) for look in (False, True))
            share = looked * RATE / 10
            print(f"| {name} | {plain:.2f} ms | {looked:.2f} ms | {share:.1f} % |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
