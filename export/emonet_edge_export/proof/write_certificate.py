"""The certificate: what a device needs to find out whether it does what this export proved.

Drawn inputs, their embeddings and scores in FP32, and what the exported encoder and heads make of
them here; see `emonet_edge.certificate`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from emonet_edge import certificate
from emonet_edge._types import Float32
from emonet_edge.certificate import CERTIFICATE_NAME, Certificate, most_inputs
from emonet_edge.certificate.distance import certified_distance
from emonet_edge.heads import EmbeddingNorm, MultiHeadMLP
from emonet_edge.inference.compile import EncoderSource
from emonet_edge.inference.encoder import Encoder
from emonet_edge_export.calibration import Samples, drawn_samples
from emonet_edge_export.encoder.run import release_memory
from emonet_edge_export.progress import Progress
from emonet_edge_export.upstream.load_encoder import EncoderConfig
from emonet_edge_export.workspace import Workspace, fingerprint

__all__ = ["CERTIFICATE_NAME", "CertificatePlan", "certificate_inputs", "write_certificate"]

_DRAWN = 24  # all kinds of faces that are drawn: sizes and places, mirrored, dimmed, with grain


@dataclass(frozen=True)
class CertificatePlan:
    """What is certified, and its references in FP32.

    Args:
        names: of the heads.
        norm: of the embeddings, "l2" or "none".
        config: of the encoder.
        hint: the precision hint that the directory is proven with and runs under.
        inputs: as `certificate_inputs` made them.
        embeddings: float32 [n, ...], of the FP32 encoder.
        scores: float32 [n, heads], of float heads on these.
        spreads: float32 [heads], standard deviations of FP32 scores over the proof.
        spread_source: what the proof was.
        encoder: names the exported encoder; another one is certified anew.
    """

    names: tuple[str, ...]
    norm: EmbeddingNorm
    config: EncoderConfig
    hint: str | None
    inputs: Samples
    embeddings: Float32
    scores: Float32
    spreads: Float32
    spread_source: str
    encoder: str

    @property
    def key(self) -> str:
        """Return a hash of everything that the certificate depends on."""
        arrays = [self.embeddings, self.scores, self.spreads]
        hashes = [hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest() for a in arrays]
        return fingerprint(
            self.names, self.norm, self.hint, self.encoder, self.spread_source, hashes
        )


def certificate_inputs(modality: str, config: EncoderConfig) -> Samples:
    """Draw as many inputs as fit a certificate: 16 faces or 7 clips at the published sizes."""
    fit = most_inputs(config.input_shape, (1, *config.embedding_shape))
    return drawn_samples(modality, config.preparation, count=_DRAWN).some(fit)


def write_certificate(plan: CertificatePlan, work: Workspace, progress: Progress) -> dict[str, Any]:
    """Write the certificate into the working folder, beside the encoder and heads it is for.

    What an earlier run wrote for the same plan is taken as it is.

    Returns:
        What report.json says of it.
    """
    done = work.recall("certificate", plan.key)
    if done is None or not work.path(CERTIFICATE_NAME).is_file():
        with progress.waiting(f"Certifying {len(plan.inputs)} inputs ({plan.inputs.source})"):
            made = _make(plan, work)
            made.write(work.path(CERTIFICATE_NAME))
        done = _described(made)
        work.remember("certificate", plan.key, done)
        release_memory()
    return done


def _make(plan: CertificatePlan, work: Workspace) -> Certificate:
    source = EncoderSource(
        work.path("encoder.xml"),
        plan.encoder,
        plan.config.input_shape,
        (1, *plan.config.embedding_shape),
        plan.hint,
    )
    heads = MultiHeadMLP.open(work.path("heads.bin"), plan.names, embedding_norm=plan.norm)
    return certificate.certify(
        Encoder.load(source, "CPU", cache=False),  # one that no manifest names has no cache key
        heads,
        content=plan.inputs.source,
        spread_source=plan.spread_source,
        tensors=np.stack(list(plan.inputs)),
        embeddings=plan.embeddings,
        scores=plan.scores,
        spreads=plan.spreads,
    )


def _described(made: Certificate) -> dict[str, Any]:
    certified = made.certified
    return {
        "inputs": len(made),
        "content": made.content,
        "spread_source": made.spread_source,
        "machine": dict(certified.machine),
        "precision_hint": certified.precision_hint,
        "int8_ops": certified.int8_ops,
        "total_ops": certified.total_ops,
        **certified_distance(made, ()).to_dict(),
    }
