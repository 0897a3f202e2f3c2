"""Heads as LAION publishes and runs them: one torch module for each, in FP32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Layers", "TorchHeads", "numpy_head", "scores_by_torch"]

Layers = Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]


class TorchHeads:
    """A loop over heads, each Flatten, Linear, ReLU, ..., Linear.

    Args:
        layers: of each distinct head. The weights are used in place, not copied.
        count: how many heads run; more than there are layers for run them again in turn. As long
            as the distinct ones are much larger than the caches, every head comes from memory all
            the same, and 55 voice heads (16 GB) can be timed where 16 GB do not fit.
    """

    def __init__(self, layers: Sequence[Layers], count: int | None = None) -> None:
        distinct = [_module(head) for head in layers]
        self.modules = [distinct[i % len(distinct)] for i in range(count or len(distinct))]

    def __call__(self, embedding: Any) -> NDArray[np.float32]:
        """Score a tensor of one embedding with a batch axis of 1."""
        import torch

        with torch.inference_mode():
            return np.array([module(embedding).item() for module in self.modules], np.float32)


def _module(layers: Layers) -> Any:
    import torch

    parts: list[Any] = [torch.nn.Flatten()]
    for number, (weight, bias) in enumerate(layers):
        if number:
            parts.append(torch.nn.ReLU())
        with torch.device("meta"):
            linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
        linear.weight = torch.nn.Parameter(torch.from_numpy(weight), requires_grad=False)
        linear.bias = torch.nn.Parameter(torch.from_numpy(bias), requires_grad=False)
        parts.append(linear)
    return torch.nn.Sequential(*parts).eval()


def scores_by_torch(heads: TorchHeads, embedding: NDArray[np.float32]) -> Callable[[], Any]:
    """Prepare a run of all heads on one embedding."""
    import torch

    tensor = torch.from_numpy(embedding[np.newaxis])
    return lambda: heads(tensor)


def numpy_head(layers: Layers, embedding: NDArray[np.float32]) -> np.float32:
    """One head by NumPy's matrix product in FP32."""
    values = embedding.reshape(-1)
    for number, (weight, bias) in enumerate(layers):
        if number:
            values = np.maximum(values, 0)
        values = weight @ values + bias
    return np.float32(values[0])
