"""Records as WebVTT: captions that a player shows beside the recording they came from.

The format is W3C's WebVTT. A cue holds who it speaks of as a voice span (`<v Face 3>`), the top
emotions with their mean raw scores, and the notice of synthetic weights where there is one.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field

from emonet_edge._types import StrPath
from emonet_edge.scores import SYNTHETIC_NOTICE, Scores
from emonet_edge.stream.outcomes import FrameOutcome, StreamRecord, UtteranceOutcome
from emonet_edge.stream.output.files import GrowingText
from emonet_edge.stream.output.labels import raw_values, top_emotions, top_text
from emonet_edge.stream.output.spoken import SpokenTime
from emonet_edge.stream.output.writer import RecordWriter

__all__ = ["WebVttWriter", "timestamp"]

_SHORTEST_S = 1.0  # of a face's caption: what changes faster than one can read is averaged
_LONGEST_S = 4.0  # what changes more slowly is repeated
_BLINK_S = 0.2  # shown at least this long: a face that was read once
_GAP_S = 1.0  # without a reading, a face's caption ends
# Cues must stand in the order of their starts, and a voice's is known only when its window of at
# most 30 s is over and scored: so long a cue waits for earlier ones.
_WAIT_S = 40.0


@dataclass
class _FaceCue:
    """A caption that is still open: one face, while the same emotions lead."""

    start: float
    end: float
    synthetic: bool
    leading: tuple[str, ...]
    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0

    def is_over(self, at: float, leading: tuple[str, ...]) -> bool:
        age = at - self.start
        return age >= _LONGEST_S or (age >= _SHORTEST_S and leading != self.leading)

    def add(self, at: float, values: Mapping[str, float]) -> None:
        self.end = max(self.end, at)
        self.count += 1
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    @property
    def means(self) -> dict[str, float]:
        return {name: total / self.count for name, total in self.sums.items()}


class WebVttWriter(RecordWriter):
    """Writes captions: for each face while the same emotions lead, for each result of a voice.

    Cues appear in the file up to `_WAIT_S` after their start, all of them at `close`.

    Args:
        path: the file.
        top: how many emotions a caption names.
        overwrite: replace a file that is there.

    Raises:
        MediaError: the file exists, or cannot be created.
    """

    def __init__(self, path: StrPath, *, top: int = 3, overwrite: bool = False) -> None:
        self._top = top
        self._faces: dict[int, _FaceCue] = {}
        self._spoken = SpokenTime()
        self._waiting: list[tuple[float, float, int, str]] = []
        self._number = 0
        self._written_to = 0.0
        self._file = GrowingText(path, overwrite)
        self._file.write("WEBVTT\n")

    def write(self, record: StreamRecord) -> None:
        """Take one record; those without scores end captions and begin none.

        Raises:
            MediaError: it cannot be written, for instance because the disk is full; said once.
        """
        if isinstance(record, FrameOutcome):
            self._take_frame(record)
            self._release(record.captured_at - _WAIT_S)
        elif isinstance(record, UtteranceOutcome):
            self._take_utterance(record)
            self._release(record.end - _WAIT_S)

    def close(self) -> None:
        """Write every caption that is still open, and close the file."""
        try:
            for track in list(self._faces):
                self._end_face(track)
            self._release(float("inf"))
        finally:
            self._file.close()

    def _take_frame(self, frame: FrameOutcome) -> None:
        at = frame.captured_at
        for track in [t for t, cue in self._faces.items() if at - cue.end > _GAP_S]:
            self._end_face(track)
        for face in frame.faces:
            if face.scores is not None:
                self._take_face(face.track, at, face.scores)

    def _take_face(self, track: int, at: float, scores: Scores) -> None:
        values = raw_values(scores)
        leading = tuple(sorted(name for name, _ in top_emotions(values, self._top)))
        cue = self._faces.get(track)
        if cue is not None and cue.is_over(at, leading):
            cue.end = at
            self._end_face(track)
            cue = None
        if cue is None:
            cue = self._faces[track] = _FaceCue(at, at, scores.synthetic, leading)
        cue.add(at, values)

    def _end_face(self, track: int) -> None:
        cue = self._faces.pop(track)
        text = top_text(cue.means, self._top, "face")
        end = max(cue.end, cue.start + _BLINK_S)
        self._put(cue.start, end, f"Face {track}", text, cue.synthetic)

    def _take_utterance(self, outcome: UtteranceOutcome) -> None:
        piece = self._spoken.piece(outcome)
        if piece is not None and outcome.scores is not None:
            text = top_text(raw_values(outcome.scores), self._top, "voice")
            self._put(*piece, "Voice", text, outcome.scores.synthetic)

    def _put(self, start: float, end: float, who: str, text: str, synthetic: bool) -> None:
        notice = f"\n({_escape(SYNTHETIC_NOTICE)})" if synthetic else ""
        payload = f"<v {who}>{_escape(text or 'no emotion was scored')}{notice}"
        heapq.heappush(self._waiting, (start, end, self._number, payload))
        self._number += 1

    def _release(self, until: float) -> None:
        while self._waiting and self._waiting[0][0] <= until:
            start, end, _, payload = heapq.heappop(self._waiting)
            start = max(start, self._written_to)  # later than anything waits: keep the order
            self._written_to = start
            times = f"{timestamp(start)} --> {timestamp(max(end, start + 0.001))}"
            self._file.write(f"\n{times}\n{payload}\n")


def timestamp(seconds: float) -> str:
    """Write a time as WebVTT does: hh:mm:ss.ttt, with more digits of hours where needed."""
    milliseconds = max(0, round(1000 * seconds))
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
