"""What do 40 heads of Face Large (1152-1024-512-256-1) cost together?

Unit: seconds for the 40 heads of one embedding of 1152 values. Answers against FP32: root mean
square error within 0.03 of the spread over the heads (INT8), 1e-4 (FP32).
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import models
from benchmarks.peers import torch_heads
from benchmarks.race import Contestant, Race, replayed_time
from benchmarks.settings import THREADS
from emonet_edge import MultiHeadMLP

NAMES = ("emonet-edge INT8", "PyTorch FP32, a loop over heads", "NumPy FP32, a loop over heads")


@pytest.fixture(scope="module")
def race(rounds: int) -> Race:
    embedding = np.random.default_rng(0).standard_normal(1152).astype(np.float32)
    embedding /= np.linalg.norm(embedding)
    drawn = [models.draw_large_face_head(name) for name in models.LARGE_FACE_HEADS]
    expected = np.array([in_float64(layers, embedding) for layers in drawn])
    heads = MultiHeadMLP.open(models.face_large_heads())

    def within(tolerance: float):
        def check(answer) -> None:
            error = np.sqrt(np.mean((np.ravel(answer) - expected) ** 2))
            assert error <= tolerance * expected.std()

        return check

    loop = torch_heads.TorchHeads(drawn)
    fp32 = {"bytes": 4 * sum(weight.size for layers in drawn for weight, _ in layers)}
    runs = (
        (lambda: heads.evaluate(embedding), 0.03, {"bytes": heads.nbytes}),
        (torch_heads.scores_by_torch(loop, embedding), 1e-4, fp32),
        (lambda: [torch_heads.numpy_head(layers, embedding) for layers in drawn], 1e-4, fp32),
    )
    contestants = {
        name: Contestant(run, within(tolerance), facts)
        for name, (run, tolerance, facts) in zip(NAMES, runs, strict=True)
    }
    return Race("40 heads", contestants, rounds, inner=5)


def in_float64(layers: models.Layers, embedding: np.ndarray) -> float:
    values = embedding.astype(np.float64)
    for number, (weight, bias) in enumerate(layers):
        if number:
            values = np.maximum(values, 0)
        values = weight.astype(np.float64) @ values + bias
    return float(values[0])


@pytest.mark.benchmark(group=f"40 large face heads, {THREADS} threads", timer=replayed_time)
@pytest.mark.parametrize("name", NAMES)
def test_large_face_heads(benchmark, race, name):
    race.report(benchmark, name)
