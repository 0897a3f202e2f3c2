"""What a face model and a voice model have in common: a model directory becomes scores.

Preparing, embedding and scoring are three public steps, so that captions, evaluation and archives
can share one embedding.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from emonet_edge.exceptions import (
    InputError,
    ManifestError,
    ModelNotFoundError,
    UnknownNameError,
)
from emonet_edge.heads import HeadsMemory, MultiHeadMLP
from emonet_edge.inference.compile import EncoderSource
from emonet_edge.inference.encoder import Encoder, EncoderReport
from emonet_edge.model_dir import ModelDir, check_memory
from emonet_edge.scores import HeadInfo, Scores
from emonet_edge.taxonomy import canonical

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EmotionModel", "LoadOptions"]


@dataclass(frozen=True)
class LoadOptions:
    """How a model's parts are loaded; see `FaceEmotionModel.load`."""

    device: str
    threads: int | None
    precision_hint: str | None
    batch: int
    fallback: bool
    cache: bool
    memory: HeadsMemory


class EmotionModel:
    """An encoder and its heads. Thread-safe: several threads may score at once."""

    modality: str = ""

    def __init__(
        self, directory: ModelDir, encoder: Encoder, heads: MultiHeadMLP, left_out: tuple[str, ...]
    ) -> None:
        self.directory = directory
        self._encoder = encoder
        self._mlp = heads
        by_name = {head.name: head for head in directory.heads}
        self._heads = tuple(by_name[name] for name in heads.names)
        self._left_out = left_out

    @property
    def heads(self) -> tuple[HeadInfo, ...]:
        """The heads that are scored, in the order of `Scores.values`."""
        return self._heads

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of the heads that a memory budget left out."""
        return self._left_out

    @property
    def synthetic(self) -> bool:
        """Whether the weights are random: then the scores mean nothing."""
        return self.directory.manifest.synthetic

    @property
    def device(self) -> str:
        """The device that runs the encoder: "CPU", "GPU", "NPU"."""
        return self._encoder.device

    @property
    def report(self) -> EncoderReport:
        """How the encoder runs: device asked and used and why, precision, cache, threads."""
        return self._encoder.report

    @property
    def info(self) -> dict[str, Any]:
        """How this model runs, JSON-ready: device asked and used and why, precision, heads."""
        manifest = self.directory.manifest
        return {
            "path": str(self.directory.path),
            "modality": self.modality,
            "suite": manifest.suite,
            "synthetic": manifest.synthetic,
            "encoder": asdict(self.report),
            "heads": {
                "names": list(self._mlp.names),
                "precision": self._mlp.precision,
                "bytes": self._mlp.nbytes,
                "left_out": list(self._left_out),
            },
        }

    def embed(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the encoder.

        Args:
            tensor: what `prepare` returned, or n of them stacked: float32.

        Returns:
            float32, one embedding for one tensor, [n, ...] for n of them.

        Raises:
            ImageError, AudioError: the tensor has another shape or type.
            EmbeddingError: the encoder gave NaN or infinity.
            DeviceError: the device failed.
        """
        single = tensor.ndim == len(self._encoder.input_shape) - 1
        embeddings = self._encoder.embed(tensor[np.newaxis] if single else tensor)
        return embeddings[0] if single else embeddings

    def score(self, embedding: NDArray[np.float32]) -> Scores:
        """Evaluate the heads on one embedding, as `embed` returned it.

        Raises:
            EmbeddingError: another shape or type, or values that are not finite.
        """
        return self._scores(self._mlp.evaluate(embedding))

    def score_batch(self, embeddings: NDArray[np.float32]) -> list[Scores]:
        """Evaluate the heads on embeddings [n, ...]; the heads' weights are read once."""
        return [self._scores(values) for values in self._mlp.evaluate_batch(embeddings)]

    def _scores(self, values: NDArray[np.float32]) -> Scores:
        manifest = self.directory.manifest
        return Scores(
            self.modality, self._heads, values, suite=manifest.suite, synthetic=manifest.synthetic
        )

    def __repr__(self) -> str:
        notice = ", synthetic weights" if self.synthetic else ""
        return (
            f"{type(self).__name__}({self.directory.manifest.suite}, {len(self._heads)} heads, "
            f"{self.device}{notice})"
        )


def open_directory(
    path: str | os.PathLike[str], modality: str, verify: Literal["fast", "full"]
) -> ModelDir:
    """Open a model directory and refuse one of the other modality."""
    directory = ModelDir.open(path, verify)
    found = directory.manifest.modality
    if found != modality:
        raise ModelNotFoundError(
            f"{directory.path} must hold a {modality} model; it holds a {found} model; "
            f"load it with {found.capitalize()}EmotionModel"
        )
    return directory


def chosen_names(directory: ModelDir, heads: Sequence[str] | None) -> list[str] | None:
    """Canonical names of the heads asked for; any alias that the taxonomy knows will do.

    Raises:
        UnknownNameError: no such head at all (with what was probably meant), or not in this
            directory.
    """
    if heads is None:
        return None
    if isinstance(heads, str):
        raise InputError(f"heads must be a sequence of names; got {heads!r}; pass [{heads!r}]")
    here = [head.name for head in directory.heads]
    names = [name if name in here else canonical(name) for name in heads]
    for name in names:
        if name not in here:
            raise UnknownNameError(
                f"a head must be one of the model's; {directory.path} has no {name!r}; it has "
                f"{', '.join(here)}"
            )
    return names


def load_parts(
    directory: ModelDir, options: LoadOptions, names: Sequence[str] | None
) -> tuple[Encoder, MultiHeadMLP]:
    """Open the heads, then compile the encoder: what is wrong with files shows within a second."""
    check_memory(directory.manifest)
    heads = open_heads(directory, names, options.memory, options.threads)
    encoder = Encoder.load(
        encoder_source(directory),
        options.device,
        threads=options.threads,
        precision_hint=options.precision_hint,
        batch=options.batch,
        fallback=options.fallback,
        cache=options.cache,
    )
    return encoder, heads


def open_heads(
    directory: ModelDir,
    names: Sequence[str] | None = None,
    memory: HeadsMemory = "map",
    threads: int | None = None,
) -> MultiHeadMLP:
    """Open heads of a model directory, all by default; they have to take its embeddings."""
    manifest = directory.manifest
    heads = MultiHeadMLP.open(
        directory.heads_bin,
        [head.name for head in directory.heads] if names is None else names,
        embedding_norm=manifest.embedding_norm,
        memory=memory,
        threads=threads,
    )
    expected = tuple(manifest.encoder.output_shape[1:])
    if heads.embedding_shape != expected:
        raise ManifestError(
            f"heads.bin must take the encoder's embedding {list(expected)}; {directory.path} has "
            f"heads for {list(heads.embedding_shape)}; export it again"
        )
    return heads


def encoder_source(directory: ModelDir) -> EncoderSource:
    """What the encoder needs of a model directory; its hash stands for graph and weights."""
    manifest = directory.manifest
    hashes = manifest.files["encoder.xml"].sha256 + manifest.files["encoder.bin"].sha256
    return EncoderSource(
        xml=directory.encoder_xml,
        sha256=hashlib.sha256(hashes.encode()).hexdigest(),
        input_shape=manifest.encoder.input_shape,
        output_shape=manifest.encoder.output_shape,
        precision_hint=manifest.encoder.precision_hint,
    )
