"""From frames to outcomes: detect, track, choose, prepare, embed, score, and what it means.

Plain logic: one caller at a time, except for `prepare` and `run`, which touch nothing but their
work and may run in a thread of their own. Time is the frames' own `captured_at`.

Which frames are looked at: at most `rate_hz` of them a second; between these a frame costs nothing,
unless the detector is due, which has a rate of its own so that tracks hold while the encoder is
slow. Between detections a track moves on by itself.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from emonet_edge.exceptions import InputError
from emonet_edge.models.face import FaceEmotionModel
from emonet_edge.models.face_detector import FaceDetector
from emonet_edge.stream.events import EmotionEvents, EventOptions
from emonet_edge.stream.faces.baseline import BaselineOptions
from emonet_edge.stream.faces.change import CHANGED, difference
from emonet_edge.stream.faces.pace import Pace
from emonet_edge.stream.faces.person import LastScores, Person
from emonet_edge.stream.faces.portrait import MARGIN, portrait_box
from emonet_edge.stream.faces.quality import QualityOptions, abstain_reason
from emonet_edge.stream.faces.selection import OVER_BUDGET, Preference, select_faces
from emonet_edge.stream.faces.smoothing import SmoothingOptions
from emonet_edge.stream.faces.thumbnail import thumbnail
from emonet_edge.stream.faces.tracker import FaceTracker, Track, TrackerOptions
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.governor import Governor
from emonet_edge.stream.outcomes import EmotionEvent, FaceReading, FrameOutcome, OutcomeKind
from emonet_edge.stream.stages import Stages, Timer

__all__ = ["FaceLane", "FaceOptions", "FaceWork"]


@dataclass(frozen=True)
class FaceOptions:
    """How faces are found and scored.

    Args:
        rate_hz: frames that are looked at, a second, at most; an expression lasts half a second
            or longer. The governor may go below.
        detector_rate_hz: times a second that the detector looks for faces, at most.
        max_faces: faces of a frame that are scored, at most. The governor may go below.
        prefer: which faces come first: the "largest" or the most "central" ones.
        margin: what the crop shows around the detector's box, see `portrait_box`.
        max_staleness_s: so long an unchanged face keeps its scores before the encoder runs again;
            0 runs it for every frame that is looked at.
        changed: a face whose `difference` from when it was scored is at least this has changed,
            see `stream.faces.change`.
        tracker: how faces keep their ids.
        quality: which faces can be scored at all.
        smoothing: of the scores over time.
        baseline: what counts as neutral for a person.
    """

    rate_hz: float = 10.0
    detector_rate_hz: float = 10.0
    max_faces: int = 4
    prefer: Preference = "largest"
    margin: float = MARGIN
    max_staleness_s: float = 1.0
    changed: float = CHANGED
    tracker: TrackerOptions = field(default_factory=TrackerOptions)
    quality: QualityOptions = field(default_factory=QualityOptions)
    smoothing: SmoothingOptions = field(default_factory=SmoothingOptions)
    baseline: BaselineOptions = field(default_factory=BaselineOptions)

    def __post_init__(self) -> None:
        for name in ("rate_hz", "detector_rate_hz"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} must be above 0 Hz; got {getattr(self, name)!r}")
        if isinstance(self.max_faces, bool) or not isinstance(self.max_faces, int):
            raise InputError(f"max_faces must be a whole number; got {self.max_faces!r}; round it")
        if self.max_faces < 1:
            raise InputError(f"max_faces must be at least 1; got {self.max_faces}; or pass no face")
        if not self.max_staleness_s >= 0:
            raise InputError(
                f"max_staleness_s must be at least 0; got {self.max_staleness_s!r}; 0 scores every "
                "frame anew"
            )


@dataclass(eq=False)
class _Plan:
    """What is to be done with a face: nothing, for a reason; keep its scores; or score it."""

    track: Track
    reason: str = ""
    person: Person | None = None
    thumbnail: Any = None
    scores: LastScores | None = None
    tensor: Any = None

    @property
    def due(self) -> bool:
        return not self.reason and self.scores is None


@dataclass(eq=False)
class FaceWork:
    """A frame on its way."""

    frame: Frame
    stages: Stages
    plans: list[_Plan] = field(default_factory=list)
    runs: int = 0

    @property
    def due(self) -> list[_Plan]:
        """The faces for which the encoder has to run."""
        return [plan for plan in self.plans if plan.due]

    @property
    def one_face_ms(self) -> float:
        """What the frame would have taken with one face and nothing to wait for."""
        once = self.stages.of("detect", "choose")
        return once + self.stages.of("prepare", "embed", "score") / max(self.runs, 1)


class FaceLane:
    """Scores the faces of a camera.

    Args:
        face: the model.
        detector: finds the faces.
        options: how.
        events: thresholds of a face.
        limits: rate and number of faces that hold now.
        timer: for the durations of stages.
    """

    def __init__(
        self,
        face: FaceEmotionModel,
        detector: FaceDetector,
        options: FaceOptions,
        events: EventOptions,
        limits: Governor,
        timer: Timer = time.perf_counter,
    ) -> None:
        self.device = face.device
        self._face, self._detector, self._options = face, detector, options
        self._limits, self._timer = limits, timer
        self._events = EmotionEvents("face", face.heads, events.face, events.hold_s)
        self._tracker = FaceTracker(options.tracker)
        self._people: dict[int, Person] = {}
        self._pace = Pace(options.rate_hz)
        self._detector_pace = Pace(options.detector_rate_hz)
        self._chosen: frozenset[int] = frozenset()
        self._latest = -math.inf

    @property
    def people(self) -> int:
        """How many tracked faces something is known of."""
        return len(self._people)

    def detection_due(self, frame: Frame) -> bool:
        """Tell whether `look` would run the detector on this frame."""
        return self._detector_pace.due(frame.captured_at)

    def look(self, frame: Frame, stages: Stages | None = None) -> None:
        """Find and track the faces of a frame, if the detector is due.

        Raises:
            InputError: it is older than the last one.
            ImageError, DeviceError: as `FaceDetector.detect`; and what reading the frame raises.
        """
        if not frame.captured_at >= self._latest:
            raise InputError(
                f"frames must come in the order of their capture: the last was at {self._latest} s;"
                f" got {frame.captured_at} s"
            )
        self._latest = frame.captured_at
        if not self.detection_due(frame):
            return
        self._detector_pace.took(frame.captured_at)
        with (stages or Stages(self._timer)).stage("detect"):
            faces = self._detector.detect(frame.image, **frame.options)
            tracks = self._tracker.update(faces, frame.captured_at)
        self._forget_all_but({track.id for track in tracks})

    def _forget_all_but(self, alive: set[int]) -> None:
        for track in self._people.keys() - alive:
            del self._people[track]
            self._events.forget(track)

    def begin(self, frame: Frame, now: float) -> FaceWork | FrameOutcome:
        """Look at a frame and plan what to do with its faces, or drop it: the rate is limited.

        `now` is the stream's time, in seconds. Errors as in `look`.
        """
        work = FaceWork(frame, Stages(self._timer))
        work.stages.add("wait", 1e3 * (now - frame.captured_at))
        self.look(frame, work.stages)
        self._pace.rate_hz = self._limits.rate_hz
        if not self._pace.due(frame.captured_at):
            reason = f"at most {self._limits.rate_hz:.3g} frames a second"
            return self.dropped(frame, now, reason, work.stages)
        self._pace.took(frame.captured_at)
        with work.stages.stage("choose"):
            work.plans.extend(self._plans(frame))
        return work

    def _plans(self, frame: Frame) -> Iterator[_Plan]:
        scorable: dict[int, _Plan] = {}
        for track in self._in_sight(frame):
            grey = thumbnail(frame, track.box)
            reason = abstain_reason(track, frame, self._options.quality, grey)
            if reason:
                yield _Plan(track, reason)
            else:
                scorable[track.id] = _Plan(track, thumbnail=grey)
        chosen, others = select_faces(
            [plan.track for plan in scorable.values()],
            self._limits.max_faces,
            frame.width,
            frame.height,
            prefer=self._options.prefer,
            chosen_before=self._chosen,
        )
        self._chosen = frozenset(track.id for track in chosen)
        for track in chosen:
            yield self._with_person(scorable[track.id], frame.captured_at)
        for track in others:
            yield _Plan(track, OVER_BUDGET)

    def _in_sight(self, frame: Frame) -> Iterator[Track]:
        """Yield the tracks that the last detection saw, where they are now, within the picture."""
        for track in self._tracker.predict(frame.captured_at):
            x, y, width, height = track.box
            left, top = max(x, 0.0), max(y, 0.0)
            right, bottom = min(x + width, frame.width), min(y + height, frame.height)
            if not track.missed and right - left >= 1 and bottom - top >= 1:
                box = (left, top, right - left, bottom - top)
                yield replace(track, face=replace(track.face, box=box))

    def _with_person(self, plan: _Plan, at: float) -> _Plan:
        """Add who it is, and the scores that still hold: young enough, of an unchanged face."""
        options, track = self._options, plan.track.id
        person = self._people.get(track)
        if person is None:
            person = self._people[track] = Person(options.smoothing, options.baseline)
        plan.person, last = person, person.last
        if last is None or at - last.at >= options.max_staleness_s:
            return plan
        if difference(last.thumbnail, plan.thumbnail) < options.changed:
            plan.scores = last
        return plan

    def prepare(self, work: FaceWork, plan: _Plan) -> None:
        """Crop and resize a face; errors as in `prepare` of the model."""
        frame = work.frame
        with work.stages.stage("prepare"):
            box = portrait_box(plan.track.box, frame.width, frame.height, self._options.margin)
            plan.tensor = self._face.prepare(frame.image, box, **frame.options)

    def run(self, work: FaceWork, plan: _Plan) -> None:
        """Run encoder and heads; errors as in `embed` and `score` of the model."""
        with work.stages.stage("embed"):
            embedding = self._face.embed(plan.tensor)
        with work.stages.stage("score"):
            scores = self._face.score(embedding)
        work.runs += 1
        plan.tensor = None
        plan.scores = LastScores(scores, work.frame.captured_at, plan.thumbnail)

    def finish(self, work: FaceWork, now: float) -> tuple[FrameOutcome, list[EmotionEvent]]:
        """Return the outcome of a frame whose faces have run, and its events."""
        events: list[EmotionEvent] = []
        with work.stages.stage("meaning"):
            faces = tuple(
                self._reading(plan, work.frame.captured_at, events) for plan in work.plans
            )
        scored = not faces or any(face.scores is not None for face in faces)
        kind: OutcomeKind = "result" if scored else "abstained"
        return self._outcome(kind, work.frame, now, work.stages, faces=faces), events

    def _reading(self, plan: _Plan, at: float, events: list[EmotionEvent]) -> FaceReading:
        track, last = plan.track, plan.scores
        if last is None or plan.person is None:
            return FaceReading(track.id, track.box, track.score, None, plan.reason)
        smoothed, deviation = plan.person.show(last, at)
        if self._people.get(track.id) is plan.person:  # still in sight
            events += self._events.update(track.id, smoothed, at)
        return FaceReading(
            track=track.id,
            box=track.box,
            detection_score=track.score,
            scores=last.scores,
            scored_age_ms=1e3 * (at - last.at),
            smoothed=dict(zip(last.scores.names, smoothed.tolist(), strict=True)),
            deviation=deviation,
        )

    def process(self, frame: Frame, now: float) -> tuple[FrameOutcome, list[EmotionEvent]]:
        """Do all of it at once, in the caller's thread; what raises becomes an "error" outcome."""
        try:
            work = self.begin(frame, now)
            if isinstance(work, FrameOutcome):
                return work, []
            for plan in work.due:
                self.prepare(work, plan)
                self.run(work, plan)
            return self.finish(work, now)
        except Exception as error:
            return self.failed(frame, now, error), []

    def dropped(
        self, frame: Frame, now: float, reason: str, stages: Stages | None = None
    ) -> FrameOutcome:
        """Return the outcome of a frame that nobody scored."""
        return self._outcome("dropped", frame, now, stages, reason=reason)

    def failed(self, frame: Frame, now: float, error: Exception) -> FrameOutcome:
        """Return the outcome of a frame that raised."""
        return self._outcome("error", frame, now, None, reason=f"{type(error).__name__}: {error}")

    def _outcome(
        self, kind: OutcomeKind, frame: Frame, now: float, stages: Stages | None, **more: Any
    ) -> FrameOutcome:
        return FrameOutcome(
            kind=kind,
            seq=frame.seq,
            captured_at=frame.captured_at,
            age_ms=1e3 * (now - frame.captured_at),
            stages_ms={} if stages is None else stages.to_dict(),
            device=self.device,
            **more,
        )
