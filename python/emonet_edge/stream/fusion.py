"""Face and voice side by side, each with its age; never averaged.

A face and a voice are two measurements, on different scales, often of different people. What they
mean together is for the application to say; here it is made sure that it knows how old each is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emonet_edge.exceptions import InputError
from emonet_edge.stream.outcomes import FrameOutcome, FusedState, UtteranceOutcome

__all__ = ["Fusion", "FusionOptions"]


@dataclass(frozen=True)
class FusionOptions:
    """When a fused state is given, and what still belongs to it.

    Args:
        every_s: seconds between states; 0 gives none.
        face_max_age_s: a face whose last scores are older is left out.
        voice_max_age_s: a voice that ended longer ago is left out.
    """

    every_s: float = 1.0
    face_max_age_s: float = 5.0
    voice_max_age_s: float = 60.0

    def __post_init__(self) -> None:
        for name in ("every_s", "face_max_age_s", "voice_max_age_s"):
            if not getattr(self, name) >= 0:
                raise InputError(
                    f"{name} must be at least 0 seconds; got {getattr(self, name)!r}; leave it out"
                )


class Fusion:
    """Keeps the newest scores of each face in sight, and of the voice."""

    def __init__(self, options: FusionOptions) -> None:
        self._options = options
        self._faces: dict[int, tuple[float, Mapping[str, float]]] = {}
        self._voice: tuple[float, Mapping[str, float]] | None = None
        self._next_at: float | None = None

    def add_frame(self, outcome: FrameOutcome) -> None:
        """Take the smoothed scores of the faces of a frame."""
        for face in outcome.faces:
            if face.scores is not None:
                seen_at = outcome.captured_at - face.scored_age_ms / 1e3
                self._faces[face.track] = (seen_at, face.smoothed)

    def add_utterance(self, outcome: UtteranceOutcome) -> None:
        """Take the scores of an utterance, or of an update of one."""
        if outcome.scores is not None:
            values = outcome.scores.values.tolist()
            self._voice = (outcome.end, dict(zip(outcome.scores.names, values, strict=True)))

    def due(self, at: float) -> bool:
        """Tell whether it is time for a state; its first call starts the count."""
        every_s = self._options.every_s
        if every_s <= 0:
            return False
        if self._next_at is None:
            self._next_at = at + every_s
            return False
        if at < self._next_at:
            return False
        # A pause must not be followed by a burst of states that nobody missed.
        self._next_at = max(self._next_at + every_s, at)
        return True

    def state(self, at: float, speaking: bool) -> FusedState:
        """Return what is known at a moment, and forget what is too old."""
        limit = at - self._options.face_max_age_s
        self._faces = {id_: face for id_, face in self._faces.items() if face[0] >= limit}
        if self._voice is not None and self._voice[0] < at - self._options.voice_max_age_s:
            self._voice = None
        return FusedState(
            at=at,
            faces={track: values for track, (_, values) in self._faces.items()},
            face_ages_s={track: max(at - seen, 0.0) for track, (seen, _) in self._faces.items()},
            voice={} if self._voice is None else self._voice[1],
            voice_age_s=None if self._voice is None else max(at - self._voice[0], 0.0),
            speaking=speaking,
        )
