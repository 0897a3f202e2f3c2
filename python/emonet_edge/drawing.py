"""Pictures where people would rather look than read: an annotated picture and a voice timeline.

Both return a Pillow image and save nothing. Texts are in Pillow's built-in font, so that nothing
has to be installed; everything is drawn at a fixed size for reading, whatever the input's size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from emonet_edge.media import pillow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Window", "annotate_picture", "draw_timeline"]

BACKGROUND = (24, 27, 32)
PANEL = (33, 37, 44)
TRACK = (52, 58, 68)
GRID = (66, 73, 85)
TEXT = (236, 239, 243)
FAINT = (150, 160, 174)
WARNING = (255, 190, 92)
BOX = (120, 230, 160)
# Distinct also for colour-blind readers (Okabe and Ito), lightened for a dark ground.
COLOURS = (
    (86, 180, 233), (240, 168, 48), (60, 190, 148), (236, 224, 90),
    (96, 140, 230), (232, 118, 66), (214, 140, 184), (190, 198, 208),
)  # fmt: skip

_MARGIN = 24
_PICTURE_SIDES = (560, 1400)  # the longer side is brought into this range, pixels
_ROW = 46
_LONGEST = 200  # characters of a line; measuring an endless one takes seconds


@dataclass(frozen=True)
class Window:
    """A scored piece of a clip, in seconds from its start."""

    start: float
    end: float

    @property
    def centre(self) -> float:
        """The middle, in seconds."""
        return (self.start + self.end) / 2


def annotate_picture(
    image: NDArray[np.uint8],
    bars: Sequence[tuple[str, float]],
    *,
    box: tuple[float, float, float, float] | None = None,
    scale: float = 7.0,
    caption: str = "",
    notice: str | None = None,
) -> Any:
    """Draw the picture with its box, and the scores as bars beside it (under a wide one).

    Args:
        image: uint8 [H, W, 3], RGB, of any size from 1x1.
        bars: (label, score), the first on top; NaN is drawn as unknown.
        box: (x, y, width, height) in pixels of `image`.
        scale: the score at which a bar is full.
        caption: a line under the bars, for instance what the scale means.
        notice: a warning that must not be missed, such as `scores.SYNTHETIC_NOTICE`.

    Returns:
        PIL.Image.Image, RGB.

    Raises:
        MissingExtraError: Pillow is not installed.

    """
    image_module = pillow()
    height, width = image.shape[:2]
    zoom = _zoom(width, height)
    shown = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    # Small pictures keep hard pixels: a smooth enlargement would pretend to detail.
    method = image_module.Resampling.NEAREST if zoom > 2 else image_module.Resampling.BICUBIC
    if zoom < 1:
        method = image_module.Resampling.BOX
    picture = image_module.fromarray(image).resize(shown, method)

    beside = shown[0] < 1.3 * shown[1]
    panel_width = 520 if beside else max(shown[0], 520)
    panel = _Panel(image_module, panel_width)
    panel_height = panel.height(len(bars), caption, notice)
    cell = (max(shown[0], 320), shown[1]) if beside else (panel_width, shown[1])
    if beside:
        size = (cell[0] + panel_width + 3 * _MARGIN, max(cell[1], panel_height) + 2 * _MARGIN)
        panel_at = (cell[0] + 2 * _MARGIN, _MARGIN)
    else:
        size = (panel_width + 2 * _MARGIN, cell[1] + panel_height + 3 * _MARGIN)
        panel_at = (_MARGIN, cell[1] + 2 * _MARGIN)
    canvas = image_module.new("RGB", size, BACKGROUND)
    top = _MARGIN + (max(0, panel_height - cell[1]) // 2 if beside else 0)
    picture_at = (_MARGIN + (cell[0] - shown[0]) // 2, top)
    canvas.paste(picture, picture_at)
    if box is not None:
        _draw_box(canvas, picture_at, shown, tuple(side * zoom for side in box))
    panel.draw(canvas, panel_at, bars, scale, caption, notice)
    return canvas


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

    text = _Text(image_module)
    width, label_width, row_height, head = 1280, 300, 64, 64
    legend = [line for line in (caption, *_wrap(notice or "", 100)) if line]
    foot = 64 + 30 * len(legend)
    height = head + row_height * max(1, len(series)) + foot
    canvas = image_module.new("RGB", (width, height), BACKGROUND)
    draw = ImageDraw.Draw(canvas, "RGBA")
    area = (label_width, head, width - 100, height - foot)
    text.put(draw, (_MARGIN, head / 2), title or "Emotions over time", 24, TEXT, "lm")
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
        text.put(draw, (_MARGIN, area[3] + 66 + 30 * index), line, 18, colour, "lm")
    return canvas


# Text


class _Text:
    """Pillow's built-in font, one instance per size; it has Latin letters only."""

    def __init__(self, image_module: Any) -> None:
        from PIL import ImageFont

        self._module = ImageFont
        self._fonts: dict[int, Any] = {}

    def font(self, size: int) -> Any:
        if size not in self._fonts:
            self._fonts[size] = self._module.load_default(size)
        return self._fonts[size]

    def put(
        self,
        draw: Any,
        at: tuple[float, float],
        text: str,
        size: int,
        colour: tuple[int, int, int],
        anchor: str = "lm",
        room: float | None = None,
    ) -> None:
        """Write one line; shrink it (to 12 pixels) and then cut it where it must fit `room`."""
        text = text[:_LONGEST].encode("latin-1", "replace").decode("latin-1")
        while room is not None and size > 12 and self.font(size).getlength(text) > room:
            size -= 1
        if room is not None and self.font(size).getlength(text) > room:
            while text and self.font(size).getlength(text + "...") > room:
                text = text[:-1]
            text += "..."
        draw.text(at, text, font=self.font(size), fill=colour, anchor=anchor)


