"""Voices: up to 30 s of sound become the scores of 40 emotions and 15 attributes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from emonet_edge.audio import SAMPLE_RATE, WINDOW_S, log_mel_spectrogram, resample
from emonet_edge.exceptions import EmonetWarning
from emonet_edge.heads import HeadsMemory
from emonet_edge.models.emotion_model import (
    EmotionModel,
    LoadOptions,
    chosen_names,
    load_parts,
    open_directory,
)
from emonet_edge.models.heads_budget import heads_within
from emonet_edge.scores import Scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["VoiceEmotionModel"]


class VoiceEmotionModel(EmotionModel):
    """Scores voices. `model(waveform, rate)` is `score(embed(prepare(waveform, rate)))`."""

    modality = "voice"

    @classmethod
    def load(
        cls,
        model_dir: str | os.PathLike[str],
        *,
        device: str = "AUTO",
        heads: Sequence[str] | None = None,
        threads: int | None = None,
        memory_budget: int | None = None,
        verify: Literal["fast", "full"] = "fast",
        precision_hint: str | None = None,
        batch: int = 1,
        fallback: bool = True,
        cache: bool = True,
        memory: HeadsMemory = "map",
    ) -> VoiceEmotionModel:
        """Load a model directory.

        Args:
            model_dir: the directory.
            device: "AUTO", "CPU", "GPU", "GPU.1", "NPU"; what runs in the end is in `report`,
                and another device than the one asked for is also a warning.
            heads: canonical names of the heads to score; only these are read. None is all.
            threads: for encoder and heads; None is the process's thread budget.
            memory_budget: bytes that the whole model may take, encoder included. The heads that
                fit are kept (in the order of `heads`, else emotions before attributes) and the
                others are named in `left_out` and in a warning. None: no limit.
            verify: "fast" or "full", see `ModelDir.open`.
            precision_hint: "f32", "bf16" or "f16"; None is the directory's own.
            batch: how many windows the encoder runs at once, 1 to 64.
            fallback: whether the CPU may stand in for a device that is absent or fails.
            cache: whether compiled models are kept for the next start.
            memory: "map" or "copy", see `MultiHeadMLP.open`.

        Raises:
            ModelDirectoryError, DeviceError, UnknownNameError: as for `FaceEmotionModel.load`.
            MemoryBudgetError: the directory does not fit the memory there is, or no head fits
                the budget.
        """
        options = LoadOptions(
            device=device,
            threads=threads,
            precision_hint=precision_hint,
            batch=batch,
            fallback=fallback,
            cache=cache,
            memory=memory,
        )
        directory = open_directory(model_dir, cls.modality, verify)
        names, left_out = heads_within(directory, chosen_names(directory, heads), memory_budget)
        if left_out:
            warnings.warn(
                f"a memory budget of {memory_budget} bytes leaves out {len(left_out)} heads: "
                f"{', '.join(left_out)}",
                EmonetWarning,
                stacklevel=2,
            )
        encoder, mlp = load_parts(directory, options, names)
        if encoder.fallback:
            warnings.warn(encoder.fallback, EmonetWarning, stacklevel=2)
        return cls(directory, encoder, mlp, left_out)

    def prepare(
        self, waveform: NDArray[np.float32], sample_rate: float = SAMPLE_RATE
    ) -> NDArray[np.float32]:
        """Compute the log-mel spectrogram that the encoder hears.

        Args:
            waveform: float32, -1 to 1, [n] or [n, channels]; channels are averaged. Shorter than
                30 s is padded with silence, of longer sound only the first 30 s are heard (a
                warning says so): cut it into windows to score all of it.
            sample_rate: Hz; anything but 16000 is resampled (extra `media`).

        Returns:
            float32 [80, 3000].

        Raises:
            AudioError: empty, not finite, wrong type, rank or rate.
            MissingExtraError: resampling is needed and soxr is not installed.
        """
        spectrogram, unheard = _heard(waveform, sample_rate)
        if unheard:
            warnings.warn(unheard, EmonetWarning, stacklevel=2)
        return spectrogram

    def __call__(self, waveform: NDArray[np.float32], sample_rate: float = SAMPLE_RATE) -> Scores:
        """Score one clip; arguments, warning and errors as in `prepare`."""
        spectrogram, unheard = _heard(waveform, sample_rate)
        if unheard:
            warnings.warn(unheard, EmonetWarning, stacklevel=2)
        return self.score(self.embed(spectrogram))


def _heard(waveform: NDArray[np.float32], sample_rate: float) -> tuple[NDArray[np.float32], str]:
    """Return the log-mel spectrogram, and what to warn of: "" where all of it is heard."""
    mono = resample(waveform, sample_rate)
    unheard = ""
    if len(mono) > WINDOW_S * SAMPLE_RATE:
        unheard = (
            f"only the first {WINDOW_S} s of {len(mono) / SAMPLE_RATE:.1f} s are scored; "
            "cut longer sound into windows"
        )
    return log_mel_spectrogram(mono), unheard
