"""What a stream says: one outcome for every frame and utterance, events, states, notices.

Times are seconds of the stream's clock (0 at its start; for files, the media's own time), durations
are milliseconds where the name ends in `_ms`. `to_dict` is what NDJSON carries: its "type" names
the class, values are plain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from emonet_edge.scores import Scores

__all__ = [
    "EmotionEvent",
    "FaceReading",
    "FrameOutcome",
    "FusedState",
    "Notice",
    "OutcomeKind",
    "StreamRecord",
    "UtteranceOutcome",
]

OutcomeKind = Literal["result", "dropped", "abstained", "error"]
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class FaceReading:
    """One tracked face in one frame.

    `box` is the detector's (x, y, width, height) in pixels, clipped to the picture; `track` is the
    id that stays with the person while they are in sight. `scores` None: the face was not scored,
    and `reason` says why ("too small: 31 px, at least 48", "cut off", "blurred", "over budget").
    `scored_age_ms` is how old the scores are: 0 if the encoder ran on this frame, more if an
    unchanged face kept its scores. `smoothed` and `deviation` (from the person's own neutral
    baseline; empty until there is one) are by head name; raw values are in `scores`.
    """

    track: int
    box: tuple[float, float, float, float]
    detection_score: float
    scores: Scores | None
    reason: str = ""
    scored_age_ms: float = 0.0
    smoothed: Mapping[str, float] = field(default_factory=dict)
    deviation: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "track": self.track,
            "box": list(self.box),
            "detection_score": self.detection_score,
            "scores": None if self.scores is None else self.scores.to_dict(),
            "reason": self.reason,
            "scored_age_ms": self.scored_age_ms,
            "smoothed": dict(self.smoothed),
            "deviation": dict(self.deviation),
        }


@dataclass(frozen=True)
class FrameOutcome:
    """What became of one submitted frame.

    kind: "result" (faces may be empty: nobody was there), "dropped" (a newer one came first, or the
    rate is limited: `reason`), "abstained" (faces were seen and none could be scored: their own
    reasons say why), "error". `age_ms`: from capture to this outcome. `dropped_before`: frames
    dropped since the last outcome that was not a drop. `stages_ms`: time in each stage.
    """

    kind: OutcomeKind
    seq: int
    captured_at: float
    age_ms: float
    faces: tuple[FaceReading, ...] = ()
    reason: str = ""
    dropped_before: int = 0
    stages_ms: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    device: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, "type" "frame"."""
        return {
            "type": "frame",
            "kind": self.kind,
            "seq": self.seq,
            "captured_at": self.captured_at,
            "age_ms": self.age_ms,
            "faces": [face.to_dict() for face in self.faces],
            "reason": self.reason,
            "dropped_before": self.dropped_before,
            "stages_ms": dict(self.stages_ms),
            "device": self.device,
        }


@dataclass(frozen=True)
class UtteranceOutcome:
    """What became of one utterance, or of an update while it goes on.

    `seq` numbers utterances from 0; `update` is 0 for the first result of one, then 1, 2, ...;
    `final` says that the utterance is over: exactly one outcome of an utterance is final. `start`
    and `end` bound the speech that was scored (at most 30 s of it). `captured_at` is when the last
    sample of it was heard, `age_ms` from then to this outcome.
    """

    kind: OutcomeKind
    seq: int
    update: int
    final: bool
    start: float
    end: float
    captured_at: float
    age_ms: float
    scores: Scores | None = None
    reason: str = ""
    dropped_before: int = 0
    stages_ms: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    device: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, "type" "utterance"."""
        return {
            "type": "utterance",
            "kind": self.kind,
            "seq": self.seq,
            "update": self.update,
            "final": self.final,
            "start": self.start,
            "end": self.end,
            "captured_at": self.captured_at,
            "age_ms": self.age_ms,
            "scores": None if self.scores is None else self.scores.to_dict(),
            "reason": self.reason,
            "dropped_before": self.dropped_before,
            "stages_ms": dict(self.stages_ms),
            "device": self.device,
        }


@dataclass(frozen=True)
class EmotionEvent:
    """An emotion rose above, or fell below, its threshold.

    `modality` "face" or "voice"; `subject` is the track id of a face, the number of the utterance
    for a voice. `value` is what was compared (smoothed for faces), `threshold` what it crossed.
    """

    at: float
    modality: Literal["face", "voice"]
    subject: int
    emotion: str
    change: Literal["rose", "fell"]
    value: float
    threshold: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, "type" "event"."""
        return {
            "type": "event",
            "at": self.at,
            "modality": self.modality,
            "subject": self.subject,
            "emotion": self.emotion,
            "change": self.change,
            "value": self.value,
            "threshold": self.threshold,
        }


@dataclass(frozen=True)
class FusedState:
    """Face and voice at one moment, side by side: never averaged, each with its age.

    `faces`: smoothed values by head, by track; `face_ages_s` by track; `voice` raw values by head
    and `voice_age_s` since the end of the speech it describes (None: nothing heard yet).
    """

    at: float
    faces: Mapping[int, Mapping[str, float]]
    face_ages_s: Mapping[int, float]
    voice: Mapping[str, float]
    voice_age_s: float | None
    speaking: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, "type" "state"."""
        return {
            "type": "state",
            "at": self.at,
            "faces": {str(track): dict(values) for track, values in self.faces.items()},
            "face_ages_s": {str(track): age for track, age in self.face_ages_s.items()},
            "voice": dict(self.voice),
            "voice_age_s": self.voice_age_s,
            "speaking": self.speaking,
        }


@dataclass(frozen=True)
class Notice:
    """Something about the stream itself that must not happen silently.

    topic "source" (a camera or microphone opened, lost, reopened, ended), "governor" (the rate or
    the number of faces was changed, and why), "device" (what runs where, and why), "records" (the
    reader was too slow for all of them). `details` is JSON-ready.
    """

    at: float
    topic: Literal["source", "governor", "device", "records"]
    text: str
    details: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, "type" "notice"."""
        return {
            "type": "notice",
            "at": self.at,
            "topic": self.topic,
            "text": self.text,
            "details": dict(self.details),
        }


StreamRecord: TypeAlias = FrameOutcome | UtteranceOutcome | EmotionEvent | FusedState | Notice
"""Anything that a stream gives out."""
