"""From utterances to outcomes, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from emonet_edge.stream.events import EventOptions
from emonet_edge.stream.voices.lane import VoiceLane
from emonet_edge.stream.voices.utterances import UtteranceJob
from sounds import VOICES, voices
from stream_scene import Counted, voice_model


@pytest.fixture(params=VOICES)
def clip(request):
    return voices(request.param).first


def job(clip, seq=0, update=0, final=True):
    return UtteranceJob(seq, update, final, 1.0, 3.0, clip)


def test_an_utterance_is_scored_as_the_model_scores_the_clip(clip):
    outcome, events = VoiceLane(voice_model(), EventOptions(voice={})).process(job(clip), now=4.0)
    assert outcome.kind == "result"
    assert outcome.scores == voice_model()(clip)
    assert (outcome.start, outcome.end, outcome.captured_at, outcome.age_ms) == (1, 3, 3, 1000)
    assert (outcome.device, outcome.final, outcome.seq) == ("CPU", True, 0)
    assert list(outcome.stages_ms) == ["wait", "prepare", "embed", "score", "events"]
    assert events == []


def test_what_rises_in_an_utterance_is_told_once_and_anew_in_the_next(clip):
    value = voice_model()(clip)["anger"]
    lane = VoiceLane(voice_model(), EventOptions(voice={"anger": (value - 0.1, value - 0.2)}))
    jobs = [job(clip, 0, 0, False), job(clip, 0, 1, True), job(clip, 1, 0, True)]
    told = [lane.process(each, 4.0)[1] for each in jobs]
    assert [len(events) for events in told] == [1, 0, 1]
    (event,) = told[2]
    assert (event.modality, event.subject, event.emotion, event.change) == (
        "voice",
        1,
        "anger",
        "rose",
    )
    assert event.at == 3.0


def test_what_fails_is_an_error_outcome(clip):
    counted = Counted(voice_model(), "embed")
    counted.fail_next.append(RuntimeError("gone"))
    lane = VoiceLane(counted, EventOptions())
    assert lane.process(job(clip), 4.0)[0].reason == "RuntimeError: gone"
    assert lane.process(job(clip), 4.0)[0].kind == "result"
    silent = job(np.zeros(0, np.float32))
    assert lane.process(silent, 4.0)[0].reason.startswith("AudioError")
