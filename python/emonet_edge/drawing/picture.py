"""The annotated picture, for people who would rather look than read; `timeline` has the clips.

It is drawn at a fixed size for reading, whatever the input's size, and saved by the caller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from emonet_edge._extras import pillow
from emonet_edge.drawing.style import (
    BACKGROUND,
    BOX,
    COLOURS,
    FAINT,
    MARGIN,
    PANEL,
    TEXT,
    TRACK,
    WARNING,
    Text,
    wrap,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["annotate_picture"]

_PICTURE_SIDES = (560, 1400)  # the longer side is brought into this range, pixels
_ROW = 46


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
        size = (cell[0] + panel_width + 3 * MARGIN, max(cell[1], panel_height) + 2 * MARGIN)
        panel_at = (cell[0] + 2 * MARGIN, MARGIN)
    else:
        size = (panel_width + 2 * MARGIN, cell[1] + panel_height + 3 * MARGIN)
        panel_at = (MARGIN, cell[1] + 2 * MARGIN)
    canvas = image_module.new("RGB", size, BACKGROUND)
    top = MARGIN + (max(0, panel_height - cell[1]) // 2 if beside else 0)
    picture_at = (MARGIN + (cell[0] - shown[0]) // 2, top)
    canvas.paste(picture, picture_at)
    if box is not None:
        _draw_box(canvas, picture_at, shown, tuple(side * zoom for side in box))
    panel.draw(canvas, panel_at, bars, scale, caption, notice)
    return canvas


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
        self._text = Text(image_module)
        self._width = width
        self._columns = max(20, (width - 2 * MARGIN) // 9)  # characters of a notice's line

    def _lines(self, caption: str, notice: str | None) -> list[tuple[str, tuple[int, int, int]]]:
        lines = [(line, FAINT) for line in wrap(caption, self._columns)]
        return lines + [(line, WARNING) for line in wrap(notice or "", self._columns)]

    def height(self, bars: int, caption: str, notice: str | None) -> int:
        lines = len(self._lines(caption, notice))
        return 2 * MARGIN + _ROW * bars + (26 * lines + 14 if lines else 0)

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
        y = top + MARGIN
        for row, (label, value) in enumerate(bars):
            self._draw_bar(draw, left + MARGIN, y, label, value, scale, COLOURS[row % len(COLOURS)])
            y += _ROW
        y += 14
        for line, colour in self._lines(caption, notice):
            self._text.put(draw, (left + MARGIN, y + 8), line, 17, colour)
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
        inner = self._width - 2 * MARGIN
        number = f"{value:.2f}" if math.isfinite(value) else "unknown"
        self._text.put(draw, (left, top + 10), label, 19, TEXT, "lm", inner - 90)
        self._text.put(draw, (left + inner, top + 10), number, 19, TEXT, "rm")
        track = (left, top + 25, left + inner, top + 34)
        draw.rounded_rectangle(track, 4, fill=TRACK)
        share = min(1.0, max(0.0, value / scale)) if math.isfinite(value) else 0.0
        if share * inner >= 1:
            filled = (left, top + 25, left + max(9.0, share * inner), top + 34)
            draw.rounded_rectangle(filled, 4, fill=colour)
