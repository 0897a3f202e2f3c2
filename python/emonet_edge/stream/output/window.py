"""The overlay window: the newest frame with what was found, for somebody who sits in front.

It is made of tkinter, which Python's installers bring and Debian packages as python3-tk, and
Pillow's ImageTk; nothing is added for it. It runs in a process of its own (`window_process`):
Xlib ends the process whose display goes away, and that must not be the one that scores.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from emonet_edge._extras import pillow
from emonet_edge.exceptions import DeviceError, MissingExtraError
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.outcomes import StreamRecord
from emonet_edge.stream.output import window_process
from emonet_edge.stream.output.frame_picture import picture_of
from emonet_edge.stream.output.overlay import Overlay, OverlayView
from emonet_edge.stream.output.writer import RecordWriter

__all__ = ["OverlayWindow"]

_SHORTEST_S = 0.05  # between two pictures: drawing takes CPU from the lanes
_END_S = 5.0


class OverlayWindow(RecordWriter):
    """Shows the newest frame, with the newest scores over it.

    `add_frame` and `write` return at once, from any thread; a frame that was not shown yet is
    replaced by the next. Closing the window, Escape or q end it: `closed` says so.

    Args:
        title: in the window's frame.
        top: emotions beside each face.
        longest: the longer side of the picture in pixels.

    Raises:
        DeviceError: there is no display to open a window on.
        MissingExtraError: this Python has no tkinter, or Pillow is not installed.
    """

    def __init__(self, title: str = "emonet-edge", *, top: int = 3, longest: int = 960) -> None:
        pillow()
        self._overlay, self._longest = Overlay(top), longest
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._view = OverlayView()
        self._closing = False
        self._process = _start(title)
        self._thread = threading.Thread(target=self._run, name="overlay window", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether the user closed the window, or it was closed, or its display went away."""
        return self._closing or self._process.poll() is not None

    def add_frame(self, frame: Frame) -> None:
        """Take the next frame of the source."""
        with self._changed:
            self._frame = frame
            self._changed.notify()

    def write(self, record: StreamRecord) -> None:
        """Take a record, which decides what is drawn."""
        with self._changed:
            self._view = self._view.after(record)

    def close(self) -> None:
        """Close the window; twice is once."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        _end(self._process)

    def _run(self) -> None:
        with suppress(OSError):  # the window was closed: its end of the pipe is gone
            while (work := self._next()) is not None:
                started = time.monotonic()
                self._show(*work)
                pause = _SHORTEST_S - (time.monotonic() - started)
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, max(0.0, pause))

    def _next(self) -> tuple[Frame, OverlayView] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._frame is not None)
            frame, self._frame = self._frame, None
            return None if frame is None or self._closing else (frame, self._view)

    def _show(self, frame: Frame, view: OverlayView) -> None:
        picture = picture_of(frame, self._longest)
        self._overlay.draw(picture, view, frame.captured_at, frame.width)
        assert self._process.stdin is not None
        self._process.stdin.write(struct.pack(window_process.HEADER, *picture.size))
        self._process.stdin.write(picture.tobytes())
        self._process.stdin.flush()


def _start(title: str) -> subprocess.Popen[bytes]:
    """Start the window's process, and wait until it shows or says why not."""
    process = subprocess.Popen(  # noqa: S603 - this Python, a file of this package
        [sys.executable, str(Path(window_process.__file__)), title],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    word, _, reason = process.stdout.readline().decode("utf-8", "replace").strip().partition(" ")
    if word == window_process.READY:
        return process
    _end(process)
    if word == window_process.NO_TKINTER:
        raise MissingExtraError(
            f"a window needs tkinter, and this Python has none ({reason}): "
            "sudo apt install python3-tk, or write an annotated video instead"
        )
    raise DeviceError(
        f"a window needs a display, and none can be opened ({reason or 'no answer'}): set DISPLAY, "
        "or write an annotated video instead"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let it see the end of its input; make it end if it does not."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what was not yet written to a window that is gone
                pipe.close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
