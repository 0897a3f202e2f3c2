"""How close to memory's limit do the voice heads run, and what do others need for the same?

Unit: seconds for the heads of one embedding of 1500 x 768. emonet-edge and PyTorch evaluate whole
heads; OpenVINO, ONNX Runtime and NumPy do the projections only, stacked, which is a little less.
A streaming read adds up the same mapped bytes, as many as the heads read: the roof. Bandwidth
used = time of the streaming read / time of the heads.

Groups with FP32 weights use 8 heads on all sides (INT8: 590 MB, far above any cache). With 55
heads PyTorch and NumPy run 8 distinct sets of weights in turn, because 16 GB seldom fit: each set
is 295 MB, so every head still comes from memory.

Answers: against FP32, root mean square error as a share of the spread over rows or heads: FP32
1e-3, INT8 0.03, INT4 0.25. The precision hint is f32 everywhere.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import models
from benchmarks.inputs import voice_embedding
from benchmarks.peers import onnx_models, openvino_models, torch_heads
from benchmarks.race import Contestant, Race, replayed_time
from benchmarks.roof import mapped, streaming_read, wrapping_sum
from benchmarks.settings import N_HEADS, THREADS
from emonet_edge import MultiHeadMLP

pytestmark = pytest.mark.full

INT8, INT4 = "emonet-edge INT8", "emonet-edge INT4"
READ_INT8, READ_INT4 = "streaming read of the INT8 bytes", "streaming read of the INT4 bytes"
TORCH, NUMPY = "PyTorch FP32, a module per head", "NumPy FP32 matmul"
OURS = (INT8, READ_INT8, INT4, READ_INT4)
COMPRESSED = {
    "OpenVINO FullyConnected INT8": (8, "openvino"),
    "OpenVINO FullyConnected INT4": (4, "openvino"),
    "ONNX Runtime MatMulNBits INT8": (8, "onnx"),
    "ONNX Runtime MatMulNBits INT4": (4, "onnx"),
}
TOLERANCES = {"int8": 0.03, "int4": 0.25, "fp32": 1e-3}


@pytest.fixture(scope="module")
def drawn() -> list[models.Layers]:
    """The FP32 layers of the first heads."""
    return [models.draw_voice_head(name) for name in models.VOICE_HEADS[:N_HEADS]]


@pytest.fixture(scope="module")
def expected_scores(drawn: list[models.Layers]) -> np.ndarray:
    """FP32 scores, sums over positions in float64."""
    return np.array([exact_score(layers, voice_embedding()) for layers in drawn])


def exact_score(layers: models.Layers, embedding: np.ndarray) -> float:
    weight, bias = layers[0]
    by_position = np.einsum("rpw,pw->rp", weight.reshape(len(bias), *embedding.shape), embedding)
    values = by_position.sum(axis=1, dtype=np.float64) + bias
    for weight, bias in layers[1:]:
        values = weight.astype(np.float64) @ np.maximum(values, 0) + bias
    return float(values[0])


def close_to(expected: np.ndarray, precision: str) -> Callable[[Any], None]:
    def check(answer: Any) -> None:
        error = np.sqrt(np.mean((np.ravel(answer)[: expected.size] - expected) ** 2))
        assert error <= TOLERANCES[precision] * expected.std()

    return check


def ours(n_heads: int, expected: np.ndarray, threads: int) -> dict[str, Contestant]:
    """INT8 and INT4 heads, and the streaming reads of as many bytes of their files."""
    contestants = {}
    for name, read, precision in ((INT8, READ_INT8, "int8"), (INT4, READ_INT4, "int4")):
        path = models.voice_model(precision) / "heads.bin"
        names = models.VOICE_HEADS[:n_heads]
        heads = MultiHeadMLP.open(path, names, threads=threads, verify=False)
        facts = {"bytes": heads.nbytes, "heads": n_heads}
        contestants[name] = Contestant(evaluation(heads), close_to(expected, precision), facts)
        bytes_ = mapped(path, heads.nbytes)
        contestants[read] = Contestant(
            streaming_read(bytes_, threads), same_sum(wrapping_sum(bytes_)), facts
        )
    return contestants


def evaluation(heads: MultiHeadMLP) -> Callable[[], Any]:
    embedding = voice_embedding()
    return lambda: heads.evaluate(embedding)


def same_sum(expected: int) -> Callable[[Any], None]:
    def check(answer: Any) -> None:
        assert answer == expected

    return check


def in_fp32(
    drawn: list[models.Layers], n_heads: int, expected: np.ndarray, threads: int
) -> dict[str, Contestant]:
    embedding, check = voice_embedding(), close_to(expected, "fp32")
    weight_bytes = 4 * n_heads * sum(weight.size for weight, _ in drawn[0])
    facts = {"bytes": weight_bytes, "heads": n_heads, "distinct_heads": len(drawn)}
    loop = torch_heads.TorchHeads(drawn, n_heads)
    order = [drawn[i % len(drawn)] for i in range(n_heads)]
    return {
        TORCH: Contestant(torch_heads.scores_by_torch(loop, embedding), check, facts),
        NUMPY: Contestant(
            lambda: [torch_heads.numpy_head(layers, embedding) for layers in order], check, facts
        ),
    }


def compressed(weights: np.ndarray, folder: Path) -> dict[str, Contestant]:
    """Stacked projections with INT8 or INT4 weights in OpenVINO and ONNX Runtime."""
    inputs = voice_embedding().reshape(1, -1)
    expected = (weights @ inputs[0]).astype(np.float64)
    contestants = {}
    for name, (bits, library) in COMPRESSED.items():
        if library == "openvino":
            call = openvino_models.fully_connected(weights, bits, THREADS)
        else:
            call = onnx_models.matmul_n_bits(weights, bits, THREADS, folder)
        facts = {"bytes": weights.size * bits // 8, "heads": N_HEADS, "precision_hint": "f32"}
        contestants[name] = Contestant(
            lambda call=call: call(inputs), close_to(expected, f"int{bits}"), facts
        )
    return contestants


@pytest.fixture(scope="module")
def race_of_8(drawn, expected_scores, rounds: int) -> Iterator[Race]:
    contestants = ours(N_HEADS, expected_scores, THREADS)
    contestants |= in_fp32(drawn, N_HEADS, expected_scores, THREADS)
    with tempfile.TemporaryDirectory() as folder:
        weights = np.concatenate([layers[0][0] for layers in drawn])
        contestants |= compressed(weights, Path(folder))
        del weights
        yield Race(f"{N_HEADS} heads", contestants, rounds)
        contestants.clear()


@pytest.mark.benchmark(group=f"{N_HEADS} voice heads, {THREADS} threads", timer=replayed_time)
@pytest.mark.parametrize("name", [*OURS, *COMPRESSED, TORCH, NUMPY])
def test_some_heads(benchmark, race_of_8, name):
    race_of_8.report(benchmark, name)


@pytest.fixture(scope="module")
def race_on_one_thread(drawn, expected_scores, rounds: int) -> Race:
    contestants = ours(N_HEADS, expected_scores, 1)
    contestants |= in_fp32(drawn, N_HEADS, expected_scores, 1)
    return Race(f"{N_HEADS} heads", contestants, rounds, threads=1)


@pytest.mark.benchmark(group=f"one thread: {N_HEADS} voice heads", timer=replayed_time)
@pytest.mark.parametrize("name", [*OURS, TORCH, NUMPY])
def test_some_heads_on_one_thread(benchmark, race_on_one_thread, name):
    race_on_one_thread.report(benchmark, name)


@pytest.fixture(scope="module")
def race_of_55(drawn, expected_scores, rounds: int) -> Race:
    n_heads = len(models.VOICE_HEADS)
    contestants = ours(n_heads, expected_scores, THREADS)
    contestants |= in_fp32(drawn, n_heads, expected_scores, THREADS)
    return Race(f"{n_heads} heads", contestants, rounds, inner=1)


@pytest.mark.benchmark(group=f"55 voice heads, {THREADS} threads", timer=replayed_time)
@pytest.mark.parametrize("name", [*OURS, TORCH, NUMPY])
def test_all_heads(benchmark, race_of_55, name):
    race_of_55.report(benchmark, name)
