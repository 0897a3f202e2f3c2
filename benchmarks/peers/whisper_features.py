"""Whisper's log-mel spectrogram of 30 s by other libraries: float32 [480000] -> [80, 3000]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["kaldi_native_fbank", "librosa", "transformers_numpy", "transformers_torch"]

Waveform = NDArray[np.float32]
SAMPLE_RATE, N_FFT, HOP, N_MELS = 16000, 400, 160, 80


def transformers_numpy(waveform: Waveform) -> Callable[[], Any]:
    """WhisperFeatureExtractor without torch."""
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor()
    return lambda: extractor._np_extract_fbank_features(waveform[np.newaxis], "cpu")[0]


def transformers_torch(waveform: Waveform) -> Callable[[], Any]:
    """WhisperFeatureExtractor where torch is installed."""
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor()
    return lambda: extractor._torch_extract_fbank_features(waveform)


def librosa(waveform: Waveform) -> Callable[[], Any]:
    """librosa's mel spectrogram, scaled as Whisper does; its filters are made once."""
    import librosa as library

    filters = library.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=N_MELS)

    def run() -> Any:
        spectrum = library.stft(waveform, n_fft=N_FFT, hop_length=HOP, pad_mode="reflect")
        return _scaled(filters @ (np.abs(spectrum[:, :-1]) ** 2))

    return run


def kaldi_native_fbank(waveform: Waveform) -> Callable[[], Any]:
    """kaldi-native-fbank's Whisper features, scaled as sherpa-onnx scales them."""
    import kaldi_native_fbank as library

    options = library.WhisperFeatureOptions()

    def run() -> Any:
        fbank = library.OnlineWhisperFbank(options)
        fbank.accept_waveform(SAMPLE_RATE, waveform)
        fbank.input_finished()
        frames = [fbank.get_frame(i) for i in range(fbank.num_frames_ready)]
        return _scaled(np.stack(frames)[:3000].T)

    return run


def _scaled(mel: NDArray[Any]) -> NDArray[Any]:
    log_mel = np.log10(np.maximum(mel, 1e-10))
    return (np.maximum(log_mel, log_mel.max() - 8.0) + 4.0) / 4.0
