"""The part of the picture that a face model sees: a portrait, not the detector's tight box."""

from __future__ import annotations

import math
from collections.abc import Sequence

from emonet_edge.exceptions import InputError

__all__ = ["MARGIN", "portrait_box"]

MARGIN = 0.18
"""What is added on every side of a face, as a share of its box's longer side.

Three EmoNet-Face pictures, cut from Figure 1 of its paper, are squares with one face. YuNet's box
is 214 to 226 of their 298 pixels high and 151 to 163 wide, its centre within 3 % of the picture's
height and 6 % of its width: (298 / 221 - 1) / 2 = 0.18. What other margins do to the scores has not
been measured: that needs the published weights.
"""


def portrait_box(
    box: Sequence[float], width: int, height: int, margin: float = MARGIN
) -> tuple[int, int, int, int]:
    """Return the crop for the model: (x, y, width, height) in whole pixels, inside the picture.

    A square around the middle of the face. At an edge it is moved inward rather than cut; in a
    picture that is too small for it, it becomes the largest square, and no longer a square only
    where that would cut the face.

    Args:
        box: (x, y, width, height) of the face in pixels, as the detector gives it.
        width: of the picture in pixels.
        height: of the picture in pixels.
        margin: share of the box's longer side to add on every side, 0 or more.

    Raises:
        InputError: the box is empty, not finite or outside the picture, or the margin is negative.
    """
    x, y, face_width, face_height = (float(value) for value in box)
    if not all(map(math.isfinite, (x, y, face_width, face_height))):
        raise InputError(f"a face's box must be finite; got {tuple(box)}")
    if not (math.isfinite(margin) and margin >= 0):
        raise InputError(f"a margin must be a share of the face, 0 or more; got {margin!r}")
    wanted = max(face_width, face_height) * (1 + 2 * margin)
    side = min(wanted, width, height)
    left, columns = _stretch(x, face_width, side, width)
    top, rows = _stretch(y, face_height, side, height)
    return left, top, columns, rows


def _stretch(start: float, length: float, side: float, available: int) -> tuple[int, int]:
    """Return start and length of the crop along one axis: around the face, inside the picture."""
    first, last = max(0.0, start), min(float(available), start + length)
    if last <= first:
        raise InputError(
            f"a face's box must lie in the picture, 0 to {available} px; got {start:g} to "
            f"{start + length:g}; clip it first"
        )
    whole = min(available, max(round(side), math.ceil(last) - math.floor(first)))
    at = round((first + last - whole) / 2)
    at = min(max(at, math.ceil(last) - whole), math.floor(first))  # rounding must not cut the face
    return min(max(at, 0), available - whole), whole
