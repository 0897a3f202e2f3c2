"""The annotated video: the frames of a stream with what was found in them, as a file."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

from emonet_edge._extras import pillow, pyav
from emonet_edge._types import StrPath
from emonet_edge.exceptions import EmonetError, MediaError
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.outcomes import StreamRecord
from emonet_edge.stream.output.files import check_target, staged
from emonet_edge.stream.output.frame_picture import picture_of
from emonet_edge.stream.output.overlay import Overlay, OverlayView
from emonet_edge.stream.output.pairing import Pairing
from emonet_edge.stream.output.writer import RecordWriter

__all__ = ["VIDEO_SUFFIXES", "AnnotatedVideo"]

VIDEO_SUFFIXES = (".mp4", ".mkv")
"""The containers that an annotated video may be written to."""

# The first that this build of ffmpeg has; the fastest settings, for the lanes need the CPU.
_CODECS: tuple[tuple[str, dict[str, str]], ...] = (
    ("libx264", {"preset": "ultrafast", "crf": "23", "tune": "zerolatency"}),
    ("libopenh264", {}),
    ("mpeg4", {"q": "5"}),
)
_TIME_BASE = Fraction(1, 1000)  # seconds: frames keep the time at which they were taken
_HELD_BYTES = 64 * 2**20
_WAIT_S = 10.0


class AnnotatedVideo(RecordWriter):
    """Writes frames with boxes, ids, top emotions and ages into a video file, in its own thread.

    `add_frame` and `write` return at once: a stream is never slowed down by its picture. Where
    drawing and coding do not keep up, frames are left out of the video and counted in `dropped`.
    The frames' own times are kept, so that what is left out shows as a longer frame.

    H.264 (libx264), or what this build of ffmpeg has instead; no sound. The file appears when it
    is complete; if the power fails, a started .mkv can still be read, an .mp4 cannot.

    Args:
        path: ends in one of `VIDEO_SUFFIXES`.
        top: emotions beside each face.
        longest: the longer side in pixels; larger frames are scaled down, the first one decides.
        wait: `add_frame` waits until there is room: for files that are read as fast as possible,
            which are then read more slowly, and lose no frame.
        overwrite: replace a file that is there.

    Raises:
        MediaError: the file exists, its folder does not, or the suffix is another.
        MissingExtraError: PyAV or Pillow is not installed.
    """

    def __init__(
        self,
        path: StrPath,
        *,
        top: int = 3,
        longest: int = 1280,
        wait: bool = False,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in VIDEO_SUFFIXES:
            raise MediaError(f"{path}: a video must end in one of {', '.join(VIDEO_SUFFIXES)}")
        check_target(self.path, overwrite)
        pyav(), pillow()  # what is missing is said now, not in the thread
        self._longest, self._wait, self._overwrite = longest, wait, overwrite
        self._overlay = Overlay(top)
        self._pairing = Pairing()
        self._room = 0
        self._changed = threading.Condition()
        self._closing = False
        self._error: EmonetError | None = None
        self._said = False
        self.written = 0
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="annotated video", daemon=True)
        self._thread.start()

    def add_frame(self, frame: Frame) -> None:
        """Take the next frame of the source; from any one thread, before its outcome is known."""
        with self._changed:
            if not self._room:
                self._size_queue(frame)
            if self._wait:
                self._changed.wait_for(self._has_room, _WAIT_S)
            if self._closing or self._error is not None:
                return
            if self._has_room():
                self._pairing.add_frame(frame)
                self._changed.notify_all()
            else:
                self.dropped += 1

    def write(self, record: StreamRecord) -> None:
        """Take a record, which decides what is drawn.

        Raises:
            MediaError: the video cannot be written, for instance because the disk is full; said
                once.
        """
        with self._changed:
            self._pairing.add_record(record)
            self._changed.notify_all()
        self._say_error()

    def close(self) -> None:
        """Write what is left, and finish the file; twice is once.

        Raises:
            MediaError: the video cannot be written, and this was not said before.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        self._say_error()

    def _say_error(self) -> None:
        with self._changed:
            error, silent = self._error, self._said
            self._said = self._said or error is not None
        if error is not None and not silent:
            raise error

    def _size_queue(self, frame: Frame) -> None:
        size = 3 * frame.width * frame.height // (1 if frame.color in ("rgb", "bgr") else 2)
        self._room = max(4, min(90, _HELD_BYTES // size))
        self._pairing.held = max(2, self._room * 3 // 4)

    def _has_room(self) -> bool:
        return len(self._pairing) < self._room or self._closing or self._error is not None

    def _run(self) -> None:
        try:
            with ExitStack() as stack:
                file: _VideoFile | None = None
                while (taken := self._next()) is not None:
                    frame, view = taken
                    picture = picture_of(frame, self._longest)
                    self._overlay.draw(picture, view, frame.captured_at, frame.width)
                    if file is None:
                        place = stack.enter_context(staged(self.path, self._overwrite))
                        file = stack.enter_context(_VideoFile(place, picture.size))
                    file.add(picture, frame.captured_at)
                    self.written += 1
        except EmonetError as error:
            self._fail(error)
        except Exception as error:  # ffmpeg's errors, and what a hostile frame makes of Pillow
            self._fail(MediaError(f"{self.path} cannot be written: {error}"))

    def _next(self) -> tuple[Frame, OverlayView] | None:
        """Wait for the next frame whose turn it is; None at the end."""
        with self._changed:
            while (taken := self._pairing.take(everything=self._closing)) is None:
                if self._closing:
                    return None
                self._changed.wait()
            self._changed.notify_all()
            return taken

    def _fail(self, error: EmonetError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()


class _VideoFile:
    """One stream of pictures in a container; all have the size of the first."""

    def __init__(self, place: Path, size: tuple[int, int]) -> None:
        av = pyav()
        self._av = av
        self._size = (size[0] + size[0] % 2, size[1] + size[1] % 2)  # 4:2:0 has whole pairs
        self._last = -1
        name, options = next(
            (codec for codec in _CODECS if codec[0] in av.codecs_available), _CODECS[-1]
        )
        self._container = av.open(str(place), "w")
        self._stream = self._container.add_stream(name, rate=30, options=options)
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = _TIME_BASE
        self._stream.codec_context.thread_count = 1  # the other cores are the lanes'

    def __enter__(self) -> _VideoFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None:
            self._container.mux(self._stream.encode())
        self._container.close()

    def add(self, picture: Any, at: float) -> None:
        frame = self._av.VideoFrame.from_image(self._fit(picture))
        frame.pts = max(self._last + 1, round(at / _TIME_BASE))
        frame.time_base = _TIME_BASE
        self._last = frame.pts
        self._container.mux(self._stream.encode(frame))

    def _fit(self, picture: Any) -> Any:
        """Bring a picture to the first one's size: a camera that came back may have another."""
        if picture.size == self._size:
            return picture
        canvas = pillow().new("RGB", self._size)
        if any(have > want for have, want in zip(picture.size, self._size, strict=True)):
            picture.thumbnail(self._size)
        canvas.paste(picture, (0, 0))
        return canvas
