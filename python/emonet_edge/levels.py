"""Three levels for a voice emotion: absent, slight, strong; and the table they come from.

Every head has its own scale (``interest`` averages 1.8 in everyday speech, ``awe`` 0.04), so one
threshold for all heads would be wrong for most. The defaults are derived per head from LAION's
published spread of scores over everyday speech by one formula:

    threshold(k) = max(mean + k * std, k * 0.5)        slight: k = 1      strong: k = 2.5

What that means for everyday speech, from the same table:

- *absent* is the normal state. Half or more of everyday clips lie near zero on most heads, and a
  clip at the head's own average, however high (``interest``, ``concentration``), is still absent.
- *slight* is one standard deviation above that average: on 28 of 40 heads it lies at or below the
  published 90th percentile and well above the middle, so about a tenth to a fifth of everyday
  clips exceed it. On the others (``awe``, ``pain``, ``shame``...: silent in nine of ten clips)
  fewer than a tenth do, as it should be with a rare emotion.
- *strong* is 2.5 standard deviations above: by Cantelli's inequality never more than one clip in
  seven, whatever the shape of the distribution; below one in a hundred where it is bell-shaped.
- The floor is for the heads that are almost always near zero. There mean + std is as little as
  0.2 (``awe``: 0.216), which is the noise of a regression, not an emotion. 0.5 per k is half a
  step of the annotation that the heads were trained towards (0 absent, 1 slight, 2 strong) and an
  eighth of the heads' range of about 0 to 4; no head whose 90th percentile is above 0.5 has its
  slight level raised past that percentile by the floor.

The formula uses Voice-Plus statistics. Other suites have other heads and encoders: there the same
thresholds are marked "borrowed" until someone measures that suite.
"""

from __future__ import annotations

from dataclasses import dataclass

from emonet_edge.taxonomy import canonical, kind_of

__all__ = [
    "FLOOR",
    "SLIGHT_STDS",
    "SPREAD_SOURCE",
    "SPREAD_SUITE",
    "STRONG_STDS",
    "Levels",
    "Spread",
    "default_levels",
    "published_spread",
]

SLIGHT_STDS = 1.0
"""k of the slight level, in standard deviations above the mean of everyday speech."""
STRONG_STDS = 2.5
"""k of the strong level."""
FLOOR = 0.5
"""The least a threshold can be, per k, in raw score."""
SPREAD_SUITE = "voice-plus"
"""The suite whose scores the published table describes."""
SPREAD_SOURCE = (
    "LAION-AI/procedural-voice-captions, baseline_stats.json, Voice-Plus over 722 clips of "
    "everyday speech in six languages"
)
"""Where the spreads come from."""


@dataclass(frozen=True)
class Spread:
    """How the raw scores of a head spread over everyday speech, in raw score."""

    mean: float
    std: float
    p90: float


@dataclass(frozen=True)
class Levels:
    """Thresholds in raw score: at or above `slight` is slight, at or above `strong` is strong."""

    slight: float
    strong: float
    source: str


# Mean, standard deviation, 90th percentile; see SPREAD_SOURCE.
_SPREAD = {
    "affection": Spread(0.151, 0.361, 0.751),
    "amusement": Spread(0.201, 0.462, 0.901),
    "anger": Spread(0.330, 0.447, 0.947),
    "astonishment_surprise": Spread(0.275, 0.585, 1.191),
    "awe": Spread(0.035, 0.181, 0.000),
    "bitterness": Spread(0.142, 0.317, 0.655),
    "concentration": Spread(1.387, 0.570, 1.942),
    "confusion": Spread(0.403, 0.646, 1.504),
    "contemplation": Spread(0.685, 0.506, 1.264),
    "contempt": Spread(0.197, 0.387, 0.836),
    "contentment": Spread(0.327, 0.396, 0.824),
    "disappointment": Spread(0.220, 0.427, 0.947),
    "disgust": Spread(0.123, 0.290, 0.577),
    "distress": Spread(0.160, 0.439, 0.684),
    "doubt": Spread(0.278, 0.380, 0.837),
    "elation": Spread(0.183, 0.406, 0.844),
    "embarrassment": Spread(0.131, 0.322, 0.577),
    "emotional_numbness": Spread(0.297, 0.426, 1.019),
    "fatigue_exhaustion": Spread(0.080, 0.246, 0.074),
    "fear": Spread(0.124, 0.380, 0.530),
    "helplessness": Spread(0.126, 0.335, 0.636),
    "hope_enthusiasm_optimism": Spread(0.364, 0.570, 1.233),
    "impatience_and_irritability": Spread(0.446, 0.575, 1.298),
    "infatuation": Spread(0.026, 0.192, 0.006),
    "interest": Spread(1.829, 0.531, 2.484),
    "intoxication_altered_states_of_consciousness": Spread(0.083, 0.338, 0.345),
    "jealousy_and_envy": Spread(0.098, 0.191, 0.150),
    "longing": Spread(0.222, 0.360, 0.795),
    "malevolence_malice": Spread(0.218, 0.379, 0.860),
    "pain": Spread(0.045, 0.214, 0.015),
    "pleasure_ecstasy": Spread(0.113, 0.304, 0.544),
    "pride": Spread(0.197, 0.387, 0.837),
    "relief": Spread(0.138, 0.302, 0.498),
    "sadness": Spread(0.143, 0.371, 0.646),
    "sexual_lust": Spread(0.073, 0.265, 0.310),
    "shame": Spread(0.068, 0.219, 0.096),
    "sourness": Spread(0.151, 0.322, 0.722),
    "teasing": Spread(0.222, 0.415, 0.966),
    "thankfulness_gratitude": Spread(0.195, 0.515, 0.456),
    "triumph": Spread(0.094, 0.290, 0.416),
}


def published_spread(name: str) -> Spread | None:
    """Return the published everyday-speech spread of a voice head, None where there is none.

    It exists for the 40 emotions of Voice-Plus; see `SPREAD_SOURCE`.

    Raises:
        UnknownNameError: no head has that name.
    """
    return _SPREAD.get(canonical(name))


def default_levels(name: str, suite: str) -> Levels | None:
    """Return default thresholds for a voice head, derived by the formula of this module.

    Args:
        name: any name that `taxonomy.canonical` accepts.
        suite: the suite of the model directory, such as "voice-small".

    Returns:
        Levels whose source begins with "published: " on voice-plus and with "borrowed: " on every
        other voice suite; None for what has no levels: attributes, dimensions, face suites.

    Raises:
        UnknownNameError: no head has that name.
    """
    if kind_of(name) != "emotion" or suite.startswith("face"):
        return None
    spread = _SPREAD[canonical(name)]
    standing = "published" if suite == SPREAD_SUITE else f"borrowed: {SPREAD_SUITE} figures"
    return Levels(
        slight=_threshold(spread, SLIGHT_STDS),
        strong=_threshold(spread, STRONG_STDS),
        source=f"{standing}: {SPREAD_SOURCE}",
    )


def _threshold(spread: Spread, stds: float) -> float:
    # Three decimals, as the table has: more would pretend to a precision that it lacks.
    return round(max(spread.mean + stds * spread.std, stds * FLOOR), 3)
