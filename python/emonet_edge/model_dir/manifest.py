"""What a model directory says about itself: manifest.json, format version 1, as plain data.

`manifest_json` reads, checks and writes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emonet_edge.scores import HeadInfo

if TYPE_CHECKING:
    from emonet_edge.heads import EmbeddingNorm

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "MANIFEST_NAME",
    "NAME_PATTERN",
    "REQUIRED_FILES",
    "EncoderInfo",
    "FileInfo",
    "ImagePreparation",
    "LogMelPreparation",
    "Manifest",
    "Source",
    "safe_name",
]

FORMAT = "emonet-edge-model"
FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"
REQUIRED_FILES = ("encoder.xml", "encoder.bin", "heads.bin", "ATTRIBUTION.md")
"""Files that every model directory has beside its manifest; report.json is customary."""
NAME_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,126}"
"""What a suite and a file of a model directory can be called."""


@dataclass(frozen=True)
class FileInfo:
    """A file of the directory: size in bytes and sha256 in hex."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """A repository that the model was made from; `files` gives the sha256 of what was read."""

    repository: str
    revision: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class ImagePreparation:
    """How a face picture becomes the encoder's input: size in pixels, mean and std per channel."""

    size: int
    resample: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class LogMelPreparation:
    """How a waveform becomes the encoder's input: Hz, seconds, samples, samples, bands."""

    sample_rate: int
    window_s: int
    n_fft: int
    hop_length: int
    n_mels: int


@dataclass(frozen=True)
class EncoderInfo:
    """The encoder: shapes with batch 1, weight precision, recipe, hint it was proven with."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    precision: str
    recipe: Mapping[str, Any]
    precision_hint: str | None


@dataclass(frozen=True)
class Manifest:
    """A checked manifest; `heads` are in the order of heads.bin, `raw` is the whole document."""

    modality: str
    suite: str
    synthetic: bool
    sources: tuple[Source, ...]
    license: str
    tools: Mapping[str, str]
    preparation: ImagePreparation | LogMelPreparation
    encoder: EncoderInfo
    embedding_norm: EmbeddingNorm
    embedding_norm_evidence: str
    heads: tuple[HeadInfo, ...]
    heads_precision: str
    fidelity: Mapping[str, Any] | None
    files: Mapping[str, FileInfo]
    sha256: str
    raw: Mapping[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """Canonical names of the heads."""
        return tuple(head.name for head in self.heads)


def safe_name(name: str) -> bool:
    """Say whether a name is a plain file name: no folder, no dot in front, nothing exotic."""
    return re.fullmatch(NAME_PATTERN, name) is not None
