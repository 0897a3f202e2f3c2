"""Stable ids for faces: the same person keeps one while in sight, and gets a new one afterwards.

A track is a face that moves with a constant velocity. Each new detection is given to the track
whose predicted box is most like it. Nothing that identifies a person is looked at or kept: who
leaves for longer than `forget_after_s` comes back with a new id.

Likeness is the distance-IoU of two boxes (Zheng et al., "Distance-IoU Loss", 2020): intersection
over union, minus the squared distance of their centres over the squared diagonal of the box around
both. It is 1 for equal boxes and still tells near from far where they no longer overlap, which a
fast face at a low rate needs. The best pair is taken first, then the next, and not the best sum
over all pairs: the few faces of a camera rarely compete for one track.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from emonet_edge.exceptions import InputError
from emonet_edge.models.face_detector import Face

__all__ = ["FaceTracker", "Track", "TrackerOptions"]

Velocity: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class TrackerOptions:
    """How faces become tracks.

    `forget_after_s`: a track that was not seen for longer is gone; someone who passes in front of
    a face hides it for about half a second. `velocity_time_s`: time constant of the averaged
    velocity; shorter follows turns, longer bridges occlusions on a straighter path.
    `min_likeness`: distance-IoU that a detection needs to continue a track, -1 to 1; -0.1 lets a
    face be 0.9 of its width away from where it was expected.
    """

    forget_after_s: float = 2.0
    velocity_time_s: float = 0.3
    min_likeness: float = -0.1

    def __post_init__(self) -> None:
        for name in ("forget_after_s", "velocity_time_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} must be a number of seconds above 0; got {value!r}")
        if not -1 <= self.min_likeness <= 1:
            raise InputError(f"min_likeness must be from -1 to 1; got {self.min_likeness!r}")


@dataclass(frozen=True)
class Track:
    """A face that is followed.

    `id`: from 1, never used again; a Python int, so it never wraps. `face`: as it was last
    detected (or, from `FaceTracker.predict`, where it should be). `first_seen`, `last_seen`:
    seconds of the stream's clock. `missed`: updates since `last_seen`, 0 if it was seen in the
    latest. `velocity`: of its centre, in pixels per second.
    """

    id: int
    face: Face
    first_seen: float
    last_seen: float
    missed: int = 0
    velocity: Velocity = (0.0, 0.0)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x, y, width, height) in pixels."""
        return self.face.box

    @property
    def score(self) -> float:
        """The detector's score, 0 to 1."""
        return self.face.score

    @property
    def landmarks(self) -> tuple[tuple[float, float], ...]:
        """The five points of the face, see `Face`."""
        return self.face.landmarks

    def at(self, at: float) -> Track:
        """Return the track moved to where it should be at `at` seconds, in the picture or not."""
        dx, dy = ((at - self.last_seen) * speed for speed in self.velocity)
        x, y, width, height = self.face.box
        landmarks = tuple((px + dx, py + dy) for px, py in self.face.landmarks)
        return replace(self, face=Face((x + dx, y + dy, width, height), self.score, landmarks))


class FaceTracker:
    """Follows the faces of one camera. Not thread-safe: one thread updates it."""

    def __init__(self, options: TrackerOptions = TrackerOptions()) -> None:
        self.options = options
        self._tracks: tuple[Track, ...] = ()
        self._last_id = 0
        self._now = -math.inf

    def update(self, faces: Sequence[Face], at: float) -> tuple[Track, ...]:
        """Take the faces of a frame and return all tracks that are not forgotten, by id.

        Those with `missed` 0 are the faces of this frame.

        Args:
            faces: as the detector found them; none is a valid answer.
            at: when the frame was captured, in seconds of the stream's clock.

        Raises:
            InputError: `at` is before the last update, or no number.
        """
        if not (math.isfinite(at) and at >= self._now):
            raise InputError(
                f"frames must come in the order of their capture: the last was at {self._now} s; "
                f"got {at} s"
            )
        self._now = at
        known = [t for t in self._tracks if at - t.last_seen <= self.options.forget_after_s]
        pairs = self._matches(known, faces, at)
        followed = [
            self._seen(track, faces[pairs[i]], at)
            if i in pairs
            else replace(track, missed=track.missed + 1)
            for i, track in enumerate(known)
        ]
        new = [face for j, face in enumerate(faces) if j not in pairs.values()]
        followed += [Track(self._last_id + 1 + i, face, at, at) for i, face in enumerate(new)]
        self._last_id += len(new)
        self._tracks = tuple(followed)
        return self._tracks

    def predict(self, at: float) -> tuple[Track, ...]:
        """Return the tracks of the last update moved to where they should be at `at` seconds.

        For frames between two detections. Nothing is changed by asking.
        """
        return tuple(track.at(at) for track in self._tracks)

    def _matches(self, tracks: Sequence[Track], faces: Sequence[Face], at: float) -> dict[int, int]:
        """Return which face, by index, continues which track, by index."""
        if not tracks or not faces:
            return {}
        likeness = _likeness(
            np.array([track.at(at).box for track in tracks]), np.array([f.box for f in faces])
        )
        pairs: dict[int, int] = {}
        for _ in range(min(likeness.shape)):
            i, j = divmod(int(likeness.argmax()), likeness.shape[1])
            if likeness[i, j] < self.options.min_likeness:
                break
            pairs[i] = j
            likeness[i] = likeness[:, j] = -math.inf
        return pairs

    def _seen(self, track: Track, face: Face, at: float) -> Track:
        elapsed = at - track.last_seen
        velocity = track.velocity
        if elapsed > 0:
            # The first measured velocity replaces the 0 that stood for "unknown".
            first = track.last_seen == track.first_seen
            share = 1.0 if first else 1 - math.exp(-elapsed / self.options.velocity_time_s)
            moved = zip(_centre(face.box), _centre(track.box), velocity, strict=True)
            x, y = (old + share * ((to - start) / elapsed - old) for to, start, old in moved)
            velocity = (x, y)
        return replace(track, face=face, last_seen=at, missed=0, velocity=velocity)


def _centre(box: tuple[float, float, float, float]) -> tuple[float, float]:
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def _likeness(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance-IoU of each of [n, 4] boxes with each of [m, 4]: [n, m]."""
    first, second = ours[:, None], theirs[None]
    first_end, second_end = first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:]
    inner = np.minimum(first_end, second_end) - np.maximum(first[..., :2], second[..., :2])
    outer = np.maximum(first_end, second_end) - np.minimum(first[..., :2], second[..., :2])
    shared = np.clip(inner, 0, None).prod(axis=-1)
    union = first[..., 2:].prod(axis=-1) + second[..., 2:].prod(axis=-1) - shared
    apart = (first[..., :2] + first_end - second[..., :2] - second_end) / 2
    return np.asarray(shared / union - (apart**2).sum(axis=-1) / (outer**2).sum(axis=-1))
