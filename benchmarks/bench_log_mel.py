"""How long does the log-mel spectrogram of 30 s of sound take on one thread?

Answers are compared with tests/reference_audio.py (float64): everyone within 1e-4. Frames of
kaldi-native-fbank are centred half a hop later than Whisper's, so its reference starts 80 samples
later and the five frames at either end are left out. Unit: seconds for one window of 480 000
samples, 3000 frames.
"""

from __future__ import annotations

import numpy as np
import pytest

import reference_audio
from benchmarks.inputs import thirty_seconds
from benchmarks.peers import whisper_features
from benchmarks.race import Contestant, Race, replayed_time
from emonet_edge import log_mel_spectrogram

GROUP = "log-mel of 30 s, 1 thread"
PEERS = {
    "transformers, NumPy path": whisper_features.transformers_numpy,
    "transformers, torch path": whisper_features.transformers_torch,
    "librosa": whisper_features.librosa,
    "kaldi-native-fbank": whisper_features.kaldi_native_fbank,
}
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def race(rounds: int) -> Race:
    waveform = thirty_seconds()
    expected = reference_audio.log_mel_spectrogram(waveform)
    half_a_hop_later = reference_audio.log_mel_spectrogram(waveform[80:])

    def check(answer) -> None:
        assert answer.shape == (80, 3000)
        assert np.abs(answer - expected).max() <= TOLERANCE

    def check_shifted(answer) -> None:
        assert np.abs(answer - half_a_hop_later)[:, 5:-5].max() <= TOLERANCE

    def contestant(name: str, run) -> Contestant:
        right = check_shifted if name == "kaldi-native-fbank" else check
        every = 3 if name == "kaldi-native-fbank" else 1  # it takes most of a second
        return Contestant(run, right, {"frames": 3000, "tolerance": TOLERANCE}, every)

    runs = {"emonet-edge": lambda: log_mel_spectrogram(waveform)}
    absent = {}
    for name, peer in PEERS.items():
        try:
            runs[name] = peer(waveform)
        except ImportError as error:
            absent[name] = f"{name} is not installed: {error}"
    contestants = {name: contestant(name, run) for name, run in runs.items()}
    return Race("30 s of sound", contestants, rounds, threads=1, absent=absent)


@pytest.mark.benchmark(group=GROUP, timer=replayed_time)
@pytest.mark.parametrize("name", ["emonet-edge", *PEERS])
def test_log_mel_spectrogram(benchmark, race, name):
    race.report(benchmark, name)
