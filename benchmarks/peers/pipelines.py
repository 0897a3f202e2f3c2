"""Whole pipelines as LAION's published scripts run them: prepare, encode, one module per head.

Preparation is the Hugging Face processor or feature extractor, heads are a loop over torch
modules; what varies is what runs the encoder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.pictures import siglip_processor
from benchmarks.peers.torch_heads import TorchHeads

__all__ = ["by_torch", "face_pipeline", "voice_pipeline"]

Encode = Callable[[NDArray[np.float32]], Any]


def by_torch(module: Any) -> Encode:
    """Run a torch encoder on a NumPy batch."""
    import torch

    def encode(batch: NDArray[np.float32]) -> Any:
        with torch.inference_mode():
            return module(torch.from_numpy(batch))

    return encode


def face_pipeline(
    frame: NDArray[np.uint8], box: tuple[int, ...], encode: Encode, heads: TorchHeads
) -> Callable[[], NDArray[np.float32]]:
    """Crop, processor, encoder, L2 norm, heads."""
    import torch
    from PIL import Image

    processor = siglip_processor()
    x, y, width, height = box

    def run() -> NDArray[np.float32]:
        face = Image.fromarray(frame).crop((x, y, x + width, y + height))
        batch = processor(images=face, return_tensors="np")["pixel_values"]
        embedding = torch.as_tensor(encode(batch))
        return heads(torch.nn.functional.normalize(embedding, dim=-1))

    return run


def voice_pipeline(
    waveform: NDArray[np.float32], encode: Encode, heads: TorchHeads
) -> Callable[[], NDArray[np.float32]]:
    """Feature extractor (its torch path), encoder, heads on the whole sequence."""
    import torch
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor()

    def run() -> NDArray[np.float32]:
        batch = extractor(waveform, sampling_rate=16000, return_tensors="np")["input_features"]
        return heads(torch.as_tensor(encode(batch)))

    return run
