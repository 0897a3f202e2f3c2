"""The scores of one picture or one clip: what the heads said, and what it may be compared with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonet_edge.coarse import CoarseClass, coarse_classes
from emonet_edge.exceptions import InputError, UnknownNameError
from emonet_edge.formats.json_values import jsonable
from emonet_edge.levels import Levels
from emonet_edge.taxonomy import EMOTIONS, Kind, canonical, names_for

__all__ = ["SYNTHETIC_NOTICE", "HeadInfo", "Level", "Scores"]

SYNTHETIC_NOTICE = "scores from synthetic weights: they mean nothing"
"""The line that stands beside every score from a synthetic model directory."""

Level = Literal["absent", "slight", "strong"]
"""How far a voice emotion is above everyday speech."""


@dataclass(frozen=True)
class HeadInfo:
    """One head: its canonical name, its kind, and the statistics that calibrate it.

    `neutral_mean` is the mean raw score of neutral faces, `spread_mean` and `spread_std` describe
    raw scores over everyday speech; each is None where nobody measured it.
    """

    name: str
    kind: Kind
    neutral_mean: float | None = None
    spread_mean: float | None = None
    spread_std: float | None = None
    levels: Levels | None = None


class Scores:
    """Regression scores by head, on each head's own scale; independent, never a distribution.

    Not a mapping: ``scores["anger"]`` is the raw score of one head (any name or alias), iterating
    gives names, `raw` and `calibrated` are arrays in the order of `names`.

    Args:
        modality: "face" or "voice".
        heads: one per value, in the order of the values.
        values: float32 [n], the heads' outputs; copied.
        suite: the suite of the model directory, such as "voice-small".
        synthetic: True if the weights are random, so that the scores mean nothing.
        meta: whatever belongs to the result (window, device, timings); kept and handed on.

    Raises:
        InputError: the number of values is not the number of heads.
        UnknownNameError: the modality does not exist.
    """

    __hash__ = None  # type: ignore[assignment]  # arrays inside

    def __init__(
        self,
        modality: str,
        heads: Sequence[HeadInfo],
        values: ArrayLike,
        *,
        suite: str = "",
        synthetic: bool = False,
        meta: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        names_for(modality)
        array = np.array(values, dtype=np.float32)
        if array.shape != (len(heads),):
            raise InputError(
                f"scores need one value per head: {len(heads)} heads, values of shape "
                f"{array.shape}; pass a vector as long as the heads"
            )
        array.flags.writeable = False
        self._modality = modality
        self._heads = tuple(heads)
        self._values = array
        self._suite = suite
        self._synthetic = bool(synthetic)
        self._meta = dict(meta)

    @property
    def modality(self) -> str:
        """Either "face" or "voice"."""
        return self._modality

    @property
    def suite(self) -> str:
        """The suite of the model directory."""
        return self._suite

    @property
    def synthetic(self) -> bool:
        """True if the scores come from random weights and mean nothing."""
        return self._synthetic

    @property
    def heads(self) -> tuple[HeadInfo, ...]:
        """The heads, in the order of the values."""
        return self._heads

    @property
    def meta(self) -> Mapping[str, Any]:
        """What was handed on with the scores; read-only."""
        return MappingProxyType(self._meta)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Canonical names, in the order of the values."""
        return tuple(head.name for head in self._heads)

    @property
    def values(self) -> NDArray[np.float32]:
        """The heads' outputs, float32 [n], read-only; the same array as `raw`."""
        return self._values

    @property
    def raw(self) -> NDArray[np.float32]:
        """The heads' outputs on their own scales (face about 0 to 7, voice about 0 to 4)."""
        return self._values

    @cached_property
    def calibrated(self) -> NDArray[np.float32]:
        """Scores made comparable, float32 [n], read-only, NaN where the statistics are unknown.

        Face: raw minus the head's mean over neutral faces, in raw units. Voice: (raw - mean) / std
        over everyday speech, in standard deviations.
        """
        calibrated = self._calibrated64().astype(np.float32)
        calibrated.flags.writeable = False
        return calibrated

    def _calibrated64(self) -> NDArray[np.float64]:
        raw = self._values.astype(np.float64)
        if self._modality == "face":
            return raw - _column(head.neutral_mean for head in self._heads)
        mean = _column(head.spread_mean for head in self._heads)
        return (raw - mean) / _column(head.spread_std for head in self._heads)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.names)}

    def _find(self, name: str) -> int:
        name = canonical(name)
        try:
            return self._index[name]
        except KeyError:
            raise UnknownNameError(
                f"these {self._modality} scores have no head {name!r}; they have "
                f"{', '.join(self.names) or 'none'}"
            ) from None

    def __getitem__(self, name: str) -> float:
        return float(self._values[self._find(name)])

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and canonical(name) in self._index
        except UnknownNameError:
            return False

    def __len__(self) -> int:
        return len(self._heads)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def top(self, n: int = 5, calibrated: bool = False) -> list[tuple[str, float]]:
        """Return the `n` highest emotions as (name, score), highest first.

        Attributes and dimensions are never ranked. Raw scores of different heads have different
        scales, so `calibrated=True` is the fairer ranking where the statistics are known; emotions
        without them, and scores that are NaN, are left out.

        Raises:
            InputError: `n` is negative, or calibrated scores were asked for and none is known.
        """
        if n < 0:
            raise InputError(f"top(n) needs n of at least 0, got {n}")
        values = self.calibrated if calibrated else self._values
        emotions = [i for i, head in enumerate(self._heads) if head.kind == "emotion"]
        known = [i for i in emotions if not math.isnan(values[i])]
        if calibrated and emotions and not known:
            what = "neutral means" if self._modality == "face" else "spreads"
            raise InputError(
                f"no emotion here has a calibrated score: the model directory has no {what}; "
                "use top(n) on the raw scores"
            )
        ranked = sorted(known, key=lambda i: -float(values[i]))  # stable: ties keep their order
        return [(self.names[i], float(values[i])) for i in ranked[:n]]

    def level(self, name: str) -> Level:
        """Return "absent", "slight" or "strong" for an emotion in a voice.

        The thresholds are the model directory's, per head, in raw score; their origin is in
        ``scores.heads[i].levels.source`` and, for the defaults, in `emonet_edge.levels`.

        Raises:
            UnknownNameError: there is no such head, or the head has no levels (attributes,
                dimensions, face scores, a directory without thresholds, a score that is NaN).
        """
        index = self._find(name)
        head, value = self._heads[index], float(self._values[index])
        if head.kind != "emotion":
            raise UnknownNameError(
                f"levels exist for emotions only; {head.name!r} is of kind {head.kind}; "
                f"use scores[{head.name!r}]"
            )
        if self._modality != "voice":
            raise UnknownNameError(
                f"levels exist for voices only, these are {self._modality} scores; "
                f"use scores[{head.name!r}] or scores.calibrated"
            )
        if head.levels is None or math.isnan(value):
            missing = "thresholds in its model directory" if head.levels is None else "score"
            raise UnknownNameError(
                f"{head.name!r} has no {missing}, so it has no level; use scores[{head.name!r}]"
            )
        return _level(value, head.levels)

    def coarse(self, mapping: str = "affectnet") -> dict[str, CoarseClass]:
        """Flag basic emotion classes of a face by the rule that LAION published.

        A softmax over the mean-subtracted scores of the 40 emotions; every class with an emotion
        above 1.5/40 is flagged. On LAION's 152 published FERD results that flags 3.5 of the 8
        classes a picture, and the published accuracy of 0.7829 means "the right class is among the
        flagged". Taking the highest emotion's class as *the* answer is right in 0.303 of them. So
        this gives shares and flags, never one label: do not reduce it to one.

        Args:
            mapping: "affectnet" or "ferd", LAION's mapping for the data set of that name.

        Returns:
            {class: CoarseClass(share, flagged)} for anger, contempt, disgust, fear, happy, neutral,
            sad, surprise. Shares sum to 1 and are no probabilities.

        Raises:
            InputError: voice scores, or an emotion or its neutral mean is missing.
            UnknownNameError: there is no such mapping.
        """
        if self._modality != "face":
            raise InputError(
                "the coarse rule is published for faces; these are voice scores: use level(name)"
            )
        missing = [name for name in EMOTIONS if name not in self._index]
        if missing:
            raise InputError(
                f"the coarse rule needs all 40 emotions, missing: {', '.join(missing)}; "
                "load the face model with every head"
            )
        scores = self._calibrated64()[[self._index[name] for name in EMOTIONS]]
        unknown = [EMOTIONS[i] for i in np.flatnonzero(~np.isfinite(scores))]
        if unknown:
            raise InputError(
                f"the coarse rule needs a finite score and a neutral mean for every emotion, "
                f"missing: {', '.join(unknown)}; export the model directory with neutral means"
            )
        return coarse_classes(scores, mapping)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready values; what is unknown or NaN becomes None.

        Keys: modality, suite, synthetic, notice (synthetic only), raw and calibrated by name,
        levels by name where they exist, meta. A number is the shortest decimal that gives back the
        same float32.
        """
        notice = {"notice": SYNTHETIC_NOTICE} if self._synthetic else {}
        levels = {
            head.name: _level(float(value), head.levels)
            for head, value in zip(self._heads, self._values, strict=True)
            if self._modality == "voice" and head.kind == "emotion"
            if head.levels is not None and not math.isnan(value)
        }
        return {
            "modality": self._modality,
            "suite": self._suite,
            "synthetic": self._synthetic,
            **notice,
            "raw": dict(zip(self.names, jsonable(self._values), strict=True)),
            "calibrated": dict(zip(self.names, jsonable(self.calibrated), strict=True)),
            "levels": levels,
            "meta": jsonable(self._meta),
        }

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scores):
            return NotImplemented
        return (
            (self._modality, self._suite, self._synthetic, self._heads)
            == (other._modality, other._suite, other._synthetic, other._heads)
            and np.array_equal(self._values, other._values, equal_nan=True)
            and bool(jsonable(self._meta) == jsonable(other._meta))
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Through the constructor: an array that is unpickled by itself is writable again.
        state = (self._modality, self._heads, np.array(self._values))
        return _rebuild, (*state, self._suite, self._synthetic, self._meta)

    def __repr__(self) -> str:
        best = ", ".join(f"{name} {value:.2f}" for name, value in self.top(3))
        suite = f" {self._suite}" if self._suite else ""
        notice = f"; {SYNTHETIC_NOTICE}" if self._synthetic else ""
        origin = f"{self._modality}{suite}, {len(self)} heads"
        return f"<Scores {origin}: {best or 'no emotions'}{notice}>"


def _rebuild(
    modality: str,
    heads: tuple[HeadInfo, ...],
    values: NDArray[np.float32],
    suite: str,
    synthetic: bool,
    meta: Mapping[str, Any],
) -> Scores:
    return Scores(modality, heads, values, suite=suite, synthetic=synthetic, meta=meta)


def _column(numbers: Iterator[float | None]) -> NDArray[np.float64]:
    return np.array([math.nan if x is None else x for x in numbers], dtype=np.float64)


def _level(value: float, levels: Levels) -> Level:
    if value >= levels.strong:
        return "strong"
    return "slight" if value >= levels.slight else "absent"
