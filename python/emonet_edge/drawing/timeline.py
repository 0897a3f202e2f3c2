"""The timeline of a clip or a stream: one row per emotion, seconds from left to right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from emonet_edge._extras import pillow
from emonet_edge.drawing.style import (
    BACKGROUND,
    COLOURS,
    FAINT,
    GRID,
    MARGIN,
    PANEL,
    TEXT,
    WARNING,
    Text,
    wrap,
)

__all__ = ["Piece", "Window", "draw_rows", "draw_timeline"]

_WIDTH, _LABEL_WIDTH, _PEAK_WIDTH = 1280, 300, 100
_ROW, _GROUP, _HEAD, _LINE = 64, 38, 64, 30  # heights in pixels


@dataclass(frozen=True)
class Window:
    """A scored piece of a clip, in seconds from its start."""

    start: float
    end: float

    @property
    def centre(self) -> float:
        """The middle, in seconds."""
        return (self.start + self.end) / 2


@dataclass(frozen=True)
class Piece:
    """A value and where a row shows it, in seconds; `dot` marks a moment of it."""

    start: float
    end: float
    value: float
    dot: float | None = None


def draw_timeline(
    windows: Sequence[Window],
    series: Mapping[str, Sequence[float]],
    *,
    duration: float,
    scale: float = 4.0,
    title: str = "",
    caption: str = "",
    notice: str | None = None,
) -> Any:
    """Draw one row per emotion over the clip's time.

    Windows overlap, so each is drawn where it is the nearest one: from the midpoint between its
    centre and its neighbour's to the next midpoint. A dot marks the window's centre.

    Args:
        windows: in order of time.
        series: label to one score per window; rows are drawn in this order.
        duration: of the clip, in seconds.
        scale: the score at which a row is full.
        title: the clip's name.
        caption: the legend, for instance the window's length and hop.
        notice: a warning that must not be missed.

    Returns:
        PIL.Image.Image, RGB, 1280 pixels wide.

    Raises:
        MissingExtraError: Pillow is not installed.

    """
    edges = _edges(windows, duration)
    rows = {
        label: [
            Piece(start, end, value, window.centre)
            for start, end, window, value in zip(edges, edges[1:], windows, values, strict=False)
        ]
        for label, values in series.items()
    }
    return draw_rows(
        {"": rows}, duration=duration, scales={"": scale}, title=title, caption=caption,
        notice=notice,
    )  # fmt: skip


def draw_rows(
    groups: Mapping[str, Mapping[str, Sequence[Piece]]],
    *,
    duration: float,
    scales: Mapping[str, float],
    title: str = "",
    caption: str = "",
    notice: str | None = None,
) -> Any:
    """Draw groups of rows over the same time, each row from its own pieces.

    Args:
        groups: heading to {label: pieces in order of time}; an empty heading takes no room. Where
            a row has no piece, or one that is not finite, it is empty.
        duration: of the whole, in seconds.
        scales: heading to the value at which a row of that group is full.
        title: what the picture shows.
        caption: the legend.
        notice: a warning that must not be missed.

    Returns:
        PIL.Image.Image, RGB, 1280 pixels wide.

    Raises:
        MissingExtraError: Pillow is not installed.

    """
    image_module = pillow()
    from PIL import ImageDraw

    text = Text(image_module)
    duration = max(duration, 1e-3)
    legend = [(line, FAINT) for line in wrap(caption, 130)]
    legend += [(line, WARNING) for line in wrap(notice or "", 100)]
    body = sum(_GROUP * bool(heading) + _ROW * len(rows) for heading, rows in groups.items())
    height = _HEAD + max(_ROW, body) + 64 + _LINE * len(legend)
    canvas = image_module.new("RGB", (_WIDTH, height), BACKGROUND)
    draw = ImageDraw.Draw(canvas, "RGBA")
    area = (_LABEL_WIDTH, _HEAD, _WIDTH - _PEAK_WIDTH, _HEAD + max(_ROW, body))
    text.put(draw, (MARGIN, _HEAD / 2), title or "Emotions over time", 24, TEXT, "lm")
    _draw_seconds(draw, text, area, duration)
    top = _HEAD
    for heading, rows in groups.items():
        if heading:
            text.put(draw, (MARGIN, top + _GROUP / 2), heading, 20, TEXT, "lm", area[0] - MARGIN)
            top += _GROUP
        for index, (label, pieces) in enumerate(rows.items()):
            colour = COLOURS[index % len(COLOURS)]
            _draw_label(draw, text, (_LABEL_WIDTH - 16, top + _ROW / 2), label)
            inner = (area[0], top + 8, area[2], top + _ROW - 8)
            _draw_row(draw, inner, pieces, duration, scales[heading], colour)
            _draw_peak(draw, text, (area[2] + 12, top + _ROW / 2), pieces)
            top += _ROW
    for index, (line, colour) in enumerate(legend):
        text.put(draw, (MARGIN, area[3] + 66 + _LINE * index), line, 18, colour, "lm")
    return canvas


def _edges(windows: Sequence[Window], duration: float) -> list[float]:
    """Where the part of each window begins, and the end: len(windows) + 1 times in seconds."""
    centres = [window.centre for window in windows]
    middles = [(a + b) / 2 for a, b in pairwise(centres)]
    return [0.0, *middles, duration]


def _tick_step(duration: float) -> float:
    """Return a round step that gives at most twelve ticks."""
    steps = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
    return next((step for step in steps if duration / step <= 12), 7200)


def _draw_seconds(draw: Any, text: Text, area: tuple[int, int, int, int], duration: float) -> None:
    left, top, right, bottom = area
    step = _tick_step(duration)
    for tick in range(int(duration / step) + 1):
        x = left + (right - left) * tick * step / duration
        draw.line((x, top, x, bottom + 6), fill=GRID)
        text.put(draw, (x, bottom + 20), f"{tick * step:g} s", 16, FAINT, "mm")
    draw.line((left, bottom, right, bottom), fill=GRID)


def _draw_label(draw: Any, text: Text, at: tuple[float, float], label: str) -> None:
    """Write a row's name, in two lines where one would be too small to read."""
    lines = wrap(label, 26)[:2]
    for index, line in enumerate(lines):
        y = at[1] + (index - (len(lines) - 1) / 2) * 22
        text.put(draw, (at[0], y), line, 20 if len(lines) == 1 else 17, TEXT, "rm", 260)


