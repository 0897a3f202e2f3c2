"""The targets, as ratios between contestants of one race.

A ratio is how many times as long the other takes ("at least"), or how long ours takes in units of
the other ("at most"); always of medians.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.settings import N_HEADS

__all__ = ["MEMORY_TARGETS", "STREAM_TARGETS", "TARGETS", "MemoryTarget", "Target"]


@dataclass(frozen=True)
class Target:
    """A line of the table in docs/performance.md.

    Attributes:
        work: what is compared, for people.
        group: beginning of the race's group.
        ours, other: contestants of that race.
        kind: "at least" limit times as fast as the other; "at most" limit times the other's time;
            "share": at least this share of the other's speed.
    """

    work: str
    group: str
    ours: str
    other: str
    kind: Literal["at least", "at most", "share"]
    limit: float


@dataclass(frozen=True)
class MemoryTarget:
    """Peak resident memory of a process, in GB (1e9 bytes)."""

    work: str
    group: str
    contestant: str
    limit_gb: float


_EDGE, _INT8, _INT4 = "emonet-edge", "emonet-edge INT8", "emonet-edge INT4"
_MEL, _FRAME = "log-mel of 30 s", "1080p to 384x384"
_NV12 = "512x512 face of a 1080p NV12 frame"
_SOME, _ALL = f"{N_HEADS} voice heads,", "55 voice heads,"
_FACE, _BARE = "whole face", "the bare OpenVINO encoder call, INT8"
_VOICE_8, _VOICE_55 = f"whole voice, 30 s, {N_HEADS} heads", "whole voice, 30 s, 55 heads"
_FRESH = "fresh process, cache of compiled models empty"
_LAION = "LAION's recipe, PyTorch FP32"
_STREAM, _CORE = "stream: a second", "one core"
_TORCH = "PyTorch FP32, a module per head"
_READ = "streaming read of the INT8 bytes"
_FULLY_CONNECTED = "OpenVINO FullyConnected INT8"

TARGETS = (
    Target("log-mel of 30 s", _MEL, _EDGE, "transformers, NumPy path", "at least", 15),
    Target("log-mel of 30 s", _MEL, _EDGE, "transformers, torch path", "at least", 5),
    Target("1080p to 384x384", _FRAME, _EDGE, "Pillow resize + normalise", "at least", 5),
    Target("1080p to 384x384", _FRAME, _EDGE, "Hugging Face SigLIP processor", "at least", 10),
    Target(
        "face of a 1080p NV12 frame",
        _NV12,
        "emonet-edge, face of a 1080p frame",
        "emonet-edge, a frame of only these pixels",
        "at most",
        1.05,
    ),
    Target("55 voice heads, INT8, bandwidth", _ALL, _INT8, _READ, "share", 0.85),
    Target("55 voice heads, INT8", _ALL, _INT8, _TORCH, "at least", 8),
    Target(f"{N_HEADS} voice heads, INT8", _SOME, _INT8, _FULLY_CONNECTED, "at least", 1.6),
    Target("55 voice heads, INT4", _ALL, _INT4, _INT8, "at least", 1.6),
    Target(
        "40 large face heads",
        "40 large face heads",
        _INT8,
        "PyTorch FP32, a loop over heads",
        "at least",
        20,
    ),
    Target(
        "voice heads, INT8, AVX2 alone, bandwidth",
        "ISA: voice heads INT8",
        "avx2",
        "streaming read of the same bytes",
        "share",
        0.85,
    ),
    Target("whole face", _FACE, _INT8, _BARE, "at most", 1.03),
    Target("whole face", _FACE, _INT8, _LAION, "at least", 4.5),
    Target("whole voice, 55 heads", _VOICE_55, _INT8, _LAION, "at least", 5),
    Target(f"whole voice, {N_HEADS} heads", _VOICE_8, _INT8, _BARE, "at most", 1.05),
)

MEMORY_TARGETS = (
    MemoryTarget(
        "whole voice, 55 heads in INT8",
        _FRESH,
        "voice, heads in INT8",
        4.7,
    ),
    MemoryTarget(
        "whole voice, 55 heads in INT4",
        _FRESH,
        "voice, heads in INT4",
        2.8,
    ),
)

# Of a run of their own: it needs the file of a face detector.
STREAM_TARGETS = (
    Target(
        "a live stream without encoders and detector",
        _STREAM,
        "the stream's own work",
        _CORE,
        "at most",
        0.03,
    ),
    Target(
        "a live stream without encoders, detector at 10 Hz",
        _STREAM,
        "the stream's own work and the detector at 10 Hz",
        _CORE,
        "at most",
        0.25,
    ),
    Target(
        "a live stream: frame to result",
        "stream: frame to result",
        "frame to result",
        "the encoder's run",
        "at most",
        1.1,
    ),
)
