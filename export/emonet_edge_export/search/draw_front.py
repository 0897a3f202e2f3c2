"""The front as a picture: error to the top, time to the right; the best is bottom left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from emonet_edge._extras import pillow
from emonet_edge.drawing.style import (
    BACKGROUND,
    COLOURS,
    FAINT,
    GRID,
    MARGIN,
    TEXT,
    WARNING,
    Text,
    wrap,
)
from emonet_edge_export.search.front import Goal, Point, front

__all__ = ["draw_front"]

_SIZE = (1100, 700)
_AREA = (110, 70, 1060, 560)
_DECADES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def draw_front(points: Sequence[Point], chosen: str, goal: Goal, caption: str) -> Any:
    """Draw 1 - Pearson on the selection (logarithmic) against the time of one input in ms.

    Args:
        points: at least one; those of the front are joined.
        chosen: name of the point that was taken.
        goal: drawn as a line.
        caption: machine, threads and versions.

    Returns:
        PIL.Image.Image, RGB.
    """
    image_module = pillow()
    from PIL import ImageDraw

    canvas = image_module.new("RGB", _SIZE, BACKGROUND)
    draw, text = ImageDraw.Draw(canvas), Text(image_module)
    place = _Axes(points, goal)
    text.put(draw, (MARGIN, 34), "Recipes: error against time, best at the bottom left", 24, TEXT)
    _draw_grid(draw, text, place)
    level = place.y(1 - goal.mean)
    draw.line((_AREA[0], level, _AREA[2], level), fill=WARNING)
    text.put(draw, (_AREA[2] - 4, level - 12), f"goal {goal.mean:g}", 15, WARNING, "rm")
    line = front(points)
    draw.line([place.of(p) for p in line], fill=COLOURS[0], width=2)
    for point in points:
        _draw_point(draw, text, place, point, point in line, point.name == chosen)
    for row, words in enumerate(wrap(caption, 120)[:2]):
        text.put(draw, (MARGIN, 640 + 24 * row), words, 16, FAINT)
    return canvas


class _Axes:
    """Where a point lies."""

    def __init__(self, points: Sequence[Point], goal: Goal) -> None:
        times = [point.latency_ms for point in points]
        room = 0.08 * (max(times) - min(times)) + 0.02 * max(times)
        self.times = (min(times) - room, max(times) + room)
        errors = [_error(point) for point in points] + [1 - goal.mean]
        self.errors = (math.log10(min(errors)) - 0.2, math.log10(max(errors)) + 0.2)

    def x(self, milliseconds: float) -> float:
        low, high = self.times
        return _AREA[0] + (_AREA[2] - _AREA[0]) * (milliseconds - low) / (high - low)

    def y(self, error: float) -> float:
        low, high = self.errors
        share = (math.log10(max(error, 1e-12)) - low) / (high - low)
        return _AREA[3] - (_AREA[3] - _AREA[1]) * share

    def of(self, point: Point) -> tuple[float, float]:
        return self.x(point.latency_ms), self.y(_error(point))


def _error(point: Point) -> float:
    return min(1.0, max(1 - point.pearson, 1e-6))


def _draw_grid(draw: Any, text: Text, place: _Axes) -> None:
    left, top, right, bottom = _AREA
    draw.rectangle(_AREA, outline=GRID)
    for number in range(6):
        time = place.times[0] + (place.times[1] - place.times[0]) * number / 5
        draw.line((place.x(time), bottom, place.x(time), bottom + 6), fill=GRID)
        text.put(draw, (place.x(time), bottom + 20), f"{time:.4g} ms", 15, FAINT, "mm")
    for decade in (n * d for d in _DECADES for n in (1, 2, 5)):
        if place.errors[0] <= math.log10(decade) <= place.errors[1]:
            y = place.y(decade)
            draw.line((left, y, right, y), fill=GRID)
            text.put(draw, (left - 8, y), f"{1 - decade:.5g}", 15, FAINT, "rm")
    text.put(draw, (MARGIN, top - 12), "mean Pearson with FP32", 15, FAINT)


def _draw_point(
    draw: Any, text: Text, place: _Axes, point: Point, on_front: bool, chosen: bool
) -> None:
    x, y = place.of(point)
    radius = 9 if chosen else 5
    colour = COLOURS[1] if chosen else COLOURS[0] if on_front else FAINT
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    if chosen or point.kept_float is None:
        name = f"chosen: {point.name}" if chosen else point.name
        side, anchor = (12, "lm") if x < (_AREA[0] + _AREA[2]) / 2 else (-12, "rm")
        text.put(draw, (x + side, y - 12), name, 15, colour if chosen else TEXT, anchor, 260)
