"""What does the stream cost beside its encoders, and how late are its results?

A live session of full-size models in real time: 30 frames a second of 1080p NV12 with one face, a
microphone of 48 kHz, face and voice taking turns on all threads; see `stream_run.py` for how CPU
time is counted. Unit of the first group: CPU seconds for one second of the stream, beside the one
second that a core has. Unit of the second: seconds from a frame's capture to its result, beside the
encoder's run for that frame.

Answers: every frame has one outcome; the detector ran 10 times a second; the face was scored, in
each result as often as the encoder could; utterances were scored.
"""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks import models
from benchmarks.race import machine_to_ourselves, play_back, replayed_time
from benchmarks.settings import THREADS
from benchmarks.stream_run import DETECTOR_VARIABLE, StreamRun, detector_file, run_stream
from benchmarks.whole import default_hint
from emonet_edge import FaceDetector, FaceEmotionModel, VoiceEmotionModel

pytestmark = pytest.mark.full

SECONDS = 40.0
VOICE_HEADS = ["anger", "fear", "sadness"]
OWN, WITH_DETECTOR = "the stream's own work", "the stream's own work and the detector at 10 Hz"
CORE = "one core"
RESULT, RESULT_AND_TURN = "frame to result", "frame to result, with waiting for the voice"
ENCODER = "the encoder's run"


@pytest.fixture(scope="module")
def run() -> StreamRun:
    detector = detector_file()
    if detector is None:
        pytest.skip(f"needs YuNet: set {DETECTOR_VARIABLE} to its file")
    options = {"device": "CPU", "threads": THREADS, "precision_hint": default_hint()}
    face = FaceEmotionModel.load(models.face_model(), **options)
    voice = VoiceEmotionModel.load(models.voice_model(), heads=VOICE_HEADS, **options)
    with machine_to_ourselves():
        found = run_stream(face, voice, FaceDetector.load(detector), SECONDS)
    check(found)
    return found


def check(found: StreamRun) -> None:
    seqs = Counter(frame.seq for frame in found.frames)
    assert set(seqs.values()) == {1}
    assert found.detections == pytest.approx(10 * found.seconds, rel=0.1)
    assert {len(frame.faces) for frame in found.scored} == {1}
    assert len(found.scored) > 0.5 * found.seconds
    assert any(outcome.kind == "result" for outcome in found.utterances)
    assert not any(frame.kind == "error" for frame in found.frames)


@pytest.mark.benchmark(
    group=f"stream: a second of 30 frames 1080p and 48 kHz, {THREADS} threads", timer=replayed_time
)
@pytest.mark.parametrize("name", [OWN, WITH_DETECTOR, CORE])
def test_cpu(benchmark, run, name):
    shares = {OWN: run.own_cpu, WITH_DETECTOR: run.own_cpu + run.detector_cpu, CORE: 1.0}
    benchmark.extra_info.update(
        work="a second of the stream, CPU time",
        threads=THREADS,
        contestant=name,
        precision_hint=default_hint(),
        watched_s=run.seconds,
        cpu_s_by_thread=run.thread_cpu_s,
        encoders_in_these_threads_cpu_s=run.encoder_cpu_s,
    )
    play_back(benchmark, [shares[name]])


@pytest.mark.benchmark(group=f"stream: frame to result, {THREADS} threads", timer=replayed_time)
@pytest.mark.parametrize("name", [RESULT, RESULT_AND_TURN, ENCODER])
def test_latency(benchmark, run, name):
    times = {
        RESULT: [frame.age_ms - frame.stages_ms["turn"] for frame in run.scored],
        RESULT_AND_TURN: [frame.age_ms for frame in run.scored],
        ENCODER: [frame.stages_ms["embed"] for frame in run.scored],
    }
    benchmark.extra_info.update(
        work="one face", threads=THREADS, contestant=name, precision_hint=default_hint()
    )
    play_back(benchmark, [ms / 1e3 for ms in times[name]])