def _wrap(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width)


# The annotated picture


def _zoom(width: int, height: int) -> float:
    low, high = _PICTURE_SIDES
    longer = max(width, height)
    if longer < low:
        return low / longer
    return min(1.0, high / longer)


def _draw_box(
    canvas: Any, at: tuple[int, int], shown: tuple[int, int], box: tuple[float, ...]
) -> None:
    """Light on dark, so that it is seen on any picture."""
    from PIL import ImageDraw

    draw = ImageDraw.Draw(canvas)
    x, y, width, height = box
    left, top = at[0] + max(0, round(x)), at[1] + max(0, round(y))
    right = min(at[0] + shown[0], at[0] + round(x + width)) - 1
    bottom = min(at[1] + shown[1], at[1] + round(y + height)) - 1
    for inset, colour in ((0, BACKGROUND), (1, BOX), (2, BOX), (3, BOX), (4, BACKGROUND)):
        corners = (left + inset, top + inset, right - inset, bottom - inset)
        if corners[0] <= corners[2] and corners[1] <= corners[3]:
            draw.rectangle(corners, outline=colour)


class _Panel:
    """The bars with their labels, a caption and a notice."""

    def __init__(self, image_module: Any, width: int) -> None:
        self._text = _Text(image_module)
        self._width = width
        self._columns = max(20, (width - 2 * _MARGIN) // 9)  # characters of a notice's line

    def _lines(self, caption: str, notice: str | None) -> list[tuple[str, tuple[int, int, int]]]:
        lines = [(line, FAINT) for line in _wrap(caption, self._columns)]
        return lines + [(line, WARNING) for line in _wrap(notice or "", self._columns)]

    def height(self, bars: int, caption: str, notice: str | None) -> int:
        lines = len(self._lines(caption, notice))
        return 2 * _MARGIN + _ROW * bars + (26 * lines + 14 if lines else 0)

    def draw(
        self,
        canvas: Any,
        at: tuple[int, int],
        bars: Sequence[tuple[str, float]],
        scale: float,
        caption: str,
        notice: str | None,
    ) -> None:
        from PIL import ImageDraw

        draw = ImageDraw.Draw(canvas)
        left, top = at
        bottom = top + self.height(len(bars), caption, notice)
        draw.rounded_rectangle((left, top, left + self._width, bottom), 12, fill=PANEL)
        y = top + _MARGIN
        for row, (label, value) in enumerate(bars):
            self._draw_bar(
                draw, left + _MARGIN, y, label, value, scale, COLOURS[row % len(COLOURS)]
            )
            y += _ROW
        y += 14
        for line, colour in self._lines(caption, notice):
            self._text.put(draw, (left + _MARGIN, y + 8), line, 17, colour)
            y += 26

    def _draw_bar(
        self,
        draw: Any,
        left: float,
        top: float,
        label: str,
        value: float,
        scale: float,
        colour: tuple[int, int, int],
    ) -> None:
        inner = self._width - 2 * _MARGIN
        number = f"{value:.2f}" if math.isfinite(value) else "unknown"
        self._text.put(draw, (left, top + 10), label, 19, TEXT, "lm", inner - 90)
        self._text.put(draw, (left + inner, top + 10), number, 19, TEXT, "rm")
        track = (left, top + 25, left + inner, top + 34)
        draw.rounded_rectangle(track, 4, fill=TRACK)
        share = min(1.0, max(0.0, value / scale)) if math.isfinite(value) else 0.0
        if share * inner >= 1:
            filled = (left, top + 25, left + max(9.0, share * inner), top + 34)
            draw.rounded_rectangle(filled, 4, fill=colour)


# The timeline


def _edges(windows: Sequence[Window], duration: float) -> list[float]:
    """Where the part of each window begins, and the end: len(windows) + 1 times in seconds."""
    centres = [window.centre for window in windows]
    middles = [(a + b) / 2 for a, b in pairwise(centres)]
    return [0.0, *middles, duration]


def _tick_step(duration: float) -> float:
    """Return a round step that gives at most twelve ticks."""
    steps = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
    return next((step for step in steps if duration / step <= 12), 7200)


def _draw_seconds(draw: Any, text: _Text, area: tuple[int, int, int, int], duration: float) -> None:
    left, top, right, bottom = area
    step = _tick_step(duration)
    for tick in range(int(duration / step) + 1):
        x = left + (right - left) * tick * step / duration
        draw.line((x, top, x, bottom + 6), fill=GRID)
        text.put(draw, (x, bottom + 20), f"{tick * step:g} s", 16, FAINT, "mm")
    draw.line((left, bottom, right, bottom), fill=GRID)


def _draw_label(draw: Any, text: _Text, at: tuple[float, float], label: str) -> None:
    """Write a row's name, in two lines where one would be too small to read."""
    lines = _wrap(label, 26)[:2]
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
