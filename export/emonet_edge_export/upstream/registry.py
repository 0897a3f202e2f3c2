"""The published suites: where they are, what they are made of, and whose they are.

Facts from the model cards and LAION's annotation scripts (LAION-AI/emotion-annotations). Only
`expected` is a claim about the checkpoints themselves, and it is checked, for the default revision
on the hub; other people's fine-tunes are described by their own config and shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emonet_edge_export.errors import ExportError

__all__ = [
    "HEAD_PATTERN",
    "NEUTRAL_PATTERN",
    "SUITES",
    "Expected",
    "RepositoryRef",
    "Suite",
    "find",
]

HEAD_PATTERN = "model_*_best.pth"
NEUTRAL_PATTERN = "neutral_stats*.json"
WEIGHT_SUFFIXES = (".pth", ".pt", ".bin", ".ckpt", ".safetensors")


@dataclass(frozen=True)
class RepositoryRef:
    """A repository of the Hugging Face hub and the revision that is taken by default.

    A branch is resolved to its commit once, before anything is fetched: all files of an export come
    from one commit, and the manifest records it.
    """

    name: str
    revision: str = "main"


@dataclass(frozen=True)
class Expected:
    """Dimensions of the published checkpoints: encoder by config key, rows of a head's layers."""

    encoder: Mapping[str, int]
    head_rows: tuple[int, ...]


@dataclass(frozen=True)
class Suite:
    """One suite: heads, their encoder, and files that are known but have no score here."""

    modality: str
    size: str
    heads: RepositoryRef
    encoder: RepositoryRef
    expected: Expected
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name in the manifest, such as "voice-small"."""
        return f"{self.modality}-{self.size}"


_SIGLIP2 = RepositoryRef("google/siglip2-so400m-patch16-384")
_SIGLIP2_SHAPE = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 16,
}
_WHISPER_SMALL_SHAPE = {
    "d_model": 768,
    "encoder_layers": 12,
    "encoder_attention_heads": 12,
    "encoder_ffn_dim": 3072,
    "num_mel_bins": 80,
    "max_source_positions": 1500,
}
_EMO_WHISPER = RepositoryRef("mkrausio/EmoWhisper-AnS-Small-v0.1")
_POOLED = "a quality score from pooled features (mean, min, max, std), no emotion or attribute"

SUITES: Mapping[tuple[str, str], Suite] = {
    (suite.modality, suite.size): suite
    for suite in (
        Suite(
            "face",
            "small",
            RepositoryRef("laion/Empathic-Insight-Face-Small"),
            _SIGLIP2,
            Expected(_SIGLIP2_SHAPE, (128, 32, 1)),
        ),
        Suite(
            "face",
            "large",
            RepositoryRef("laion/Empathic-Insight-Face-Large"),
            _SIGLIP2,
            Expected(_SIGLIP2_SHAPE, (1024, 512, 256, 1)),
        ),
        Suite(
            "voice",
            "small",
            RepositoryRef("laion/Empathic-Insight-Voice-Small"),
            _EMO_WHISPER,
            Expected(_WHISPER_SMALL_SHAPE, (64, 64, 32, 16, 1)),
        ),
        Suite(
            "voice",
            "large",
            RepositoryRef("laion/Empathic-Insight-Voice-Large"),
            # Its card names no encoder. Published uses run it on this one; --encoder overrides.
            _EMO_WHISPER,
            Expected(_WHISPER_SMALL_SHAPE, (128, 128, 64, 32, 1)),
        ),
        Suite(
            "voice",
            "plus",
            RepositoryRef("laion/Empathic-Insight-Voice-Plus"),
            RepositoryRef("laion/BUD-E-Whisper"),
            Expected(_WHISPER_SMALL_SHAPE, (64, 64, 32, 16, 1)),
            {
                f"model_score_{name}_best.pth": _POOLED
                for name in (
                    "overall_quality",
                    "speech_quality",
                    "background_quality",
                    "content_enjoyment",
                )
            },
        ),
    )
}


def find(modality: str, size: str) -> Suite:
    """Return a suite.

    Raises:
        ExportError: it does not exist.
    """
    if (modality, size) not in SUITES:
        known = ", ".join(size for kind, size in SUITES if kind == modality)
        raise ExportError(f"a {modality} suite is one of {known}; got {size!r}")
    return SUITES[modality, size]


def find_by_name(name: str) -> Suite:
    """Return a suite by its name in a manifest, such as "voice-small".

    Raises:
        ExportError: it does not exist.
    """
    for suite in SUITES.values():
        if suite.name == name:
            return suite
    raise ExportError(
        f"no suite is called {name!r}; known: {', '.join(s.name for s in SUITES.values())}"
    )
