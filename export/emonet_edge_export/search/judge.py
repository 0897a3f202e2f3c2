"""The heads that judge a candidate: the model's own, or random ones where there are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from emonet_edge._types import Float32
from emonet_edge.heads import MultiHeadMLP
from emonet_edge.scores import HeadInfo

__all__ = ["Judge", "packed_heads", "random_heads"]

RANDOM_HEADS = 48
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Judge:
    """Scores float32 [n, heads] of embeddings [n, ...]; `source` says whose heads they are."""

    names: tuple[str, ...]
    source: str
    evaluate: Callable[[Float32], Float32]
    heads: tuple[HeadInfo, ...] = ()

    def __call__(self, embeddings: Float32) -> Float32:
        """Return the scores of embeddings."""
        return self.evaluate(embeddings)


def packed_heads(mlp: MultiHeadMLP, heads: tuple[HeadInfo, ...] = ()) -> Judge:
    """Return the model's own heads."""
    return Judge(mlp.names, f"{len(mlp)} of the model's own heads", mlp.evaluate_batch, heads)


def random_heads(count: int = RANDOM_HEADS, seed: int = 0) -> Judge:
    """Return a fixed set of random linear heads on the whole embedding.

    A good stand-in for the error's size, not for a single emotion's: real heads weigh some
    directions more than others.
    """

    def evaluate(embeddings: Float32) -> Float32:
        flat = embeddings.reshape(len(embeddings), -1)
        random = np.random.default_rng(seed)
        scores = np.zeros((len(flat), count), np.float32)
        for start in range(0, flat.shape[1], _BLOCK):  # never all weights at once
            piece = np.ascontiguousarray(flat[:, start : start + _BLOCK])
            weights = random.standard_normal((piece.shape[1], count), np.float32)
            scores += piece @ weights
        scores /= np.float32(np.sqrt(flat.shape[1]))
        return scores

    names = tuple(f"random {number}" for number in range(count))
    return Judge(names, f"{count} random linear heads, no emotions", evaluate)
