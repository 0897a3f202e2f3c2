"""Running encoders over samples: torch, and OpenVINO on the CPU."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emonet_edge._types import Float32
from emonet_edge.inference.openvino_core import core
from emonet_edge_export.calibration import Samples
from emonet_edge_export.heads.compensate import NeighbourMoments
from emonet_edge_export.progress import Progress

__all__ = ["IrEncoder", "embed_torch", "mean_embeddings", "release_memory"]


def embed_torch(module: torch.nn.Module, samples: Samples, progress: Progress) -> Float32:
    """Return the embeddings of torch in FP32: [n, ...]."""
    found = []
    with (
        torch.inference_mode(),
        progress.count("Embedding with torch FP32", len(samples)) as advance,
    ):
        for tensor in samples:
            found.append(module(torch.from_numpy(tensor[np.newaxis])).numpy()[0].copy())
            advance(1)
    return np.stack(found)


class IrEncoder:
    """An encoder.xml on the CPU, under "f32", "bf16" or None (the device's own choice)."""

    def __init__(self, xml: Path, hint: str | None) -> None:
        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if hint is not None:
            settings["INFERENCE_PRECISION_HINT"] = hint
        self._compiled = core().compile_model(str(xml), "CPU", settings)

    def __call__(self, tensor: Float32) -> Float32:
        """Return the embedding of one prepared input, without batch."""
        return np.array(self._compiled(tensor[np.newaxis])[0][0])

    def embed(self, samples: Samples, title: str, progress: Progress) -> Float32:
        """Return the embeddings of samples: [n, ...]."""
        found = []
        with progress.count(title, len(samples)) as advance:
            for tensor in samples:
                found.append(self(tensor))
                advance(1)
        return np.stack(found)


def mean_embeddings(
    encoder: IrEncoder,
    samples: Samples,
    progress: Progress,
    moments: NeighbourMoments | None = None,
) -> dict[str, Float32]:
    """Return the mean embedding of the samples as it is ("none") and of unit length ("l2").

    Embeddings as they are are counted into `moments` as well.
    """
    total: dict[str, Any] = {"none": 0.0, "l2": 0.0}
    with progress.count("Mean embedding", len(samples)) as advance:
        for tensor in samples:
            embedding = encoder(tensor)
            if moments is not None:
                moments.add(embedding)
            value = embedding.astype(np.float64)
            total["none"] = total["none"] + value
            total["l2"] = total["l2"] + value / max(float(np.linalg.norm(value)), 1e-12)
            advance(1)
    return {norm: (sum_ / len(samples)).astype(np.float32) for norm, sum_ in total.items()}


def release_memory() -> None:
    """Give back what the step before used: the next one needs it."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc
    if trim is not None:
        trim(0)
