"""The names of everything that is scored: 40 emotions, 15 voice attributes, 4 face dimensions.

A canonical name is lower-case snake case. It comes from the upstream face file name with ``&``
spelled out (``jealousy_and_envy``); attributes are the upstream voice file names in the same form.
``valence`` and ``arousal`` are attributes of a voice and dimensions of a face, so a kind belongs to
a name *and* a modality.

Sources: the files of laion/Empathic-Insight-Face-Small and laion/Empathic-Insight-Voice-Small;
display names from LAION-AI/emonet-face, data/guide.json.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from emonet_edge.exceptions import UnknownNameError

__all__ = [
    "ATTRIBUTES",
    "DIMENSIONS",
    "EMOTIONS",
    "MODALITIES",
    "Description",
    "Kind",
    "canonical",
    "describe",
    "display_name",
    "kind_of",
    "names_for",
]

Kind = Literal["emotion", "attribute", "dimension"]
"""What a head rates."""

MODALITIES = ("face", "voice")
"""What models are fed with."""

_EMOTION_TITLES = (
    "Elation",
    "Amusement",
    "Pleasure/Ecstasy",
    "Contentment",
    "Thankfulness/Gratitude",
    "Affection",
    "Infatuation",
    "Hope/Enthusiasm/Optimism",
    "Triumph",
    "Pride",
    "Interest",
    "Awe",
    "Astonishment/Surprise",
    "Concentration",
    "Contemplation",
    "Relief",
    "Longing",
    "Teasing",
    "Impatience and Irritability",
    "Sexual Lust",
    "Doubt",
    "Fear",
    "Distress",
    "Confusion",
    "Embarrassment",
    "Shame",
    "Disappointment",
    "Sadness",
    "Bitterness",
    "Contempt",
    "Disgust",
    "Anger",
    "Malevolence/Malice",
    "Sourness",
    "Pain",
    "Helplessness",
    "Fatigue/Exhaustion",
    "Emotional Numbness",
    "Intoxication/Altered States of Consciousness",
    "Jealousy & Envy",
)

_ATTRIBUTE_TITLES = (
    "Age",
    "Arousal",
    "Authenticity",
    "Background Noise",
    "Confident vs. Hesitant",
    "Gender",
    "High-Pitched vs. Low-Pitched",
    "Monotone vs. Expressive",
    "Recording Quality",
    "Serious vs. Humorous",
    "Soft vs. Harsh",
    "Submissive vs. Dominant",
    "Valence",
    "Vulnerable vs. Emotionally Detached",
    "Warm vs. Cold",
)

_DIMENSION_TITLES = ("Valence", "Arousal", "Dominance", "Emotional Vulnerability")

# Short forms that LAION's own tables use: baseline_stats.json and EmoNet-Voice, table 6.
_SHORT_FORMS = {
    "hope_optimism": "hope_enthusiasm_optimism",
    "intoxication_altered_states": "intoxication_altered_states_of_consciousness",
    "jealousy_envy": "jealousy_and_envy",
}


@dataclass(frozen=True)
class Description:
    """What is known about one name.

    ``face_file`` and ``voice_file`` are the upstream checkpoint names, None where that modality
    has no such head.
    """

    name: str
    display_name: str
    kind: Kind
    face_file: str | None
    voice_file: str | None


def _key(text: str) -> str:
    """Fold every accepted spelling of a name into snake case."""
    text = text.strip().lower().replace("&", " and ")
    text = re.sub(r"^model_|(_best)?(\.pth)?$", "", text)
    return re.sub(r"[^a-z0-9]+", "_", text).strip("_")


def _upstream_file(title: str) -> str:
    return f"model_{title.replace('/', '_').replace(' ', '_')}_best.pth"


EMOTIONS: tuple[str, ...] = tuple(_key(title) for title in _EMOTION_TITLES)
"""The 40 emotions, in the order in which upstream lists its face files."""
ATTRIBUTES: tuple[str, ...] = tuple(_key(title) for title in _ATTRIBUTE_TITLES)
"""The 15 attributes of a voice or its recording; they are never ranked among emotions."""
DIMENSIONS: tuple[str, ...] = tuple(_key(title) for title in _DIMENSION_TITLES)
"""The 4 dimensions of a face; they are never ranked among emotions."""

_TITLES = dict(
    zip(
        EMOTIONS + DIMENSIONS + ATTRIBUTES,
        _EMOTION_TITLES + _DIMENSION_TITLES + _ATTRIBUTE_TITLES,
        strict=True,
    )
)
_NAMES = {"face": EMOTIONS + DIMENSIONS, "voice": EMOTIONS + ATTRIBUTES}


def names_for(modality: str) -> tuple[str, ...]:
    """Return every canonical name of a modality, emotions first.

    Raises:
        UnknownNameError: `modality` is neither "face" nor "voice".
    """
    try:
        return _NAMES[modality]
    except (KeyError, TypeError):
        raise UnknownNameError(
            f"modality must be 'face' or 'voice', got {modality!r}; pass one of the two"
        ) from None


def canonical(name: str) -> str:
    """Return the canonical form of a name.

    Accepts canonical names, display names ("Jealousy & Envy"), the short forms of LAION's tables
    and upstream checkpoint names of either modality, with or without ``model_`` and ``_best.pth``,
    in any case.

    Raises:
        UnknownNameError: no head has that name; the message suggests near ones.
    """
    if not isinstance(name, str):
        raise UnknownNameError(f"a name must be a string, got {type(name).__name__}: {name!r}")
    key = _fold(name[:200])
    if key in _TITLES:
        return key
    near = difflib.get_close_matches(key, _TITLES, n=3, cutoff=0.7)
    remedy = f"did you mean {' or '.join(near)}?" if near else "see emonet_edge.taxonomy.EMOTIONS"
    raise UnknownNameError(f"no emotion, attribute or dimension is called {name[:200]!r}; {remedy}")


@lru_cache(maxsize=1024)  # names recur with every score; the bound is for those that do not
def _fold(name: str) -> str:
    key = _key(name)
    return _SHORT_FORMS.get(key, key)


def kind_of(name: str, modality: str | None = None) -> Kind:
    """Return whether a name is an "emotion", an "attribute" (voice) or a "dimension" (face).

    Without a modality, ``valence`` and ``arousal`` count as dimensions.

    Raises:
        UnknownNameError: the name or modality does not exist, or that modality has no such head.
    """
    name = canonical(name)
    if modality is not None and name not in names_for(modality):
        raise UnknownNameError(
            f"a {modality} model has no head {name!r}; "
            f"see emonet_edge.taxonomy.names_for({modality!r})"
        )
    if name in EMOTIONS:
        return "emotion"
    return "dimension" if name in DIMENSIONS and modality != "voice" else "attribute"


def describe(name: str, modality: str | None = None) -> Description:
    """Describe a head by any of its names.

    Args:
        name: anything that `canonical` accepts.
        modality: "face" or "voice"; decides the kind of ``valence`` and ``arousal``, which are
            dimensions if it is not given.

    Raises:
        UnknownNameError: the name or modality does not exist, or that modality has no such head.
    """
    kind = kind_of(name, modality)
    name = canonical(name)
    file = _upstream_file(_TITLES[name])
    return Description(
        name=name,
        display_name=_TITLES[name],
        kind=kind,
        face_file=file.lower() if name in _NAMES["face"] else None,
        voice_file=file if name in _NAMES["voice"] else None,
    )


def display_name(name: str, modality: str | None = None) -> str:
    """Return what people are shown of a head; arguments and errors as in `describe`."""
    return describe(name, modality).display_name
