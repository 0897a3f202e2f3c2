"""The settings of a live session."""

from __future__ import annotations

from dataclasses import dataclass, field

from emonet_edge.exceptions import InputError
from emonet_edge.stream.events import EventOptions
from emonet_edge.stream.faces.lane import FaceOptions
from emonet_edge.stream.fusion import FusionOptions
from emonet_edge.stream.governor import GovernorOptions
from emonet_edge.stream.voices.utterances import UtteranceOptions

__all__ = ["LiveOptions"]


@dataclass(frozen=True)
class LiveOptions:
    """How a `LiveSession` works. The defaults suit a kiosk with one camera and one microphone.

    Args:
        face: how faces are found, chosen, smoothed and compared with their own baseline.
        voice: how speech is cut into utterances.
        events: thresholds in raw scores.
        fusion: how often face and voice are shown side by side.
        governor: the latency to keep.
        max_waiting_utterances: for the voice encoder; when more wait, the oldest is dropped. One
            takes up to 2 MB.
        max_waiting_sound_s: seconds of sound on their way to the speech detector; beyond that the
            oldest is lost, with a notice.
        max_waiting_records: records that nobody has read yet; beyond that the oldest is lost, with
            a notice. One takes up to 10 kB.
    """

    face: FaceOptions = field(default_factory=FaceOptions)
    voice: UtteranceOptions = field(default_factory=UtteranceOptions)
    events: EventOptions = field(default_factory=EventOptions)
    fusion: FusionOptions = field(default_factory=FusionOptions)
    governor: GovernorOptions = field(default_factory=GovernorOptions)
    max_waiting_utterances: int = 4
    max_waiting_sound_s: float = 10.0
    max_waiting_records: int = 1000

    def __post_init__(self) -> None:
        for name in ("max_waiting_utterances", "max_waiting_sound_s", "max_waiting_records"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be above 0; got {getattr(self, name)!r}")
