"""Events: an emotion rose above, or fell below, its threshold.

Thresholds are in the raw unit of each head, because every head has its own scale. The two of a head
lie apart (hysteresis), and a crossing has to last for a moment before it is told, so that a value
that trembles around a threshold is no hail of events.

Without thresholds of your own:

- voice: an emotion rises at its level "strong" and falls below "slight" (`emonet_edge.levels`);
- face: it rises at 1.5 above the neutral mean of the head and falls below 1.0 above it. In LAION's
  152 published FERD results of posed expressions, 6 % of the scores are that high: 2.7 emotions
  a picture. Heads of a model directory without neutral means have no events.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emonet_edge.exceptions import InputError, UnknownNameError
from emonet_edge.scores import HeadInfo
from emonet_edge.stream.outcomes import EmotionEvent
from emonet_edge.taxonomy import canonical

__all__ = ["EmotionEvents", "EventOptions", "default_thresholds"]

Modality = Literal["face", "voice"]
Thresholds = Mapping[str, tuple[float, float]]

FACE_RISE, FACE_FALL = 1.5, 1.0  # above the neutral mean, see above


@dataclass(frozen=True)
class EventOptions:
    """Which events are told.

    Args:
        face: {emotion: (rise, fall)} in raw score, fall at most rise; None is the default of every
            emotion (see above), {} is no events.
        voice: the same for voices.
        hold_s: how long a face's value must stay beyond the threshold, in seconds. A voice is
            scored every few seconds: there the first value counts.
    """

    face: Thresholds | None = None
    voice: Thresholds | None = None
    hold_s: float = 0.3

    def __post_init__(self) -> None:
        if not (math.isfinite(self.hold_s) and self.hold_s >= 0):
            raise InputError(f"hold_s must be at least 0 seconds; got {self.hold_s!r}")
        for thresholds in (self.face, self.voice):
            for name, pair in (thresholds or {}).items():
                _check_pair(name, pair)


def _check_pair(name: str, pair: tuple[float, float]) -> None:
    try:
        rise, fall = (float(value) for value in pair)
    except (TypeError, ValueError):
        rise = fall = math.nan
    if not (math.isfinite(rise) and math.isfinite(fall) and fall <= rise):
        raise InputError(
            f"the thresholds of an event are (rise, fall) with fall at most rise; got {name!r}: "
            f"{pair!r}; for example (2.0, 1.5)"
        )


def default_thresholds(modality: Modality, heads: Sequence[HeadInfo]) -> Thresholds:
    """Return {emotion: (rise, fall)} in raw score, for the emotions whose statistics are known."""
    emotions = [head for head in heads if head.kind == "emotion"]
    if modality == "voice":
        return {h.name: (h.levels.strong, h.levels.slight) for h in emotions if h.levels}
    return {
        head.name: (head.neutral_mean + FACE_RISE, head.neutral_mean + FACE_FALL)
        for head in emotions
        if head.neutral_mean is not None
    }


class EmotionEvents:
    """Watches the values of many subjects: tracks of faces, or utterances.

    A subject that is forgotten takes its state along: nobody's "fell" is made up.

    Args:
        modality: "face" or "voice".
        heads: of the model, in the order of the values.
        thresholds: {head name or alias: (rise, fall)}; None is `default_thresholds`.
        hold_s: see `EventOptions`.

    Raises:
        UnknownNameError: a threshold for a head that the model does not have.
    """

    def __init__(
        self,
        modality: Modality,
        heads: Sequence[HeadInfo],
        thresholds: Thresholds | None,
        hold_s: float,
    ) -> None:
        self._modality = modality
        self._hold_s = hold_s
        self._names = [head.name for head in heads]
        if thresholds is None:
            thresholds = default_thresholds(modality, heads)
        self._rise, self._fall = self._columns(thresholds)
        self._states: dict[int, _State] = {}

    def _columns(self, thresholds: Thresholds) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Thresholds in the order of the heads; NaN, which nothing crosses, where there is none."""
        pairs = np.full((2, len(self._names)), np.nan)
        for name, pair in thresholds.items():
            known = name if name in self._names else canonical(name)
            if known not in self._names:
                raise UnknownNameError(
                    f"events need a head of the {self._modality} model; it has no {known!r}; it "
                    f"has {', '.join(self._names)}"
                )
            pairs[:, self._names.index(known)] = pair
        return pairs[0], pairs[1]

    def update(self, subject: int, values: NDArray[np.floating], at: float) -> list[EmotionEvent]:
        """Take the values [n_heads] of a subject at a moment; NaN says nothing.

        Returns the events of that moment, in the order of the heads.
        """
        state = self._states.get(subject)
        if state is None:
            state = self._states[subject] = _State(len(self._names))
        return [
            self._event(subject, index, bool(state.above[index]), float(values[index]), at)
            for index in state.update(values, self._rise, self._fall, at, self._hold_s)
        ]

    def _event(self, subject: int, index: int, rose: bool, value: float, at: float) -> EmotionEvent:
        return EmotionEvent(
            at=at,
            modality=self._modality,
            subject=subject,
            emotion=self._names[index],
            change="rose" if rose else "fell",
            value=value,
            threshold=float((self._rise if rose else self._fall)[index]),
        )

    def forget(self, subject: int) -> None:
        """Forget a subject that is gone."""
        self._states.pop(subject, None)


class _State:
    """Which heads of a subject are above, and since when it has been on the other side."""

    def __init__(self, n_heads: int) -> None:
        self.above = np.zeros(n_heads, bool)
        self._since = np.full(n_heads, np.nan)

    def update(
        self,
        values: NDArray[np.floating],
        rise: NDArray[np.float64],
        fall: NDArray[np.float64],
        at: float,
        hold_s: float,
    ) -> list[int]:
        """Return the heads that have changed sides for long enough."""
        across = np.where(self.above, values < fall, values >= rise)
        back = np.isfinite(values) & ~across
        self._since[back] = np.nan
        self._since[across & np.isnan(self._since)] = at
        due = across & (at - self._since >= hold_s)
        self.above[due] ^= True
        self._since[due] = np.nan
        return [int(index) for index in np.flatnonzero(due)]
