"""The voice activity detector: silero's numbers, one thread, a memory that is cleared."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from emonet_edge.exceptions import IntegrityError
from emonet_edge.stream.voices import vad
from emonet_edge.stream.voices.vad import CHUNK, VoiceActivityDetector
from sounds import RATE, VOICES, voices

# Of silero_vad/data/silero_vad_openvino_16k.onnx in the wheel silero-vad 6.2.3.
SHA256 = "7776b81ad1b0350c15d7f1555943b9232eb53e9ca5d989c6d0cea9ebc8664d87"


@pytest.fixture(params=VOICES)
def said(request):
    return voices(request.param)


def chunks(waveform):
    return waveform[: len(waveform) // CHUNK * CHUNK].reshape(-1, CHUNK)


def probabilities(detector, waveform):
    return np.array([detector.probability(chunk) for chunk in chunks(waveform)])


def test_the_model_is_the_published_file():
    assert hashlib.sha256(vad.MODEL.read_bytes()).hexdigest() == SHA256
    assert "MIT License" in (vad.MODEL.parent / "LICENSE").read_text()


def test_it_gives_the_numbers_that_onnxruntime_gives(said):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(vad.MODEL), providers=["CPUExecutionProvider"])
    waveform = said.recording
    heard, state = np.zeros((1, 64 + CHUNK), np.float32), np.zeros((2, 1, 128), np.float32)
    expected = []
    for chunk in chunks(waveform):
        heard = np.concatenate([heard[:, -64:], chunk[np.newaxis]], axis=1)
        probability, state = session.run(["output", "stateN"], {"input": heard, "state": state})
        expected.append(probability.item())
    found = probabilities(VoiceActivityDetector(), waveform)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert max(expected) > 0.99
    assert min(expected) < 0.05


def test_two_streams_do_not_hear_each_other(said):
    waveform = said.recording
    alone = probabilities(VoiceActivityDetector(), waveform)
    one, other = VoiceActivityDetector(), VoiceActivityDetector()
    together = []
    for chunk in chunks(waveform):
        together.append(one.probability(chunk))
        other.probability(chunk[::-1].copy())
    np.testing.assert_array_equal(together, alone)


def test_reset_forgets_everything(said):
    waveform = said.recording
    detector = VoiceActivityDetector()
    first = probabilities(detector, waveform)
    assert not np.array_equal(probabilities(detector, waveform), first)
    detector.reset()
    np.testing.assert_array_equal(probabilities(detector, waveform), first)
    detector.reset()
    detector.refresh()
    np.testing.assert_array_equal(probabilities(detector, waveform), first)


def test_refresh_keeps_the_last_half_second_and_nothing_else(said):
    noise, speech = said.noise, said.recording
    detector = VoiceActivityDetector()
    probabilities(detector, noise)
    detector.refresh()
    found = probabilities(detector, speech)
    fresh = VoiceActivityDetector()
    recent = chunks(noise)[-16:]
    for chunk in (*recent, *chunks(speech)):
        last = fresh.probability(chunk)
    assert len(recent) * CHUNK / RATE == pytest.approx(0.5, abs=0.02)
    assert found[-1] == last


def test_without_a_refresh_a_minute_of_noise_makes_it_deaf(said):
    noise = np.resize(said.noise, 60 * RATE)
    speech = said.first
    fresh = (probabilities(VoiceActivityDetector(), speech) > 0.5).sum()
    detector = VoiceActivityDetector()
    probabilities(detector, noise)
    deaf = (probabilities(detector, speech) > 0.5).sum()
    detector.reset()
    probabilities(detector, noise)
    detector.refresh()
    refreshed = (probabilities(detector, speech) > 0.5).sum()
    assert deaf < 0.8 * fresh
    assert refreshed > 0.95 * fresh


def test_a_chunk_may_be_reused_by_the_caller(said):
    waveform = said.recording
    buffer, one, other = np.empty(CHUNK, np.float32), *(VoiceActivityDetector() for _ in "12")
    for chunk in chunks(waveform)[:30]:
        buffer[:] = chunk
        one.probability(buffer)
        other.probability(chunk)
        buffer[:] = 0
    one.refresh()
    other.refresh()
    silence = np.zeros(CHUNK, np.float32)
    assert one.probability(silence) == other.probability(silence)


def test_only_the_calling_thread_works():
    code = """
import time
import numpy as np
from emonet_edge.stream import VoiceActivityDetector
detector = VoiceActivityDetector()
chunk = (np.random.default_rng(0).standard_normal(512) * 0.1).astype(np.float32)
def heard(n):
    for _ in range(n):
        detector.probability(chunk)
heard(100)
process, thread = time.process_time(), time.thread_time()
heard(5000)
thread = time.thread_time() - thread
print(time.process_time() - process - thread, thread)
"""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    others, own = map(float, run.stdout.split())
    assert others < 0.05 * own + 0.005


def test_a_missing_model_file_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(vad, "MODEL", tmp_path / "model.onnx")
    with pytest.raises(IntegrityError, match="install emonet-edge again"):
        vad._compiled.__wrapped__()
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(IntegrityError, match="install emonet-edge again"):
        vad._compiled.__wrapped__()
