"""The timeline of a whole stream: the emotions of each face and of the voice, left to right.

It is drawn at the end, from means over short times: what is kept does not grow with the stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emonet_edge._extras import pillow
from emonet_edge._types import StrPath
from emonet_edge.drawing.style import FULL_SCALE
from emonet_edge.drawing.timeline import Piece, draw_rows
from emonet_edge.scores import SYNTHETIC_NOTICE, Scores
from emonet_edge.stream.outcomes import FrameOutcome, StreamRecord, UtteranceOutcome
from emonet_edge.stream.output.files import check_target, staged
from emonet_edge.stream.output.labels import label
from emonet_edge.stream.output.spoken import SpokenTime
from emonet_edge.stream.output.writer import RecordWriter
from emonet_edge.taxonomy import EMOTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["StreamTimeline", "TimelineFile"]

_FINEST_S = 0.25  # readings within it become one piece
_GAP_S = 1.0  # a face that was not read for longer was away
_MOST_PIECES = 1024  # of a face or the voice; the picture has fewer columns
_MOST_FACES = 64  # kept at once; those that were read least make room


@dataclass
class _Mean:
    """The mean score of every emotion over a time; NaN where one was not scored."""

    start: float
    end: float
    weight: float
    values: NDArray[np.float32]  # [40], in the order of EMOTIONS

    def add(self, end: float, weight: float, values: NDArray[np.float32]) -> None:
        self.end, self.weight = end, self.weight + weight
        self.values += (values - self.values) * np.float32(weight / self.weight)


class _History:
    """Means in order of time; where there would be too many, neighbours become one."""

    def __init__(self) -> None:
        self.pieces: list[_Mean] = []
        self.readings = 0
        self.width = _FINEST_S

    def add_moment(self, at: float, values: NDArray[np.float32]) -> None:
        """A face's reading holds until the next one, if that comes soon."""
        self.readings += 1
        last = self.pieces[-1] if self.pieces else None
        if last is not None and 0 <= at - last.end <= _GAP_S:
            last.end = at
            if at - last.start < self.width:
                last.add(at, 1.0, values)
                return
        self._append(_Mean(at, at, 1.0, values))

    def add_span(self, start: float, end: float, values: NDArray[np.float32]) -> None:
        """A voice's result speaks for its own time only."""
        self.readings += 1
        self._append(_Mean(start, end, max(end - start, 1e-3), values))

    def _append(self, piece: _Mean) -> None:
        self.pieces.append(piece)
        while len(self.pieces) > _MOST_PIECES:
            self.width *= 2
            self._merge()

    def _merge(self) -> None:
        merged = [self.pieces[0]]
        for piece in self.pieces[1:]:
            if piece.end - merged[-1].start <= self.width:
                merged[-1].add(piece.end, piece.weight, piece.values)
            else:
                merged.append(piece)
        self.pieces = merged

    def rows(self, count: int, modality: str) -> dict[str, list[Piece]]:
        """Return the emotions that peak highest, with their pieces, by display name."""
        table = np.array([piece.values for piece in self.pieces])
        peaks = np.where(np.isnan(table), -np.inf, table).max(axis=0)
        known = [index for index in np.argsort(-peaks, kind="stable") if peaks[index] > -np.inf]
        return {
            label(EMOTIONS[index], modality): [
                Piece(mean.start, mean.end, float(mean.values[index])) for mean in self.pieces
            ]
            for index in known[:count]
        }


