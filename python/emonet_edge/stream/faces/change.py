"""Whether a tracked face has changed since it was scored, in half a millisecond.

Two thumbnails of the face are compared after one has been shifted and stretched onto the other, so
that the detector's jitter (some percent of the box) does not count, and after removing brightness
and contrast, so that the camera's exposure does not. What is left is measured in the worst of 4 x 4
tiles, because an expression changes a part of the face. A tilt of the head stays visible: it is no
shift.

Measured on 12 photos of one face each, with YuNet run again on every changed picture. Nobody is in
two of them, so the expressions and turns are made, by pushing the pixels of a photo; real ones have
not been measured. The threshold was chosen on these numbers.

                                                     5 %   median   95 %   at least 0.1
    still: moved by up to 12 px                      0.02  0.04     0.07    0 of 72
    the same, noise of 20 grey levels                0.04  0.05     0.08    0 of 72
    the same, light 0.8 to 1.15 times                0.02  0.05     0.07    1 of 72
    the same, 3 % nearer or farther                  0.02  0.05     0.07    0 of 72
    the same, tilted by up to 2 degrees              0.04  0.11     0.25   41 of 72
    tilted by 5 degrees                              0.35  0.51     0.70   72 of 72
    mouth opened by 4 % of the face's height         0.10  0.16     0.32   11 of 12
    mouth opened by 8 %                              0.19  0.31     0.68   12 of 12
    corners of the mouth moved by 4 % of its width   0.13  0.17     0.38   12 of 12
    brows raised by 5 %                              0.13  0.23     0.39   11 of 12
    eyes closed                                      0.18  0.48     0.66   12 of 12
    head turned by 8 %                               0.22  0.25     0.39   12 of 12
    head nodded by 8 %                               0.19  0.30     0.44   12 of 12
    another person                                   1.01  1.36     1.97   66 of 66

So it errs towards scoring again: a head that sways by two degrees saves nothing. It also misses:
one in twelve of the smallest movements stayed below the threshold, and what 48 x 48 pixels do not
show is not seen. Compare with the thumbnail of the last scored frame, never with that of the last
frame, and score again after some time whatever it says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emonet_edge.exceptions import InputError
from emonet_edge.stream.faces.thumbnail import THUMBNAIL_SIZE, thumbnail

__all__ = ["CHANGED", "difference", "thumbnail"]

CHANGED = 0.1
"""A face whose difference is at least this has changed; see the table of this module."""

_BORDER = 4  # pixels that a shift may take from outside
_TILES = 4
_STEPS = 4  # of Gauss-Newton; more change nothing
_MOST = 0.2  # of shift and stretch: beyond, it is no jitter
_MOST_GAIN = 0.5  # both have the same contrast: a gain of 0 would explain everything away


def difference(before: NDArray[np.float32], now: NDArray[np.float32]) -> float:
    """Return how different two thumbnails are: 0 for the same, about 1.4 for two people.

    Args:
        before: `thumbnail` of the face when it was scored.
        now: `thumbnail` of the face now.

    Returns:
        Root mean square in the worst tile, in standard deviations of the thumbnail.

    Raises:
        InputError: another shape than [48, 48].
    """
    for grey in (before, now):
        if np.shape(grey) != (THUMBNAIL_SIZE, THUMBNAIL_SIZE):
            raise InputError(
                f"a thumbnail is [{THUMBNAIL_SIZE}, {THUMBNAIL_SIZE}]; got {list(np.shape(grey))}; "
                "make both with thumbnail()"
            )
    left = _left_after_registration(_normalised(before), _normalised(now))
    side = len(left) // _TILES
    tiles = (left**2).reshape(_TILES, side, _TILES, side).mean(axis=(1, 3))
    return float(np.sqrt(tiles.max()))


def _normalised(grey: NDArray[np.float32]) -> NDArray[np.float64]:
    """Blur by (1, 2, 1) / 4 along both axes, then remove mean and contrast.

    Without the blur the interpolation of the registration would be what is measured.
    """
    padded = np.pad(grey.astype(np.float64), 1, mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    blurred = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4
    return np.asarray((blurred - blurred.mean()) / (blurred.std() + 1e-6))


def _left_after_registration(
    fixed: NDArray[np.float64], moving: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Shift and stretch `moving` onto `fixed` and return what is left, without the border.

    Gauss-Newton on six unknowns: shift and stretch along x and along y, gain and offset.
    """
    inner = slice(_BORDER, -_BORDER)
    place = np.arange(len(fixed)) - (len(fixed) - 1) / 2
    shift, stretch = np.zeros(2), np.ones(2)  # along y, along x
    for step in range(_STEPS):
        moved = _resample(len(fixed), stretch[0], shift[0]) @ moving
        moved = moved @ _resample(len(fixed), stretch[1], shift[1]).T
        down, across = np.gradient(moved)
        columns = [down, down * place[:, None], across, across * place, moved, np.ones_like(moved)]
        basis = np.stack([c[inner, inner].ravel() for c in columns], axis=1)
        wanted = (fixed - moved)[inner, inner].ravel()
        if step == _STEPS - 1 or max(abs(shift).max() / len(fixed), abs(stretch - 1).max()) > _MOST:
            break
        # A little added to the diagonal: a face without detail along an axis leaves it undefined.
        found = np.linalg.solve(basis.T @ basis + 1e-3 * np.eye(6), basis.T @ wanted)
        shift += found[[0, 2]]
        stretch *= 1 + found[[1, 3]]
    light = basis[:, 4:]
    gain, offset = np.linalg.solve(light.T @ light + 1e-3 * np.eye(2), light.T @ wanted)
    left = wanted - light @ [np.clip(gain, -_MOST_GAIN, _MOST_GAIN), offset]
    side = len(fixed) - 2 * _BORDER
    return np.asarray(left.reshape(side, side))


def _resample(n: int, stretch: float, shift: float) -> NDArray[np.float64]:
    """Return [n, n]: linear interpolation at stretch * x + shift around the middle."""
    middle = (n - 1) / 2
    at = np.clip((np.arange(n) - middle) * stretch + middle + shift, 0, n - 1)
    first = np.minimum(at.astype(int), n - 2)
    matrix, row = np.zeros((n, n)), np.arange(n)
    matrix[row, first] = 1 - (at - first)
    matrix[row, first + 1] = at - first
    return matrix
