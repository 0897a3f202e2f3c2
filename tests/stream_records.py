"""Records of a stream for the tests of what is made of them: scores of real (tiny) models."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

import emonet_edge as ee
from emonet_edge.scores import HeadInfo, Scores
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.outcomes import FaceReading, FrameOutcome, UtteranceOutcome
from emonet_edge.synthetic import demo_material
from emonet_edge.taxonomy import EMOTIONS

VOICE_HEADS = ("anger", "interest", "pride", "valence")


@cache
def face_scores(seed: int = 0) -> Scores:
    """Scores of a drawn face by the tiny model; another seed, another face."""
    image = np.roll(demo_material.draw_face(), 40 * seed, axis=1)
    return _model("face")(image, color="rgb")


@cache
def voice_scores(seed: int = 0) -> Scores:
    """Scores of a synthesised voice by the tiny model; another seed, another part of it."""
    waveform = demo_material.synthesize_voice()
    return _model("voice")(waveform[1000 * seed :], sample_rate=demo_material.SAMPLE_RATE)


@cache
def _model(modality):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / modality
        if modality == "face":
            ee.synthetic.write_face_model(path, preset="tiny")
            return ee.FaceEmotionModel.load(path, device="CPU", threads=1)
        ee.synthetic.write_voice_model(path, preset="tiny", heads=VOICE_HEADS)
        return ee.VoiceEmotionModel.load(path, device="CPU", threads=1)


def scores_of(modality: str = "face", **values: float) -> Scores:
    """Scores with chosen values, of weights that are no synthetic ones; the others are 0."""
    heads = [HeadInfo(name, "emotion") for name in EMOTIONS]
    return Scores(modality, heads, [values.get(name, 0.0) for name in EMOTIONS], suite="small")


def reading(track: int, scores: Scores | None, **fields) -> FaceReading:
    fields = {"box": (40.0 + 60 * track, 30.0, 48.0, 60.0), "detection_score": 0.93, **fields}
    return FaceReading(track=track, scores=scores, **fields)


def frame_outcome(seq: int, at: float, *faces: FaceReading, **fields) -> FrameOutcome:
    fields = {"kind": "result", "age_ms": 85.0, "device": "CPU", **fields}
    return FrameOutcome(seq=seq, captured_at=at, faces=faces, **fields)


def utterance_outcome(seq: int, start: float, end: float, scores, **fields) -> UtteranceOutcome:
    fields = {
        "kind": "result", "update": 0, "final": True, "captured_at": end, "age_ms": 120.0,
        "device": "CPU", **fields,
    }  # fmt: skip
    return UtteranceOutcome(seq=seq, start=start, end=end, scores=scores, **fields)


def rgb_frame(seq: int, at: float, width: int = 320, height: int = 240, level: int = 90) -> Frame:
    image = np.full((height, width, 3), level, np.uint8)
    return Frame(seq, at, width, height, "rgb", lambda: image)
