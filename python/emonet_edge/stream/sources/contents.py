"""What a recording holds, before it is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from emonet_edge.stream.sources.byte_stream import ByteStream
from emonet_edge.stream.sources.containers import open_bytes
from emonet_edge.stream.sources.stop_signal import StopSignal

__all__ = ["Contents", "contents_of"]

_ATTACHED_PICTURE = 0x400  # AV_DISPOSITION_ATTACHED_PIC of ffmpeg


@dataclass(frozen=True)
class Contents:
    """`pictures` and `sound` say whether there is a track of them; `duration` is in seconds.

    None where the header states no duration, or none that can be.
    """

    pictures: bool
    sound: bool
    duration: float | None


def contents_of(path: str) -> Contents:
    """Read the header of a file.

    Raises:
        MediaError: it does not exist, or is no container of a known format.
        MissingExtraError: PyAV is not installed.
    """
    stream = ByteStream(path, StopSignal())
    try:
        with open_bytes(stream) as container:
            # The cover of an album is a video track of one picture.
            pictures = any(not _is_cover(track) for track in container.streams.video)
            stated = (container.duration or 0) / 1e6
            known = math.isfinite(stated) and stated > 0
            return Contents(pictures, bool(container.streams.audio), stated if known else None)
    finally:
        stream.release()


def _is_cover(track: Any) -> bool:
    return bool(int(getattr(track, "disposition", 0)) & _ATTACHED_PICTURE)
