"""Which faces are scored when there are more than the time allows."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Literal, TypeAlias

from emonet_edge.exceptions import InputError
from emonet_edge.stream.faces.tracker import Track

__all__ = ["OVER_BUDGET", "Preference", "select_faces"]

Preference: TypeAlias = Literal["largest", "central"]
"""Who comes first: the nearest (a robot that is spoken to) or the one in the middle (a kiosk)."""

OVER_BUDGET = "over budget"
"""The reason of a face that is left out."""

# Two faces of about one size would else take turns with every frame, and neither have a history.
_ADVANTAGE = 1.2


def select_faces(
    tracks: Sequence[Track],
    budget: int,
    width: int,
    height: int,
    *,
    prefer: Preference = "largest",
    chosen_before: Collection[int] = (),
) -> tuple[tuple[Track, ...], tuple[Track, ...]]:
    """Return the tracks to score, the preferred first, and those that are over budget.

    Args:
        tracks: seen in this frame.
        budget: how many can be scored, 0 or more.
        width: of the picture in pixels.
        height: of the picture in pixels.
        prefer: "largest" (area of the box) or "central" (distance of its centre from that of the
            picture).
        chosen_before: ids of the last choice; another has to be better by a fifth to displace one.

    Raises:
        InputError: a negative budget, or another preference.
    """
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 0:
        raise InputError(f"a budget is a number of faces, 0 or more; got {budget!r}")
    if prefer not in ("largest", "central"):
        raise InputError(f"faces are preferred as 'largest' or 'central'; got {prefer!r}")

    def rank(track: Track) -> tuple[float, int]:
        x, y, face_width, face_height = track.box
        if prefer == "largest":
            value = face_width * face_height
        else:
            centre = (x + face_width / 2, y + face_height / 2)
            value = 1 / max(math.dist(centre, (width / 2, height / 2)), 1.0)
        return -value * (_ADVANTAGE if track.id in chosen_before else 1.0), track.id

    ordered = sorted(tracks, key=rank)
    return tuple(ordered[:budget]), tuple(ordered[budget:])
