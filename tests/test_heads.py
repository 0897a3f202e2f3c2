"""MultiHeadMLP beside its NumPy specification, on every ISA that this CPU has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import reference_heads as reference
from emonet_edge import _core
from emonet_edge.exceptions import EmbeddingError, InputError, UnknownNameError
from emonet_edge.heads import MultiHeadMLP, crc32c
from emonet_edge.heads.packed_heads import PackedHeadsWriter

PRECISIONS = ("int8", "int4", "fp16", "fp32")
# (embedding shape, widths of the layers): the published shapes made small, and awkward ones.
SHAPES = {
    "face small": ((1152,), (128, 32, 1)),
    "face large": ((1152,), (1024, 512, 256, 1)),
    "voice small": ((30, 768), (64, 64, 32, 16, 1)),
    "voice large": ((20, 768), (128, 128, 64, 32, 1)),
    "pooled": ((768,), (200, 64, 1)),
    "one layer": ((5, 64), (1,)),
    "odd width": ((7, 129), (40, 3, 1)),
    "width one": ((3, 1), (9, 1)),
    "sixteen rows": ((11, 66), (16, 8, 1)),
}


def random_layers(rng, shape, widths):
    """Linear layers as PyTorch initialises them."""
    inputs, layers = int(np.prod(shape)), []
    for rows in widths:
        bound = 1 / np.sqrt(inputs)
        weight = rng.uniform(-bound, bound, (rows, inputs)).astype(np.float32)
        layers.append((weight, rng.uniform(-bound, bound, rows).astype(np.float32)))
        inputs = rows
    return layers


def write_heads(path, shape, heads, precision="int8", mean=None, compensation=None):
    with PackedHeadsWriter(path, shape, mean, compensation) as writer:
        for name, layers in heads.items():
            writer.add_head(name, layers, precision)
    return path


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("case", SHAPES)
def test_scores_are_those_of_the_specification(case, precision, rng, tmp_path):
    shape, widths = SHAPES[case]
    heads = {name: random_layers(rng, shape, widths) for name in ("anger", "fear", "joy")}
    mean = rng.normal(3, 1, shape).astype(np.float32)
    embedding = (mean + rng.normal(0, 0.5, shape)).astype(np.float32)
    opened = MultiHeadMLP.open(write_heads(tmp_path / "h.bin", shape, heads, precision, mean))
    expected = [reference.evaluate_head(embedding, h, precision, mean) for h in heads.values()]
    np.testing.assert_allclose(opened.evaluate(embedding), expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("case", ["face small", "voice small"])
def test_int8_stays_within_one_percent_of_the_spread(case, rng, tmp_path):
    shape, widths = SHAPES[case]
    heads = {f"head {i}": random_layers(rng, shape, widths) for i in range(8)}
    mean = rng.normal(0, 2, shape).astype(np.float32)
    embeddings = (mean + rng.normal(0, 1, (40, *shape))).astype(np.float32)
    opened = MultiHeadMLP.open(write_heads(tmp_path / "h.bin", shape, heads, "int8", mean))
    scores = opened.evaluate_batch(embeddings)
    exact = np.array([[reference.exact_head(e, h) for h in heads.values()] for e in embeddings])
    error = np.sqrt(((scores - exact) ** 2).mean(axis=0)) / exact.std(axis=0)
    assert error.max() < 0.01


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_batch_gives_the_same_bits_as_its_embeddings_alone(precision, rng, tmp_path):
    shape, widths = SHAPES["voice small"]
    heads = {"anger": random_layers(rng, shape, widths), "joy": random_layers(rng, shape, widths)}
    opened = MultiHeadMLP.open(write_heads(tmp_path / "h.bin", shape, heads, precision))
    embeddings = rng.normal(size=(5, *shape)).astype(np.float32)
    alone = np.stack([opened.evaluate(e) for e in embeddings])
    np.testing.assert_array_equal(opened.evaluate_batch(embeddings), alone)
    assert opened.evaluate_batch(embeddings[:0]).shape == (0, 2)


def test_a_batch_larger_than_a_chunk_is_whole(rng, tmp_path):
    shape = (1500, 768)
    heads = {"anger": random_layers(rng, shape, (8, 1))}
    opened = MultiHeadMLP.open(write_heads(tmp_path / "h.bin", shape, heads))
    first, last = rng.normal(size=(2, *shape)).astype(np.float32)
    embeddings = np.broadcast_to(first, (30, *shape)).copy()
    embeddings[29] = last
    scores = opened.evaluate_batch(embeddings)
    assert (scores[:29] == opened.evaluate(first)).all()
    assert scores[29] == opened.evaluate(last)
    assert scores[29] != scores[0]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("threads", [2, 3, 16])
def test_scores_do_not_depend_on_the_number_of_threads(precision, threads, rng, tmp_path):
    shape, widths = SHAPES["voice large"]
    heads = {f"head {i}": random_layers(rng, shape, widths) for i in range(5)}
    path = write_heads(tmp_path / "h.bin", shape, heads, precision)
    embedding = rng.normal(size=shape).astype(np.float32)
    one = MultiHeadMLP.open(path, threads=1).evaluate(embedding)
    np.testing.assert_array_equal(MultiHeadMLP.open(path, threads=threads).evaluate(embedding), one)


ISA_SCRIPT = """
import sys, numpy as np
from emonet_edge.heads import MultiHeadMLP
embeddings = np.load(sys.argv[2])
np.save(sys.argv[3], MultiHeadMLP.open(sys.argv[1]).evaluate_batch(embeddings))
"""


def scores_by_isa(path, embeddings, folder):
    """Scores of every ISA that this CPU has, each in a process of its own."""
    np.save(folder / "e.npy", embeddings)
    scores = {}
    for isa in _core.available_isas():
        files = [str(path), str(folder / "e.npy"), str(folder / f"{isa}.npy")]
        subprocess.run(
            [sys.executable, "-c", ISA_SCRIPT, *files],
            check=True,
            env={**os.environ, "EMONET_ISA": isa, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        scores[isa] = np.load(files[2])
    return scores


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("case", ["odd width", "sixteen rows", "face large", "voice small"])
def test_every_isa_of_this_cpu_agrees_with_portable(case, precision, rng, tmp_path):
    shape, widths = SHAPES[case]
    path = write_heads(
        tmp_path / "h.bin",
        shape,
        {"anger": random_layers(rng, shape, widths)},
        precision,
        mean=rng.normal(size=shape).astype(np.float32),
    )
    scores = scores_by_isa(path, rng.normal(size=(3, *shape)).astype(np.float32), tmp_path)
    assert "portable" in scores
    for found in scores.values():
        # Integer projections are exact; the float32 layers behind them differ by rounding.
        np.testing.assert_allclose(found, scores["portable"], rtol=1e-5, atol=1e-6)


def test_only_the_chosen_heads_are_read_and_in_the_order_asked_for(rng, tmp_path):
    shape, widths = SHAPES["face small"]
    heads = {name: random_layers(rng, shape, widths) for name in ("anger", "fear", "joy")}
    path = write_heads(tmp_path / "h.bin", shape, heads)
    whole = MultiHeadMLP.open(path)
    some = MultiHeadMLP.open(path, names=["joy", "anger"])
    embedding = rng.normal(size=shape).astype(np.float32)
    assert some.names == ("joy", "anger")
    assert some.nbytes * 3 == whole.nbytes * 2
    np.testing.assert_array_equal(some.evaluate(embedding), whole.evaluate(embedding)[[2, 0]])


def test_l2_normalisation_makes_scores_independent_of_the_embeddings_length(rng, tmp_path):
    shape, widths = SHAPES["face small"]
    path = write_heads(tmp_path / "h.bin", shape, {"anger": random_layers(rng, shape, widths)})
    embedding = rng.normal(size=shape).astype(np.float32)
    l2 = MultiHeadMLP.open(path, embedding_norm="l2")
    unit = embedding / np.linalg.norm(embedding)
    np.testing.assert_allclose(l2.evaluate(embedding * 50), l2.evaluate(embedding), rtol=1e-5)
    plain = MultiHeadMLP.open(path)
    np.testing.assert_allclose(l2.evaluate(embedding), plain.evaluate(unit), rtol=1e-4)
    assert l2.evaluate(embedding) != plain.evaluate(embedding)
    assert np.isfinite(l2.evaluate(np.zeros(shape, np.float32))).all()


def test_copied_heads_score_like_mapped_ones(rng, tmp_path):
    shape, widths = SHAPES["voice small"]
    path = write_heads(tmp_path / "h.bin", shape, {"anger": random_layers(rng, shape, widths)})
    embedding = rng.normal(size=shape).astype(np.float32)
    mapped, copied = (MultiHeadMLP.open(path, memory=m) for m in ("map", "copy"))
    np.testing.assert_array_equal(mapped.evaluate(embedding), copied.evaluate(embedding))


def test_a_constant_embedding_scores_without_dividing_by_zero(rng, tmp_path):
    shape, widths = SHAPES["voice small"]
    layers = random_layers(rng, shape, widths)
    mean = np.ones(shape, np.float32)
    for precision in PRECISIONS:
        path = write_heads(tmp_path / "h.bin", shape, {"anger": layers}, precision, mean)
        score = MultiHeadMLP.open(path).evaluate(mean)
        np.testing.assert_allclose(score, [reference.exact_head(mean, layers)], atol=2e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_embedding_that_is_not_finite_is_refused(value, rng, tmp_path):
    path = write_heads(tmp_path / "h.bin", (64,), {"anger": random_layers(rng, (64,), (8, 1))})
    embedding = np.zeros(64, np.float32)
    embedding[17] = value
    with pytest.raises(EmbeddingError, match="value 17 is"):
        MultiHeadMLP.open(path).evaluate(embedding)


@pytest.mark.parametrize(
    "embedding",
    [np.zeros(63, np.float32), np.zeros((1, 64), np.float32), np.zeros(64), np.float32(1), "text"],
)
def test_an_embedding_of_another_shape_or_type_is_refused(embedding, rng, tmp_path):
    path = write_heads(tmp_path / "h.bin", (64,), {"anger": random_layers(rng, (64,), (8, 1))})
    opened = MultiHeadMLP.open(path)
    with pytest.raises(EmbeddingError, match=r"must be float32 \[64\]"):
        opened.evaluate(embedding)
    with pytest.raises(EmbeddingError, match="a batch of embeddings must be float32"):
        opened.evaluate_batch(embedding if not isinstance(embedding, np.ndarray) else embedding[0])


def test_an_unknown_head_is_named(rng, tmp_path):
    path = write_heads(tmp_path / "h.bin", (64,), {"anger": random_layers(rng, (64,), (8, 1))})
    with pytest.raises(UnknownNameError, match="has no 'happiness'"):
        MultiHeadMLP.open(path, names=["anger", "happiness"])


@pytest.mark.parametrize(
    "options",
    [
        {"names": "anger"},
        {"names": []},
        {"names": ["anger", "anger"]},
        {"embedding_norm": "l1"},
        {"memory": "disk"},
    ],
)
def test_an_impossible_option_is_refused(options, rng, tmp_path):
    path = write_heads(tmp_path / "h.bin", (64,), {"anger": random_layers(rng, (64,), (8, 1))})
    with pytest.raises(InputError):
        MultiHeadMLP.open(path, **options)


def test_l2_normalisation_of_a_sequence_is_refused(rng, tmp_path):
    shape, widths = SHAPES["voice small"]
    path = write_heads(tmp_path / "h.bin", shape, {"anger": random_layers(rng, shape, widths)})
    with pytest.raises(EmbeddingError, match="set embedding_norm to none"):
        MultiHeadMLP.open(path, embedding_norm="l2")


def test_concurrent_callers_get_their_own_scores(rng, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    shape, widths = SHAPES["voice small"]
    heads = {f"head {i}": random_layers(rng, shape, widths) for i in range(4)}
    opened = MultiHeadMLP.open(write_heads(tmp_path / "h.bin", shape, heads), threads=2)
    embeddings = rng.normal(size=(40, *shape)).astype(np.float32)
    expected = opened.evaluate_batch(embeddings)
    with ThreadPoolExecutor(4) as pool:
        found = np.stack(list(pool.map(opened.evaluate, embeddings)))
    np.testing.assert_array_equal(found, expected)


def test_a_forked_child_evaluates_without_its_parents_threads(rng, tmp_path):
    shape, widths = SHAPES["voice small"]
    heads = {f"head {i}": random_layers(rng, shape, widths) for i in range(4)}
    opened = MultiHeadMLP.open(write_heads(tmp_path / "h.bin", shape, heads), threads=2)
    embedding = rng.normal(size=shape).astype(np.float32)
    expected = opened.evaluate(embedding)
    child = os.fork()
    if child == 0:
        os._exit(0 if (opened.evaluate(embedding) == expected).all() else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_an_idle_pool_uses_no_cpu(rng, tmp_path):
    import threading
    import time

    shape, widths = SHAPES["voice small"]
    heads = {f"head {i}": random_layers(rng, shape, widths) for i in range(4)}
    opened = MultiHeadMLP.open(write_heads(tmp_path / "h.bin", shape, heads), threads=4)
    opened.evaluate(np.zeros(shape, np.float32))
    before = time.process_time()
    threading.Event().wait(0.5)
    assert time.process_time() - before < 0.02


def test_crc32c_is_that_of_rfc_3720():
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    data = Path(__file__).read_bytes()[:1001]
    assert crc32c(data) == reference.crc32c(data)
    assert crc32c(data[500:], crc32c(data[:500])) == crc32c(data)
