"""What drawings have in common: colours, margin, and text in Pillow's built-in font."""

from __future__ import annotations

from typing import Any

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

MARGIN = 24  # pixels

FULL_SCALE = {"face": 7.0, "voice": 4.0}
"""The score at which a bar is full: the range that upstream states for its labels."""

_LONGEST = 200  # characters of a line; measuring an endless one takes seconds


class Text:
    """Pillow's built-in font, one instance per size; it has Latin letters only."""

    def __init__(self, image_module: Any) -> None:
        from PIL import ImageFont

        self._module = ImageFont
        self._fonts: dict[int, Any] = {}

    def font(self, size: int) -> Any:
        """Return the font at a size in pixels."""
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


def wrap(text: str, width: int) -> list[str]:
    """Cut a text into lines of at most `width` characters."""
    import textwrap

    return textwrap.wrap(text, width)
