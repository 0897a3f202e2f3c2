"""What does a face cost from frame to scores, beside its encoder and beside LAION's recipe?

Unit: seconds for one face of 512 x 512 in a 1080p RGB frame: 384 x 384 through the SigLIP2-so400m
vision tower, 44 small heads. Weights are random, in the true architecture.

Answers: the bare encoder call gives emonet-edge's embedding bit for bit; float pipelines
correlate with PyTorch FP32 over the heads to 0.9999, INT8 and BF16 to 0.9.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import models, whole
from benchmarks.inputs import FACE_BOX, picture_1080p
from benchmarks.peers import openvino_models
from benchmarks.peers.pipelines import face_pipeline
from benchmarks.peers.torch_heads import TorchHeads
from benchmarks.race import Race, replayed_time
from benchmarks.settings import THREADS
from emonet_edge import FaceEmotionModel

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def race(rounds: int) -> Race:
    frame, hint = picture_1080p(), whole.default_hint()
    model = FaceEmotionModel.load(
        models.face_model(), device="CPU", threads=THREADS, precision_hint=hint, cache=False
    )
    prepared = model.prepare(frame, FACE_BOX)
    embedding = model.embed(prepared)
    xml = models.encoder_xml("face", "int8")
    call = openvino_models.encoder_call(openvino_models.compiled_encoder(xml, THREADS, hint))

    def same_embedding(answer) -> None:
        assert np.array_equal(answer[0], embedding)

    heads = TorchHeads([models.draw_small_face_head(name) for name in models.FACE_HEADS])
    encoders, absent = whole.peer_encoders("face")
    runs = {n: face_pipeline(frame, FACE_BOX, encode, heads) for n, encode in encoders.items()}
    expected = runs[whole.LAION]()
    contestants = {
        whole.OURS: whole.contestant(
            whole.OURS, lambda: model(frame, FACE_BOX).values, whole.within(expected, 0.9)
        ),
        whole.BARE: whole.contestant(
            whole.BARE, lambda: call(prepared[np.newaxis]), same_embedding
        ),
    }
    for name, run in runs.items():
        correlation = 0.9 if name in (whole.OPENVINO_INT8, whole.OPENVINO_BF16) else 0.9999
        contestants[name] = whole.contestant(name, run, whole.within(expected, correlation))
    work = "one face of a 1080p frame"
    return Race(work, contestants, rounds, seconds=90, inner=1, absent=absent)


@pytest.mark.benchmark(
    group=f"whole face, 1080p frame with a box, {THREADS} threads", timer=replayed_time
)
@pytest.mark.parametrize("name", [whole.OURS, whole.BARE, *whole.PEERS])
def test_face(benchmark, race, name):
    race.report(benchmark, name)
