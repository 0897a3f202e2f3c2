"""The published rule from 40 face emotions to eight basic classes: several flags, not one label.

Source of rule and mappings: LAION-AI/emonet-face, eval/config.py, commit f4d4dabc9117, MIT licence
(the EmoNet-Face data sets are CC-BY-4.0). ``ferd`` and ``affectnet`` are the mappings that LAION
used for the data sets of those names; they differ, because they were fitted to each.

This is the only softmax in the project. Scores are independent regressions: a softmax over them is
a convention of this one published evaluation, not a probability.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emonet_edge.exceptions import UnknownNameError
from emonet_edge.taxonomy import EMOTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CLASSES", "FLAG_THRESHOLD", "MAPPINGS", "CoarseClass", "coarse_classes"]

CLASSES = ("anger", "contempt", "disgust", "fear", "happy", "neutral", "sad", "surprise")
"""The eight basic classes."""
FLAG_THRESHOLD = 1.5 / 40
"""A class is flagged if one of its emotions has more than 1.5 times the uniform share."""


@dataclass(frozen=True)
class CoarseClass:
    """One class: its share of the softmax (0 to 1, all classes sum to 1) and whether it is flagged.

    The two can disagree: a class of many weak emotions has a large share and no flag.
    """

    share: float
    flagged: bool


_FERD = {
    "anger": "anger embarrassment impatience_and_irritability jealousy_and_envy",
    "contempt": "contempt malevolence_malice teasing",
    "disgust": "disgust sourness",
    "fear": "astonishment_surprise distress doubt helplessness",
    "happy": "affection amusement elation hope_enthusiasm_optimism infatuation pride "
    "thankfulness_gratitude triumph",
    "neutral": "concentration contemplation contentment emotional_numbness fatigue_exhaustion "
    "interest intoxication_altered_states_of_consciousness relief sexual_lust",
    "sad": "bitterness disappointment longing pain sadness shame",
    "surprise": "awe confusion fear pleasure_ecstasy",
}

_AFFECTNET = {
    "anger": "anger disappointment embarrassment impatience_and_irritability malevolence_malice",
    "contempt": "contempt teasing",
    "disgust": "disgust jealousy_and_envy shame sourness",
    "fear": "awe doubt fear",
    "happy": "amusement elation pride",
    "neutral": "affection concentration confusion contemplation contentment emotional_numbness "
    "fatigue_exhaustion hope_enthusiasm_optimism interest "
    "intoxication_altered_states_of_consciousness relief sexual_lust thankfulness_gratitude",
    "sad": "bitterness distress helplessness infatuation longing pain sadness",
    "surprise": "astonishment_surprise pleasure_ecstasy triumph",
}


def _by_emotion(classes: Mapping[str, str]) -> dict[str, str]:
    found = {emotion: name for name, members in classes.items() for emotion in members.split()}
    return {emotion: found[emotion] for emotion in EMOTIONS}


MAPPINGS: Mapping[str, Mapping[str, str]] = {
    "ferd": _by_emotion(_FERD),
    "affectnet": _by_emotion(_AFFECTNET),
}
"""Mapping name to {emotion: class}, all 40 emotions each."""


def coarse_classes(mean_subtracted: NDArray[np.float64], mapping: str) -> dict[str, CoarseClass]:
    """Apply the published rule.

    Args:
        mean_subtracted: float64 [40], raw score minus neutral mean, in the order of
            `taxonomy.EMOTIONS`.
        mapping: "ferd" or "affectnet".

    Returns:
        The eight classes, in alphabetical order.

    Raises:
        UnknownNameError: there is no mapping of that name.
    """
    if mapping not in MAPPINGS:
        known = " or ".join(repr(name) for name in MAPPINGS)
        raise UnknownNameError(f"the coarse mapping must be {known}, got {mapping!r}")
    shares = np.exp(mean_subtracted - mean_subtracted.max())
    shares /= shares.sum()
    members = np.array([CLASSES.index(MAPPINGS[mapping][name]) for name in EMOTIONS])
    return {
        name: CoarseClass(
            share=float(shares[members == index].sum()),
            flagged=bool((shares[members == index] > FLAG_THRESHOLD).any()),
        )
        for index, name in enumerate(CLASSES)
    }