class StreamTimeline:
    """Gathers records, and draws them as one picture.

    Args:
        title: what the picture shows, for instance the file's name.
        top: emotions for each face and the voice: those that peak highest.
        most_faces: faces to draw: those that were read most; the others are counted.
    """

    def __init__(self, title: str = "", *, top: int = 3, most_faces: int = 6) -> None:
        self._title, self._top, self._most_faces = title, top, most_faces
        self._faces: dict[int, _History] = {}
        self._voice = _History()
        self._spoken = SpokenTime()
        self._forgotten = 0
        self._synthetic = False
        self._end = 0.0

    def write(self, record: StreamRecord) -> None:
        """Take one record; what has no scores only moves the end of the time."""
        if isinstance(record, FrameOutcome):
            self._end = max(self._end, record.captured_at)
            for face in record.faces:
                if face.scores is not None:
                    self._face(face.track).add_moment(record.captured_at, self._take(face.scores))
        elif isinstance(record, UtteranceOutcome):
            self._end = max(self._end, record.end)
            piece = self._spoken.piece(record)
            if piece is not None and record.scores is not None:
                self._voice.add_span(*piece, self._take(record.scores))

    def draw(self) -> Any:
        """Return the picture: PIL.Image.Image, RGB, 1280 pixels wide.

        Raises:
            MissingExtraError: Pillow is not installed.
        """
        groups: dict[str, Mapping[str, list[Piece]]] = {}
        scales: dict[str, float] = {}
        for heading, modality, history in self._shown():
            groups[heading] = history.rows(self._top, modality)
            values = [piece.value for row in groups[heading].values() for piece in row]
            scales[heading] = max([FULL_SCALE[modality], *(v for v in values if np.isfinite(v))])
        return draw_rows(
            groups,
            duration=self._end,
            scales=scales,
            title=self._title,
            caption=self._caption(bool(groups)),
            notice=SYNTHETIC_NOTICE if self._synthetic else None,
        )

    def save(self, path: StrPath, *, overwrite: bool = False) -> None:
        """Draw it into a file, whose suffix gives the format; there completely or not at all.

        Raises:
            MediaError: the file exists, or cannot be written.
            MissingExtraError: Pillow is not installed.
        """
        picture = self.draw()
        with staged(path, overwrite) as place:
            picture.save(place)

    def _take(self, scores: Scores) -> NDArray[np.float32]:
        self._synthetic = self._synthetic or scores.synthetic
        values = dict(zip(scores.names, scores.raw, strict=True))
        return np.array([values.get(name, np.nan) for name in EMOTIONS], dtype=np.float32)

    def _face(self, track: int) -> _History:
        if track not in self._faces:
            if len(self._faces) >= _MOST_FACES:
                least = min(self._faces, key=lambda known: self._faces[known].readings)
                del self._faces[least]
                self._forgotten += 1
            self._faces[track] = _History()
        return self._faces[track]

    def _shown(self) -> list[tuple[str, str, _History]]:
        most = sorted(self._faces, key=lambda track: -self._faces[track].readings)
        faces = sorted(most[: self._most_faces])
        found = [(f"Face {track}", "face", self._faces[track]) for track in faces]
        return found + ([("Voice", "voice", self._voice)] if self._voice.pieces else [])

    def _caption(self, anything: bool) -> str:
        if not anything:
            return "Nothing was scored."
        parts = ["Raw scores."]
        if self._faces:
            width = max(history.width for history in self._faces.values())
            parts.append(f"Faces: means of {width:g} s, a full row is {FULL_SCALE['face']:g}.")
        if self._voice.pieces:
            parts.append(f"Voice: each stretch of speech, a full row is {FULL_SCALE['voice']:g}.")
        more = max(0, len(self._faces) - self._most_faces) + self._forgotten
        return " ".join(parts + ([f"{more} more faces, seen shortly, are not shown."] * bool(more)))


class TimelineFile(RecordWriter):
    """A `StreamTimeline` that is drawn into a file when it is closed.

    Args:
        path: the file; its suffix gives the format.
        title: as for `StreamTimeline`.
        top: likewise.
        overwrite: replace a file that is there.

    Raises:
        MediaError: the file exists, or its folder does not.
        MissingExtraError: Pillow is not installed.
    """

    def __init__(
        self, path: StrPath, title: str = "", *, top: int = 3, overwrite: bool = False
    ) -> None:
        pillow()  # what is missing is said now, not after hours
        check_target(path, overwrite)
        self._timeline = StreamTimeline(title, top=top)
        self._path, self._overwrite = path, overwrite
        self._closed = False

    def write(self, record: StreamRecord) -> None:
        """Take one record."""
        self._timeline.write(record)

    def close(self) -> None:
        """Draw and save it; twice is once.

        Raises:
            MediaError: it cannot be written.
        """
        if not self._closed:
            self._closed = True
            self._timeline.save(self._path, overwrite=self._overwrite)
