"""Whether a face can be scored at all: large enough, sharp enough, wholly in the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emonet_edge.exceptions import InputError
from emonet_edge.models.face_detector import Face
from emonet_edge.stream.faces.thumbnail import thumbnail
from emonet_edge.stream.faces.tracker import Track
from emonet_edge.stream.frames import Frame

__all__ = ["QualityOptions", "abstain_reason", "border_distance", "sharpness"]


@dataclass(frozen=True)
class QualityOptions:
    """What a face needs to be scored. 0 switches a condition off.

    `min_side`: the shorter side of its box in pixels; 48 is what the faces of FER-2013 have, the
    smallest on which expressions are commonly judged. `min_sharpness`: see `sharpness`; 14 real
    faces have 0.18 to 0.50, and 0.15 to 0.41 after a reduction to 48 pixels; a Gaussian blur of 5 %
    of the face's width, or a motion of a fifth of it, brings them to 0.10 and less. `min_border`:
    see `border_distance`; whole faces have 0.3 and more even where the picture ends at the box, and
    0.25 is where a seventh of the face is missing.
    """

    min_side: float = 48
    min_sharpness: float = 0.1
    min_border: float = 0.25

    def __post_init__(self) -> None:
        for name in ("min_side", "min_sharpness", "min_border"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"{name} must be a finite number, 0 or more; got {value!r}")


def abstain_reason(
    face: Face | Track,
    frame: Frame,
    options: QualityOptions = QualityOptions(),
    grey: NDArray[np.float32] | None = None,
) -> str:
    """Return why this face should not be scored, or "" if it can be.

    Args:
        face: as detected in this frame.
        frame: the frame.
        options: the conditions.
        grey: `thumbnail(frame, face.box)`, where the caller has it already.

    Returns:
        A text that begins with "too small", "cut off" or "blurred"; the cheapest is found first.

    Raises:
        ImageError: as `thumbnail`.
    """
    side = min(face.box[2:])
    if side < options.min_side:
        return f"too small: {side:.0f} px, at least {options.min_side:g}"
    border = border_distance(face, frame.width, frame.height)
    if options.min_border > 0 and border < options.min_border:
        return "cut off by the edge of the picture"
    if options.min_sharpness > 0:
        found = sharpness(thumbnail(frame, face.box) if grey is None else grey)
        if found < options.min_sharpness:
            return f"blurred: sharpness {found:.2f}, at least {options.min_sharpness:g}"
    return ""


def border_distance(face: Face | Track, width: int, height: int) -> float:
    """Return how far the nearest landmark is from the picture's edge, as a share of the face.

    The unit is the distance between the eyes, or from the eyes to the mouth if that is longer (a
    head in profile). The detector's box does not serve: it ends with the picture and only encloses
    what is left of the face. Negative where a landmark is outside.
    """
    points = np.asarray(face.landmarks)
    eyes, mouth = points[:2], points[3:]
    unit = max(math.dist(eyes[0], eyes[1]), math.dist(eyes.mean(axis=0), mouth.mean(axis=0)), 1e-9)
    return float(min(points.min(), (np.array([width, height]) - points).min()) / unit)


def sharpness(grey: NDArray[np.float32]) -> float:
    """Return the strength of the finest detail over the contrast of a thumbnail [48, 48].

    Root mean square of the second difference along x and along y, the smaller of the two (a moving
    face is blurred along one), over the standard deviation. Camera noise hardly counts, because the
    reduction to 48 pixels averages it away.
    """
    contrast = float(grey.std())
    if contrast < 1e-3:
        return 0.0
    across = grey[:, :-2] - 2 * grey[:, 1:-1] + grey[:, 2:]
    down = grey[:-2] - 2 * grey[1:-1] + grey[2:]
    return min(math.sqrt(float((d**2).mean())) for d in (across, down)) / contrast
