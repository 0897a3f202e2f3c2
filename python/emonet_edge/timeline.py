"""The timeline of a clip: one row per emotion, time in seconds from left to right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from emonet_edge.drawing_style import (
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
from emonet_edge.media import pillow

__all__ = ["Window", "draw_timeline"]


@dataclass(frozen=True)
class Window:
    """A scored piece of a clip, in seconds from its start."""

    start: float
    end: float

    @property
    def centre(self) -> float:
        """The middle, in seconds."""
        return (self.start + self.end) / 2


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
    image_module = pillow()
    from PIL import ImageDraw

    text = Text(image_module)
    width, label_width, row_height, head = 1280, 300, 64, 64
    legend = [line for line in (caption, *wrap(notice or "", 100)) if line]
    foot = 64 + 30 * len(legend)
    height = head + row_height * max(1, len(series)) + foot
    canvas = image_module.new("RGB", (width, height), BACKGROUND)
    draw = ImageDraw.Draw(canvas, "RGBA")
    area = (label_width, head, width - 100, height - foot)
    text.put(draw, (MARGIN, head / 2), title or "Emotions over time", 24, TEXT, "lm")
    _draw_seconds(draw, text, area, duration)
    edges = _edges(windows, duration)
    for row, (label, values) in enumerate(series.items()):
        top = head + row * row_height
        colour = COLOURS[row % len(COLOURS)]
        _draw_label(draw, text, (label_width - 16, top + row_height / 2), label)
        _draw_row(draw, (area[0], top + 8, area[2], top + row_height - 8),
                  edges, windows, values, duration, scale, colour)  # fmt: skip
        known = [value for value in values if math.isfinite(value)]
        peak = f"max {max(known):.2f}" if known else "unknown"
        text.put(draw, (area[2] + 12, top + row_height / 2), peak, 17, FAINT, "lm")
    for index, line in enumerate(legend):
        colour = FAINT if index == 0 and caption else WARNING
        text.put(draw, (MARGIN, area[3] + 66 + 30 * index), line, 18, colour, "lm")
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


def _draw_row(
    draw: Any,
    area: tuple[int, int, int, int],
    edges: Sequence[float],
    windows: Sequence[Window],
    values: Sequence[float],
    duration: float,
    scale: float,
    colour: tuple[int, int, int],
) -> None:
    left, top, right, bottom = area
    draw.rectangle(area, fill=(*PANEL, 150))

    def x(seconds: float) -> float:
        return left + (right - left) * min(1.0, seconds / duration)

    previous: tuple[float, float] | None = None
    for start, end, window, value in zip(edges, edges[1:], windows, values, strict=False):
        if not math.isfinite(value):
            previous = None
            continue
        y = bottom - (bottom - top) * min(1.0, max(0.0, value / scale))
        draw.rectangle((x(start), y, x(end), bottom), fill=(*colour, 110))
        if previous is not None:
            draw.line((*previous, x(start), y), fill=colour, width=2)
        draw.line((x(start), y, x(end), y), fill=colour, width=3)
        dot = x(window.centre)
        draw.ellipse((dot - 4, y - 4, dot + 4, y + 4), fill=colour)
        previous = (x(end), y)
