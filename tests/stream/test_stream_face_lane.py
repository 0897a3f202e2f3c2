"""From frames to outcomes, on real faces, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from emonet_edge.exceptions import InputError
from emonet_edge.stream.events import EventOptions
from emonet_edge.stream.faces.lane import FaceLane, FaceOptions
from emonet_edge.stream.faces.portrait import portrait_box
from emonet_edge.stream.governor import Governor, GovernorOptions
from stream_scene import Counted, detector, face_model, frame, photo


class Lane:
    """A lane with counted encoder and detector, fed frame after frame."""

    def __init__(self, options=None, events=None):
        self.options = options or FaceOptions()
        self.face = Counted(face_model(), "embed")
        self.detector = Counted(detector(), "detect")
        limits = Governor(GovernorOptions(), self.options.rate_hz, self.options.max_faces)
        self.limits = limits
        self.lane = FaceLane(
            self.face, self.detector, self.options, events or EventOptions(face={}), limits
        )
        self.seq, self.read = 0, []

    def show(self, image, at):
        outcome, self.events = self.lane.process(frame(image, self.seq, at, self.read.append), at)
        assert outcome.seq == self.seq
        self.seq += 1
        return outcome

    def show_for(self, image, start, seconds, rate_hz=10):
        times = start + np.arange(round(seconds * rate_hz)) / rate_hz
        return [self.show(image, float(at)) for at in times]


@pytest.fixture
def lane():
    return Lane()


@pytest.fixture
def woman():
    return photo()


def test_a_face_is_scored_in_the_crop_that_the_model_expects(lane, woman):
    outcome = lane.show(woman, 1.0)
    (reading,) = outcome.faces
    height, width = woman.shape[:2]
    expected = face_model()(woman, portrait_box(reading.box, width, height))
    assert outcome.kind == "result"
    assert reading.scores == expected
    assert reading.smoothed == pytest.approx(dict(zip(expected, expected.values, strict=True)))
    assert reading.scored_age_ms == 0
    assert outcome.device == "CPU"


def test_every_stage_is_timed(lane, woman):
    stages = lane.show(woman, 0.0).stages_ms
    assert list(stages) == ["wait", "detect", "choose", "prepare", "embed", "score", "meaning"]
    assert all(ms >= 0 for ms in stages.values())


def test_nobody_is_a_result_without_faces(lane):
    outcome = lane.show(photo("rocket"), 0.0)
    assert (outcome.kind, outcome.faces) == ("result", ())
    assert lane.face.calls == 0


def test_an_unchanged_face_keeps_its_scores_until_they_are_stale(lane, woman):
    outcomes = lane.show_for(woman, 0.0, 2.5)
    ages = [outcome.faces[0].scored_age_ms for outcome in outcomes]
    assert lane.face.calls == 3
    assert max(ages) == pytest.approx(900, abs=1)
    assert [i for i, age in enumerate(ages) if age == 0] == [0, 10, 20]
    assert all(outcome.faces[0].scores is not None for outcome in outcomes)


def test_a_changed_face_is_scored_at_once(lane, woman):
    lane.show(woman, 0.0)
    lane.show(woman[:, ::-1], 0.1)  # another expression, so to say: somewhere else, and mirrored
    assert lane.face.calls == 2


def test_a_staleness_of_zero_scores_every_frame(woman):
    eager = Lane(FaceOptions(max_staleness_s=0))
    eager.show_for(woman, 0.0, 1.0)
    assert eager.face.calls == 10


def test_more_frames_than_the_rate_are_dropped_unread(lane, woman):
    outcomes = lane.show_for(woman, 0.0, 2.0, rate_hz=30)
    kinds = [outcome.kind for outcome in outcomes]
    assert kinds.count("result") == 20
    dropped = [outcome for outcome in outcomes if outcome.kind == "dropped"]
    assert {outcome.reason for outcome in dropped} == {"at most 10 frames a second"}
    assert len(set(lane.read)) == 20


def test_the_detector_keeps_its_own_rate_when_fewer_frames_are_scored(woman):
    slow = Lane(FaceOptions(rate_hz=1, detector_rate_hz=10))
    outcomes = slow.show_for(woman, 0.0, 3.0, rate_hz=30)
    assert slow.detector.calls == 30
    assert [outcome.kind for outcome in outcomes].count("result") == 3


def test_a_lower_rate_and_budget_of_the_governor_hold_at_once():
    lane = Lane()
    two = photo("pair", 640)
    lane.limits.rate_hz, lane.limits.max_faces = 1.0, 1
    outcomes = lane.show_for(two, 0.0, 2.0)
    results = [outcome for outcome in outcomes if outcome.kind == "result"]
    assert len(results) == 2
    assert [face.reason for face in results[0].faces] == ["", "over budget"]


def test_between_detections_a_face_moves_on(woman):
    lane = Lane(FaceOptions(detector_rate_hz=2))
    wide = np.zeros((woman.shape[0], 640, 3), np.uint8)

    def moved(pixels):
        picture = wide.copy()
        picture[:, pixels : pixels + woman.shape[1]] = woman
        return picture

    lefts = [lane.show(moved(4 * i), i / 10).faces[0].box[0] for i in range(10)]
    assert lane.detector.calls == 2
    assert lefts[4] == lefts[0]  # a first detection has no velocity yet
    assert np.diff(lefts[5:]) == pytest.approx(4, abs=1.5)


def test_the_largest_face_comes_first_and_the_others_are_over_budget():
    lane = Lane(FaceOptions(max_faces=1))
    outcome = lane.show(photo("pair", 640), 0.0)
    first, second = outcome.faces
    assert first.scores is not None
    assert (second.scores, second.reason) == (None, "over budget")
    assert first.box[2] * first.box[3] > second.box[2] * second.box[3]
    assert lane.face.calls == 1


def test_a_frame_whose_faces_cannot_be_scored_is_abstained_with_their_reasons(woman):
    strict = Lane(FaceOptions(quality=type(FaceOptions().quality)(min_side=1000)))
    outcome = strict.show(woman, 0.0)
    assert outcome.kind == "abstained"
    assert outcome.faces[0].reason.startswith("too small")
    assert strict.face.calls == 0


def test_a_person_gets_a_neutral_baseline_and_deviations_from_it(lane, woman):
    outcomes = lane.show_for(woman, 0.0, 6.0)
    assert outcomes[44].faces[0].deviation == {}
    deviation = outcomes[-1].faces[0].deviation
    assert set(deviation) == set(face_model()(woman))
    assert max(map(abs, deviation.values())) == pytest.approx(0, abs=1e-6)


def test_who_leaves_is_forgotten_and_comes_back_as_somebody_else(lane, woman):
    nobody = np.zeros_like(woman)
    before = lane.show_for(woman, 0.0, 6.0)[-1].faces[0]
    lane.show_for(nobody, 6.0, 4.0)
    after = lane.show(woman, 10.0).faces[0]
    assert after.track != before.track
    assert before.deviation
    assert after.deviation == {}
    assert lane.lane.people == 1


def test_scores_are_smoothed_in_seconds_and_raw_ones_stay(lane, woman):
    first = lane.show(woman, 0.0).faces[0]
    changed = np.clip(woman.astype(int) * 2 - 60, 0, 255).astype(np.uint8)
    second = lane.show(changed, 0.5).faces[0]
    name = max(first.smoothed, key=lambda n: abs(second.scores[n] - first.scores[n]))
    share = 1 - np.exp(-1)
    expected = first.scores[name] + share * (second.scores[name] - first.scores[name])
    assert second.track == first.track
    assert second.smoothed[name] == pytest.approx(expected, rel=1e-4)


def test_an_event_is_told_once_it_has_lasted(woman):
    value = Lane().show(woman, 0.0).faces[0].scores["awe"]
    events = EventOptions(face={"awe": (value - 0.1, value - 0.2)}, hold_s=0.3)
    lane = Lane(events=events)
    told = []
    for outcome in range(10):
        lane.show(woman, outcome / 10)
        told += lane.events
    (event,) = told
    assert (event.emotion, event.change, event.modality) == ("awe", "rose", "face")
    assert event.at == pytest.approx(0.3)
    assert event.subject == 1


def test_what_fails_is_an_error_outcome_and_the_next_frame_is_scored(lane, woman):
    lane.face.fail_next.append(RuntimeError("the encoder is on fire"))
    outcome = lane.show(woman, 0.0)
    assert (outcome.kind, outcome.faces) == ("error", ())
    assert outcome.reason == "RuntimeError: the encoder is on fire"
    lane.detector.fail_next.append(RuntimeError("the detector too"))
    assert lane.show(woman, 0.1).reason == "RuntimeError: the detector too"
    assert lane.show(woman, 0.2).kind == "result"


def test_a_frame_that_cannot_be_read_is_an_error(lane, woman):
    assert lane.show(woman.astype(np.float32), 0.0).reason.startswith("ImageError")
    assert lane.show(woman, 0.1).kind == "result"


def test_a_frame_from_the_past_is_an_error(lane, woman):
    lane.show(woman, 1.0)
    outcome = lane.show(woman, 0.5)
    assert outcome.kind == "error"
    assert "in the order of their capture" in outcome.reason


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate_hz": 0},
        {"detector_rate_hz": -1},
        {"max_faces": 0},
        {"max_faces": 1.5},
        {"max_staleness_s": -1},
    ],
)
def test_an_impossible_setting_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        FaceOptions(**wrong)
