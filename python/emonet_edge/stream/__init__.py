"""Camera and microphone to a steady stream of emotion outcomes and events, in this process.

Importing it loads nothing heavy: names are resolved on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emonet_edge._lazy import lazy_names

if TYPE_CHECKING:
    from emonet_edge.stream import output
    from emonet_edge.stream.clock import Clock, ManualClock, SystemClock
    from emonet_edge.stream.events import EventOptions
    from emonet_edge.stream.faces.baseline import BaselineOptions
    from emonet_edge.stream.faces.lane import FaceOptions
    from emonet_edge.stream.faces.smoothing import SmoothingOptions
    from emonet_edge.stream.frames import Frame
    from emonet_edge.stream.fusion import FusionOptions
    from emonet_edge.stream.governor import GovernorOptions
    from emonet_edge.stream.options import LiveOptions
    from emonet_edge.stream.outcomes import (
        EmotionEvent,
        FaceReading,
        FrameOutcome,
        FusedState,
        Notice,
        StreamRecord,
        UtteranceOutcome,
    )
    from emonet_edge.stream.session import LiveSession
    from emonet_edge.stream.sources.contents import Contents, contents_of
    from emonet_edge.stream.sources.devices import list_devices
    from emonet_edge.stream.sources.open import SourceOptions, open_audio, open_video
    from emonet_edge.stream.voices.listener import Listener
    from emonet_edge.stream.voices.mono import MonoStream
    from emonet_edge.stream.voices.speech import SpeechOptions, SpeechSegmenter, segment_speech
    from emonet_edge.stream.voices.utterances import UtteranceJob, UtteranceOptions, Utterances
    from emonet_edge.stream.voices.vad import VoiceActivityDetector

_HOMES = {
    "BaselineOptions": "faces.baseline",
    "Clock": "clock",
    "Contents": "sources.contents",
    "EmotionEvent": "outcomes",
    "EventOptions": "events",
    "FaceOptions": "faces.lane",
    "FaceReading": "outcomes",
    "Frame": "frames",
    "FrameOutcome": "outcomes",
    "FusedState": "outcomes",
    "FusionOptions": "fusion",
    "GovernorOptions": "governor",
    "Listener": "voices.listener",
    "LiveOptions": "options",
    "LiveSession": "session",
    "ManualClock": "clock",
    "MonoStream": "voices.mono",
    "Notice": "outcomes",
    "SmoothingOptions": "faces.smoothing",
    "SourceOptions": "sources.open",
    "SpeechOptions": "voices.speech",
    "SpeechSegmenter": "voices.speech",
    "StreamRecord": "outcomes",
    "SystemClock": "clock",
    "UtteranceJob": "voices.utterances",
    "UtteranceOptions": "voices.utterances",
    "UtteranceOutcome": "outcomes",
    "Utterances": "voices.utterances",
    "VoiceActivityDetector": "voices.vad",
    "contents_of": "sources.contents",
    "list_devices": "sources.devices",
    "open_audio": "sources.open",
    "open_video": "sources.open",
    "segment_speech": "voices.speech",
}

__all__ = [
    "BaselineOptions",
    "Clock",
    "Contents",
    "EmotionEvent",
    "EventOptions",
    "FaceOptions",
    "FaceReading",
    "Frame",
    "FrameOutcome",
    "FusedState",
    "FusionOptions",
    "GovernorOptions",
    "Listener",
    "LiveOptions",
    "LiveSession",
    "ManualClock",
    "MonoStream",
    "Notice",
    "SmoothingOptions",
    "SourceOptions",
    "SpeechOptions",
    "SpeechSegmenter",
    "StreamRecord",
    "SystemClock",
    "UtteranceJob",
    "UtteranceOptions",
    "UtteranceOutcome",
    "Utterances",
    "VoiceActivityDetector",
    "contents_of",
    "list_devices",
    "open_audio",
    "open_video",
    "output",
    "segment_speech",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES, ["output"])
