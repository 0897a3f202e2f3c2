"""What is drawn over the frames of a stream: boxes, ids, top emotions, and how old all that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from emonet_edge.drawing.style import (
    BACKGROUND,
    BOX,
    COLOURS,
    FAINT,
    FULL_SCALE,
    TEXT,
    TRACK,
    WARNING,
    Text,
)
from emonet_edge.scores import SYNTHETIC_NOTICE
from emonet_edge.stream.outcomes import (
    FaceReading,
    FrameOutcome,
    Notice,
    StreamRecord,
    UtteranceOutcome,
)
from emonet_edge.stream.output.labels import label, raw_values, reading_values, top_emotions

__all__ = ["Overlay", "OverlayView"]

_FACES_S = 2.0  # older boxes would stand where nobody is
_VOICE_S = 10.0
_SHADE = (*BACKGROUND, 190)

_Rectangle: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class OverlayView:
    """What was known at one moment. Times are seconds of the stream's clock."""

    faces: tuple[FaceReading, ...] = ()
    faces_at: float = 0.0
    age_ms: float | None = None
    device: str = ""
    dropped: int = 0
    voice: UtteranceOutcome | None = None
    governor: str = ""
    synthetic: bool = False

    def after(self, record: StreamRecord) -> OverlayView:
        """Return the view that takes a further record into account."""
        if isinstance(record, FrameOutcome):
            return self._after_frame(record)
        if isinstance(record, UtteranceOutcome) and record.scores is not None:
            synthetic = self.synthetic or record.scores.synthetic
            return replace(self, voice=record, synthetic=synthetic)
        if isinstance(record, Notice) and record.topic == "governor":
            return replace(self, governor=record.text)
        return self

    def _after_frame(self, frame: FrameOutcome) -> OverlayView:
        if frame.kind == "dropped":
            return replace(self, dropped=self.dropped + 1)
        if frame.kind == "error":
            return self
        return replace(
            self,
            faces=frame.faces,
            faces_at=frame.captured_at,
            age_ms=frame.age_ms,
            device=frame.device,
            synthetic=self.synthetic
            or any(face.scores is not None and face.scores.synthetic for face in frame.faces),
        )

    def status(self) -> str:
        """One line: how old the scores are, where they come from, what was dropped."""
        # 0 only where a recording is read as fast as possible: there it says nothing.
        parts = [f"age {self.age_ms:.0f} ms"] if self.age_ms else []
        parts += [self.device] if self.device else []
        parts += [f"{self.dropped} dropped"] if self.dropped else []
        return "   ".join(parts + ([self.governor] if self.governor else []))

    def spoken(self, at: float) -> str:
        """One line: the last voice, if it is not long ago."""
        voice = self.voice
        if voice is None or voice.scores is None or at - voice.end > _VOICE_S:
            return ""
        ranked = top_emotions(raw_values(voice.scores), 3)
        emotions = ", ".join(f"{label(name, 'voice')} {value:.2f}" for name, value in ranked)
        return f"Voice {voice.start:.1f} to {voice.end:.1f} s: {emotions}"


