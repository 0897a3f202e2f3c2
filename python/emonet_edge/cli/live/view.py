"""What people see of a stream: a calm board on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from emonet_edge.cli.live.summary import Summary
from emonet_edge.cli.output import bar, console, print_lines, printable
from emonet_edge.drawing.style import FULL_SCALE
from emonet_edge.stream import (
    EmotionEvent,
    FaceReading,
    FrameOutcome,
    Notice,
    StreamRecord,
    UtteranceOutcome,
)
from emonet_edge.stream.output import label, raw_values, reading_values, top_emotions, top_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

_LINE_EVERY_S = 1.0  # of the stream, for each face
_REDRAW_S = 0.125
_FACE_S, _VOICE_S = 2.0, 30.0  # how long the board keeps what is over
_MESSAGES = 6


class Lines:
    """A line for each face once a second, each utterance, event and notice.

    Args:
        top: emotions on a line.
        everything: dropped outcomes as well.
        fast: the age of a result says nothing, and is left out.
    """

    def __init__(self, top: int, everything: bool, fast: bool = False) -> None:
        self._top, self._everything, self._fast = top, everything, fast
        self._due: dict[int, float] = {}

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def write(self, record: StreamRecord) -> None:
        """Print what a record is worth."""
        if isinstance(record, FrameOutcome):
            print_lines(*self._frame_lines(record))
        elif isinstance(record, UtteranceOutcome):
            if record.kind != "dropped" or self._everything:
                print_lines(_line(record.end, "voice", self._voice_text(record)))
        elif message := message_of(record):
            print_lines(message)

    def _frame_lines(self, frame: FrameOutcome) -> list[str]:
        at = frame.captured_at
        if frame.kind == "error" or (frame.kind == "dropped" and self._everything):
            return [_line(at, "frame", f"{frame.seq} {frame.kind}: {frame.reason}")]
        due = [face for face in frame.faces if at >= self._due.get(face.track, 0.0)]
        here = {face.track for face in due}
        # Those who are away are forgotten: ten hours have many people.
        self._due = {
            track: t for track, t in self._due.items() if track not in here and t > at - 60
        }
        self._due.update(dict.fromkeys(here, at + _LINE_EVERY_S))
        return [_line(at, f"face {face.track}", self._face_text(face, frame)) for face in due]

    def _face_text(self, face: FaceReading, frame: FrameOutcome) -> str:
        if face.scores is None:
            return f"not scored: {face.reason}"
        return top_text(reading_values(face), self._top, "face") + self._age(frame)

    def _voice_text(self, spoken: UtteranceOutcome) -> str:
        when = f"{spoken.start:.1f} to {spoken.end:.1f} s{'' if spoken.final else ', goes on'}"
        if spoken.scores is None:
            return f"{when}: {spoken.kind}: {spoken.reason}"
        emotions = top_text(raw_values(spoken.scores), self._top, "voice")
        return f"{when}: {emotions}{self._age(spoken)}"

    def _age(self, outcome: FrameOutcome | UtteranceOutcome) -> str:
        return "" if self._fast else f"  ({outcome.age_ms:.0f} ms)"


class Board:
    """A board that is redrawn in place: faces, the last voice, the last messages, the counts.

    Args:
        top: emotions of each face and the voice.
        title: what is looked at.
        duration: of a recording, in seconds, for the share that is done; None: it has no end.
        notice: a warning that must not be missed.
    """

    def __init__(
        self, top: int, title: str, duration: float | None = None, notice: str | None = None
    ) -> None:
        from rich.live import Live

        self._top, self._title, self._duration, self._notice = top, title, duration, notice
        self._faces: dict[int, tuple[float, FaceReading]] = {}
        self._voice: UtteranceOutcome | None = None
        self._messages: deque[str] = deque(maxlen=_MESSAGES)
        self._summary = Summary(kept=1000)  # its percentiles are redrawn again and again
        self._now = 0.0
        self._age_ms: float | None = None
        self._drawn_at = 0.0
        self._live = Live(console=console(), auto_refresh=False, transient=True)

    def __enter__(self) -> Board:
        self._live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._live.__exit__(*error)

    def write(self, record: StreamRecord) -> None:
        """Take one record, and redraw if the last time was a while ago."""
        self.take(record)
        if time.monotonic() - self._drawn_at >= _REDRAW_S:
            self._drawn_at = time.monotonic()
            self._live.update(self.render(), refresh=True)

    def take(self, record: StreamRecord) -> None:
        """Take one record."""
        self._summary.write(record)
        if isinstance(record, FrameOutcome):
            self._now = max(self._now, record.captured_at)
            if record.kind in ("result", "abstained"):
                self._age_ms = record.age_ms
                self._faces.update({f.track: (record.captured_at, f) for f in record.faces})
                self._faces = {
                    track: (at, face)
                    for track, (at, face) in sorted(self._faces.items())
                    if self._now - at <= _FACE_S
                }
        elif isinstance(record, UtteranceOutcome):
            self._now = max(self._now, record.end)
            self._voice = record if record.scores is not None else self._voice
        elif message := message_of(record):
            self._messages.append(message)

    def render(self) -> RenderableType:
        """Return what is to be seen now, for rich."""
        from rich.console import Group
        from rich.text import Text

        parts: list[RenderableType] = [Text(printable(self._head()))]
        if self._notice:
            parts.append(Text(self._notice, style="yellow"))
        if rows := self._rows():
            parts.append(_table(rows))
        parts += [Text(message, style="dim", no_wrap=True) for message in self._messages]
        parts += [Text(line) for line in self._summary.lines() if self._summary.frames]
        return Group(*parts)

    def _head(self) -> str:
        done = f"{self._now:.1f} s"
        if self._duration:
            share = min(1.0, self._now / self._duration)
            done = f"{bar(share, 1.0, 20)} {done} of {self._duration:.1f} s"
        age = f"  age {self._age_ms:.0f} ms" if self._age_ms else ""
        return f"{self._title}  {done}{age}"

    def _rows(self) -> list[tuple[str, str, str, str]]:
        rows = []
        for track, (_, face) in self._faces.items():
            who = f"face {track}"
            if face.scores is None:
                rows.append((who, face.reason, "", ""))
            else:
                rows += self._emotion_rows(who, reading_values(face), "face")
        voice = self._voice
        if voice is not None and self._now - voice.end <= _VOICE_S:
            who = f"voice {voice.start:.0f} to {voice.end:.0f} s"
            rows += self._emotion_rows(who, raw_values(voice.scores), "voice")
        return rows

    def _emotion_rows(
        self, who: str, values: dict[str, float], modality: str
    ) -> list[tuple[str, str, str, str]]:
        return [
            (
                "" if index else who,
                label(name, modality),
                f"{value:.2f}",
                bar(value, FULL_SCALE[modality]),
            )
            for index, (name, value) in enumerate(top_emotions(values, self._top))
        ]


def message_of(record: StreamRecord) -> str:
    """Write an event or a notice on one line; "" for other records."""
    if isinstance(record, EmotionEvent):
        way = "rose above" if record.change == "rose" else "fell below"
        who = f"{record.modality} {record.subject}"
        emotion = label(record.emotion, record.modality)
        text = f"{who}: {emotion} {way} {record.threshold:.2f} ({record.value:.2f})"
        return _line(record.at, "event", text)
    if isinstance(record, Notice):
        return _line(record.at, record.topic, record.text)
    return ""


def _line(at: float, what: str, text: str) -> str:
    return f"{at:8.1f} s  {what:<8}  {text}"


def _table(rows: Sequence[Sequence[str]]) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for name in ("", "emotion", "score", ""):
        table.add_column(name, justify="right" if name == "score" else "left")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table
