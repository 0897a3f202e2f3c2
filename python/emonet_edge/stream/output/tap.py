"""A video source that somebody looks into while a session reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emonet_edge.stream.frames import Frame

__all__ = ["TappedVideo"]


class TappedVideo:
    """Hands on the frames of a source, and shows each to `on_frame` first.

        with AnnotatedVideo("out.mp4") as video:
            session.add_video(TappedVideo(open_video("0"), video.add_frame))

    Args:
        source: an object with `read`, `close` and a context manager, as `open_video` returns it.
        on_frame: called in the thread that reads; it should return at once.
    """

    def __init__(self, source: Any, on_frame: Callable[[Frame], None]) -> None:
        self._source, self._on_frame = source, on_frame

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)  # duration, live, whatever the source tells of itself

    def __enter__(self) -> TappedVideo:
        self._source.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._source.__exit__(*error)

    def read(self) -> Frame | None:
        """Return the next frame, None at the end."""
        frame: Frame | None = self._source.read()
        if frame is not None:
            self._on_frame(frame)
        return frame

    def close(self) -> None:
        """End a read that waits, and close the source."""
        self._source.close()
