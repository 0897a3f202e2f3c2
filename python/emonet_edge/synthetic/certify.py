"""The certificate of a synthetic model: generated inputs, and FP32 of the same weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonet_edge.certificate import CERTIFICATE_NAME, certify
from emonet_edge.heads import MultiHeadMLP
from emonet_edge.inference.compile import EncoderSource
from emonet_edge.inference.encoder import Encoder
from emonet_edge.synthetic.architectures import Architecture
from emonet_edge.synthetic.calibration_inputs import calibration_inputs

__all__ = ["References", "write_certificate"]

INPUTS = 4
"""The fewest that a correlation can be computed of: 7 MB for a face, 22 MB for a full voice."""


@dataclass(frozen=True)
class References:
    """In FP32, of the first calibration inputs: embeddings [n, ...] and scores [n, heads]."""

    embeddings: NDArray[np.float32]
    scores: NDArray[np.float32]


def write_certificate(
    folder: Path, architecture: Architecture, fields: Mapping[str, Any], references: References
) -> None:
    """Run encoder and heads of a folder as the manifest's fields say, and write certificate."""
    source = EncoderSource(
        folder / "encoder.xml",
        "",  # names the model in the cache, which is not used
        architecture.input_shape,
        architecture.output_shape,
        fields["encoder"]["precision_hint"],
    )
    heads = MultiHeadMLP.open(
        folder / "heads.bin",
        [head["name"] for head in fields["heads"]],
        embedding_norm=fields["embedding_norm"],
        verify=False,  # written a moment ago
    )
    certify(
        Encoder.load(source, "CPU", cache=False),
        heads,
        content="generated pictures or sounds",
        spread_source=f"{len(references.scores)} generated inputs",
        tensors=np.concatenate(calibration_inputs(architecture, INPUTS)),
        embeddings=np.ascontiguousarray(references.embeddings[:INPUTS]),
        scores=references.scores[:INPUTS],
        spreads=references.scores.std(axis=0),
    ).write(folder / CERTIFICATE_NAME)
