"""Whisper's log-mel spectrogram in plain NumPy and float64: the specification of the fast one."""

from __future__ import annotations

import numpy as np

SAMPLE_RATE, N_SAMPLES, N_FFT, HOP, N_MELS = 16000, 480000, 400, 160, 80


def mel_from_hz(hz: np.ndarray) -> np.ndarray:
    """Slaney's scale: linear to 1000 Hz, which is 15 mel, then 27 mel for a factor of 6.4."""
    log_part = 15.0 + 27.0 * np.log(np.maximum(hz, 1000.0) / 1000.0) / np.log(6.4)
    return np.where(hz < 1000.0, hz * 3.0 / 200.0, log_part)


def hz_from_mel(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * 6.4 ** ((mel - 15.0) / 27.0))


def mel_filters() -> np.ndarray:
    """[80, 201]: triangles that overlap by half, each of area 1 over the frequency in Hz."""
    top = mel_from_hz(np.array(SAMPLE_RATE / 2))
    edges = hz_from_mel(np.linspace(0.0, top, N_MELS + 2))
    low, centre, high = (edges[i : i + N_MELS, None] for i in range(3))
    hz = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT
    triangles = np.minimum((hz - low) / (centre - low), (high - hz) / (high - centre))
    return np.maximum(triangles, 0.0) * 2.0 / (high - low)


def log_mel_spectrogram(waveform: np.ndarray) -> np.ndarray:
    """[n] at 16 kHz -> [80, 3000]."""
    padded = np.zeros(N_SAMPLES)
    padded[: min(len(waveform), N_SAMPLES)] = waveform[:N_SAMPLES]
    mirrored = np.pad(padded, N_FFT // 2, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, N_FFT)[::HOP][:-1]
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    log_mel = np.log10(np.maximum(mel_filters() @ power.T, 1e-10))
    return (np.maximum(log_mel, log_mel.max() - 8.0) + 4.0) / 4.0
