"""What does a voice cost from sound to scores, beside its encoder and beside LAION's recipe?

Unit: seconds for one window of 30 s at 16 kHz: log-mel, the Whisper-small encoder, 8 or 55 heads.
Weights are random, in the true architecture. LAION's recipe runs 8 distinct heads, which 55 heads
take in turn: see bench_projections.py.

Answers: the bare encoder call gives emonet-edge's embedding bit for bit; float pipelines
correlate with PyTorch FP32 over the heads to 0.9999, INT8, INT4 and BF16 to 0.9.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks import models, whole
from benchmarks.inputs import thirty_seconds
from benchmarks.peers import openvino_models
from benchmarks.peers.pipelines import voice_pipeline
from benchmarks.peers.torch_heads import TorchHeads
from benchmarks.race import Race, replayed_time
from benchmarks.settings import N_HEADS, THREADS
from emonet_edge import VoiceEmotionModel

pytestmark = pytest.mark.full

INT4_HEADS = "emonet-edge INT8, heads in INT4"


@pytest.fixture(scope="module")
def make_race(rounds: int) -> Callable[[int], Race]:
    """A race with so many heads; encoders and FP32 heads are made once."""
    drawn = [models.draw_voice_head(name) for name in models.VOICE_HEADS[:N_HEADS]]
    encoders, absent = whole.peer_encoders("voice")

    def race(n_heads: int) -> Race:
        heads = TorchHeads(drawn, n_heads)
        return _race(n_heads, heads, encoders, absent, rounds)

    return race


def _race(n_heads: int, heads: TorchHeads, encoders: dict, absent: dict, rounds: int) -> Race:
    waveform, hint = thirty_seconds(), whole.default_hint()
    names = models.VOICE_HEADS[:n_heads]
    runs = {n: voice_pipeline(waveform, encode, heads) for n, encode in encoders.items()}
    expected = runs[whole.LAION]()
    ours, ours_int4 = (
        VoiceEmotionModel.load(
            models.voice_model(precision),
            device="CPU",
            heads=names,
            threads=THREADS,
            precision_hint=hint,
            cache=False,
        )
        for precision in ("int8", "int4")
    )
    prepared = ours.prepare(waveform)
    embedding = ours.embed(prepared)
    xml = models.encoder_xml("voice", "int8")
    call = openvino_models.encoder_call(openvino_models.compiled_encoder(xml, THREADS, hint))

    def same_embedding(answer) -> None:
        assert np.array_equal(answer[0], embedding)

    def like_fp32(correlation: float):
        # The first heads are distinct on both sides.
        check = whole.within(expected[:N_HEADS], correlation)
        return lambda answer: check(np.ravel(answer)[:N_HEADS])

    contestants = {
        whole.OURS: whole.contestant(whole.OURS, lambda: ours(waveform).values, like_fp32(0.9)),
        INT4_HEADS: whole.contestant(
            whole.OURS, lambda: ours_int4(waveform).values, like_fp32(0.9)
        ),
        whole.BARE: whole.contestant(
            whole.BARE, lambda: call(prepared[np.newaxis]), same_embedding
        ),
    }
    for name, run in runs.items():
        correlation = 0.9 if name in (whole.OPENVINO_INT8, whole.OPENVINO_BF16) else 0.9999
        contestants[name] = whole.contestant(name, run, like_fp32(correlation))
    work = f"a window of 30 s, {n_heads} heads"
    return Race(work, contestants, rounds, seconds=90, inner=1, absent=absent)


NAMES = (whole.OURS, INT4_HEADS, whole.BARE, *whole.PEERS)


@pytest.fixture(scope="module")
def race_of_8(make_race: Callable[[int], Race]) -> Race:
    return make_race(N_HEADS)


@pytest.fixture(scope="module")
def race_of_55(make_race: Callable[[int], Race]) -> Race:
    return make_race(len(models.VOICE_HEADS))


@pytest.mark.benchmark(
    group=f"whole voice, 30 s, {N_HEADS} heads, {THREADS} threads", timer=replayed_time
)
@pytest.mark.parametrize("name", NAMES)
def test_voice_with_some_heads(benchmark, race_of_8, name):
    race_of_8.report(benchmark, name)


@pytest.mark.benchmark(group=f"whole voice, 30 s, 55 heads, {THREADS} threads", timer=replayed_time)
@pytest.mark.parametrize("name", NAMES)
def test_voice_with_all_heads(benchmark, race_of_55, name):
    race_of_55.report(benchmark, name)
