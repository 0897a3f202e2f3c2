"""A live session in real time, and who spent how much CPU in it.

A camera gives 1080p NV12 frames at 30 a second with one drawn face that sways, a microphone 48 kHz
blocks of 32 ms with a synthesised voice; both wait in `read` as devices do. CPU time is the
kernel's, thread by thread (`/proc/self/task/*/schedstat`, in nanoseconds): the session's threads
are known by their names, all others belong to OpenVINO and the heads. What encoders and detector
spend in the session's own threads is measured with `time.thread_time` around each run.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emonet_edge.stream import Clock, Frame, FrameOutcome, LiveSession, UtteranceOutcome
from emonet_edge.stream.sources.source import AudioBlock
from emonet_edge.synthetic.demo_material import SAMPLE_RATE, draw_face, synthesize_voice

__all__ = ["DETECTOR_VARIABLE", "StreamRun", "detector_file", "run_stream"]

DETECTOR_VARIABLE = "EMONET_BENCH_DETECTOR"
"""YuNet's file; by default the one among the test data."""

FRAME_RATE, MICROPHONE = 30, 48000
BLOCK = 1536  # samples: 32 ms, as `sources.microphone` asks PortAudio for
WARM_UP_S = 5.0


def detector_file() -> Path | None:
    """YuNet's file, or None if there is none."""
    beside = Path(__file__).resolve().parents[2] / "shared/data/weights/yunet_n_dynamic.onnx"
    path = Path(os.environ.get(DETECTOR_VARIABLE) or beside)
    return path if path.is_file() else None


@dataclass(frozen=True)
class StreamRun:
    """What a session cost while it was watched.

    Attributes:
        seconds: how long that was.
        thread_cpu_s: CPU seconds by thread of the session.
        encoder_cpu_s, detector_cpu_s: of these, inside the encoders and the detector.
        detections: runs of the detector.
        frames, utterances: what became of the input.
    """

    seconds: float
    thread_cpu_s: dict[str, float]
    encoder_cpu_s: float
    detector_cpu_s: float
    detections: int
    frames: Sequence[FrameOutcome]
    utterances: Sequence[UtteranceOutcome]

    @property
    def own_cpu(self) -> float:
        """Share of a core for everything but encoders and detector."""
        own = sum(self.thread_cpu_s.values()) - self.encoder_cpu_s - self.detector_cpu_s
        return own / self.seconds

    @property
    def detector_cpu(self) -> float:
        """Share of a core for the detector."""
        return self.detector_cpu_s / self.seconds

    @property
    def scored(self) -> list[FrameOutcome]:
        """The frames for which the encoder ran."""
        return [frame for frame in self.frames if "embed" in frame.stages_ms]


def run_stream(face: Any, voice: Any, detector: Any, seconds: float) -> StreamRun:
    """Watch a session of full-size models for a while, after a warm-up."""
    encoders = [_Watched(face, "embed"), _Watched(voice, "embed")]
    looks = _Watched(detector, "detect")
    records: list[Any] = []
    with LiveSession(*encoders, looks, on_record=records.append) as session:
        session.add_video(_Camera(session.clock))
        session.add_audio(_Microphone(session.clock))
        time.sleep(WARM_UP_S)
        begin, cpu_before = time.perf_counter(), _cpu_of_threads()
        since = session.clock.now()
        time.sleep(seconds)
        cpu_after, end = _cpu_of_threads(), time.perf_counter()
        heard = [record for record in records if getattr(record, "captured_at", -1.0) >= since]
    return StreamRun(
        seconds=end - begin,
        thread_cpu_s={name: cpu_after[name] - cpu_before[name] for name in cpu_before},
        encoder_cpu_s=sum(encoder.cpu_between(begin, end) for encoder in encoders),
        detector_cpu_s=looks.cpu_between(begin, end),
        detections=looks.runs_between(begin, end),
        frames=[record for record in heard if isinstance(record, FrameOutcome)],
        utterances=[record for record in heard if isinstance(record, UtteranceOutcome)],
    )


def _cpu_of_threads() -> dict[str, float]:
    """CPU seconds by name of the session's threads so far."""
    return {
        thread.name: int(_schedstat(thread).split()[0]) / 1e9
        for thread in threading.enumerate()
        if thread.name.startswith("emonet-")
    }


def _schedstat(thread: threading.Thread) -> str:
    return Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text()


class _Watched:
    """The real thing; every call of one method is timed on the CPU of its thread."""

    def __init__(self, real: Any, method: str) -> None:
        self._real, self._method = real, method
        self._runs: list[tuple[float, float]] = []  # when it ended, CPU seconds

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        return self._timed(found) if name == self._method else found

    def _timed(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            start = time.thread_time()
            try:
                return run(*args, **options)
            finally:
                self._runs.append((time.perf_counter(), time.thread_time() - start))

        return timed

    def cpu_between(self, begin: float, end: float) -> float:
        return sum(cpu for at, cpu in self._runs if begin <= at < end)

    def runs_between(self, begin: float, end: float) -> int:
        return sum(begin <= at < end for at, _ in self._runs)


class _Device:
    """Something that gives an item every so many seconds until it is closed."""

    def __init__(self, clock: Clock, interval_s: float) -> None:
        self._clock, self._interval_s, self._zero = clock, interval_s, clock.now()
        self._closed = threading.Event()
        self._given = 0

    def read(self) -> Any:
        due = self._zero + (self._given + 1) * self._interval_s
        if self._closed.wait(max(due - self._clock.now(), 0.0)):
            return None
        item = self._item(self._given, self._clock.now())
        self._given += 1
        return item

    def close(self) -> None:
        self._closed.set()

    def _item(self, number: int, at: float) -> Any:
        raise NotImplementedError


class _Camera(_Device):
    """Eight pictures in turn: the face sways by some pixels, as people do."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, 1 / FRAME_RATE)
        self._pictures = [_nv12_1080p(shift) for shift in (0, 2, 4, 6, 8, 6, 4, 2)]

    def _item(self, number: int, at: float) -> Frame:
        planes = self._pictures[number // 3 % len(self._pictures)]
        return Frame(number, at, 1920, 1080, "nv12", lambda: planes, "bt709")


def _nv12_1080p(shift: int) -> tuple[np.ndarray, np.ndarray]:
    """The drawn face in the middle of a grainy room, as planes Y and UV."""
    face = draw_face()
    luma = np.random.default_rng(0).integers(60, 80, (1080, 1920)).astype(np.uint8)
    top, left = 240, 720 + shift
    grey = face @ np.array([0.2126, 0.7152, 0.0722])
    luma[top : top + len(face), left : left + face.shape[1]] = (16 + grey * 219 / 255).astype("u1")
    return luma, np.full((540, 1920), 128, np.uint8)


class _Microphone(_Device):
    """Ten seconds of speech and two of silence, over and over."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, BLOCK / MICROPHONE)
        voice = np.repeat(synthesize_voice(10.0), MICROPHONE // SAMPLE_RATE)
        self._sound = np.concatenate([voice, np.zeros(2 * MICROPHONE, np.float32)])

    def _item(self, number: int, at: float) -> AudioBlock:
        first = number * BLOCK
        begin = first % len(self._sound)
        samples = self._sound[begin : begin + BLOCK]
        return AudioBlock(first, at - BLOCK / MICROPHONE, MICROPHONE, samples)