def _draw_peak(draw: Any, text: Text, at: tuple[float, float], pieces: Sequence[Piece]) -> None:
    known = [piece.value for piece in pieces if math.isfinite(piece.value)]
    text.put(draw, at, f"max {max(known):.2f}" if known else "unknown", 17, FAINT, "lm")


def _draw_row(
    draw: Any,
    area: tuple[int, int, int, int],
    pieces: Sequence[Piece],
    duration: float,
    scale: float,
    colour: tuple[int, int, int],
) -> None:
    left, top, right, bottom = area
    draw.rectangle(area, fill=(*PANEL, 150))

    def x(seconds: float) -> int:
        return round(left + (right - left) * min(1.0, max(0.0, seconds / duration)))

    previous: tuple[float, float, float] | None = None  # time of the end, and its point
    for piece in pieces:
        if not math.isfinite(piece.value):
            previous = None
            continue
        y = bottom - (bottom - top) * min(1.0, max(0.0, piece.value / scale))
        start, end = x(piece.start), x(piece.end)
        if end > start:  # the next one's first column is not drawn twice
            draw.rectangle((start, y, end - 1, bottom), fill=(*colour, 110))
        if previous is not None and math.isclose(previous[0], piece.start, abs_tol=1e-6):
            draw.line((*previous[1:], start, y), fill=colour, width=2)
        draw.line((start, y, end, y), fill=colour, width=3)
        if piece.dot is not None:
            dot = x(piece.dot)
            draw.ellipse((dot - 4, y - 4, dot + 4, y + 4), fill=colour)
        previous = (piece.end, end, y)