class Overlay:
    """Draws views onto pictures of one size; the size of the letters follows the picture.

    Args:
        top: emotions beside each face.
    """

    def __init__(self, top: int = 3) -> None:
        self._top = top
        self._text: Text | None = None

    def draw(self, picture: Any, view: OverlayView, at: float, width: int) -> None:
        """Draw onto a picture.

        Args:
            picture: PIL.Image.Image, RGB; changed in place.
            view: what is known.
            at: when the frame was taken, in seconds of the stream's clock.
            width: of the frame that the boxes are in, in pixels.
        """
        from PIL import Image, ImageDraw

        if self._text is None:
            self._text = Text(Image)
        size = max(11, min(picture.size) // 30)
        draw = ImageDraw.Draw(picture, "RGBA")
        if abs(at - view.faces_at) <= _FACES_S:
            self._draw_faces(draw, picture.size, view.faces, picture.width / width, size)
        below = [(view.spoken(at), TEXT), (SYNTHETIC_NOTICE if view.synthetic else "", WARNING)]
        self._draw_lines(draw, picture.size, [(view.status(), FAINT)], size, at_top=True)
        self._draw_lines(draw, picture.size, below, size, at_top=False)

    def _draw_faces(
        self,
        draw: Any,
        room: tuple[int, int],
        faces: Sequence[FaceReading],
        zoom: float,
        size: int,
    ) -> None:
        line = max(2, size // 7)
        boxes = [_inside([side * zoom for side in face.box], room, line) for face in faces]
        for face, box in zip(faces, boxes, strict=True):
            draw.rectangle(box, outline=FAINT if face.scores is None else BOX, width=line)
        taken = list(boxes)
        for face, box in zip(faces, boxes, strict=True):
            ranked = top_emotions(reading_values(face), self._top)
            panel = (12 * size, (len(ranked) + 1) * (size + 8) + 4)
            at = _place_beside(box, panel, room, taken)
            taken.append((*at, at[0] + panel[0], at[1] + panel[1]))
            self._draw_panel(draw, at, panel, face, ranked, size)

    def _draw_panel(
        self,
        draw: Any,
        at: tuple[float, float],
        panel: tuple[int, int],
        face: FaceReading,
        ranked: Sequence[tuple[str, float]],
        size: int,
    ) -> None:
        assert self._text is not None
        left, top = at
        inner = panel[0] - 12
        draw.rectangle((left, top, left + panel[0], top + panel[1]), fill=_SHADE)
        head = f"#{face.track}" + (f"  {face.reason}" if face.reason else "")
        y = top + 4 + size / 2
        self._text.put(draw, (left + 6, y), head, size, TEXT, "lm", inner)
        for index, (name, value) in enumerate(ranked):
            y += size + 8
            track = (left + 6, y + size / 2 + 1, left + 6 + inner, y + size / 2 + 4)
            share = min(1.0, max(0.0, value / FULL_SCALE["face"]))
            draw.rectangle(track, fill=TRACK)
            draw.rectangle(
                (*track[:2], track[0] + share * inner, track[3]), fill=COLOURS[index % 8]
            )
            room = inner - 3 * size
            self._text.put(draw, (left + 6, y), label(name, "face"), size, TEXT, "lm", room)
            self._text.put(draw, (left + 6 + inner, y), f"{value:.2f}", size, TEXT, "rm")

    def _draw_lines(
        self,
        draw: Any,
        room: tuple[int, int],
        lines: Sequence[tuple[str, tuple[int, int, int]]],
        size: int,
        *,
        at_top: bool,
    ) -> None:
        assert self._text is not None
        shown = [line for line in lines if line[0]]
        height = size + 10
        y = 0 if at_top else room[1] - height * len(shown)
        for text, colour in shown:
            draw.rectangle((0, y, room[0], y + height), fill=_SHADE)
            self._text.put(draw, (8, y + height / 2), text, size, colour, "lm", room[0] - 16)
            y += height


def _inside(box: Sequence[float], room: tuple[int, int], smallest: int) -> _Rectangle:
    """Return (left, top, right, bottom) of a box, with a part in the picture that is seen."""
    x, y, width, height = box
    left, top = (min(max(0.0, side), most - 1.0) for side, most in zip((x, y), room, strict=True))
    right = max(left + smallest, min(x + width, room[0] - 1))
    return left, top, right, max(top + smallest, min(y + height, room[1] - 1))


def _place_beside(
    box: _Rectangle, panel: tuple[int, int], room: tuple[int, int], taken: Sequence[_Rectangle]
) -> tuple[float, float]:
    """Put a panel right, left, below or above a box: where it hides least of what is there."""
    left, top, right, bottom = box
    places = [
        (right + 4, top), (left - 4 - panel[0], top), (left, bottom + 4), (left, top - 4 - panel[1])
    ]  # fmt: skip
    inside = [
        (max(0.0, min(x, room[0] - panel[0])), max(0.0, min(y, room[1] - panel[1])))
        for x, y in places
    ]

    def hidden(at: tuple[float, float]) -> float:
        mine = (*at, at[0] + panel[0], at[1] + panel[1])
        return sum(_shared_area(mine, other) for other in taken)

    return min(inside, key=hidden)  # of equals the first


def _shared_area(one: _Rectangle, other: _Rectangle) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)
