"""The certificate of a model directory: a small set of inputs with what they have to become.

certificate.safetensors, written at export, holds n inputs of drawn content (no picture, no sound of
anybody) and

    tensors               [n, ...]       prepared inputs of the encoder
    embeddings            [n, ...]       what the encoder makes of them in FP32
    scores                [n, heads]     what the heads make of those in float
    spreads               [heads]        standard deviation of each head's FP32 scores over the
                                         inputs that the export was proven on: the unit of errors
    certified_head_scores [n, heads]     packed heads on the FP32 embeddings
    certified_scores      [n, heads]     packed heads on the exported encoder's embeddings

all float32, and beside them what the exported encoder ran on. A device replays the inputs and is
compared with FP32 and with what was certified: see `certificate`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emonet_edge.exceptions import InputError, IntegrityError, ManifestError, ModelDirectoryError
from emonet_edge.formats.json_reader import JsonNode, parse_json
from emonet_edge.formats.tensor_file import read_tensors, write_tensors
from emonet_edge.model_dir.integrity import check_hash, check_present

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emonet_edge.model_dir import ModelDir

__all__ = ["CERTIFICATE_NAME", "MAX_BYTES", "Certificate", "Certified", "most_inputs"]

CERTIFICATE_NAME = "certificate.safetensors"
"""What a certificate is called in a model directory."""
MAX_BYTES = 40_000_000
"""The largest certificate that is written or read."""
MOST_INPUTS = 16
_RESERVE = 1 << 17  # for scores, spreads and the header
_FORMAT = "emonet-edge-certificate"
_VERSION = "1"
_REMEDY = "export or copy the model directory again"
_FACTS = ("energy_error", "int8_ops", "total_ops", "precision_hint", "machine")
_ARRAYS = (
    "tensors",
    "embeddings",
    "scores",
    "spreads",
    "certified_head_scores",
    "certified_scores",
)


@dataclass(frozen=True, eq=False)
class Certified:
    """What the exported model reached on the inputs, and where.

    `head_scores` and `scores` are float32 [n, heads], `energy_error` is that of the embeddings (see
    `agreement`). `int8_ops` of `total_ops` operations ran on 8-bit integers, under the precision
    hint in force `precision_hint`; `machine` names the processor and the versions.
    """

    head_scores: NDArray[np.float32]
    scores: NDArray[np.float32]
    energy_error: float
    int8_ops: int
    total_ops: int
    precision_hint: str | None
    machine: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Certificate:
    """Inputs and references as in the module's table; `names` are those of the heads.

    `content` says what the inputs show, `spread_source` what the spreads were measured on.
    """

    names: tuple[str, ...]
    content: str
    spread_source: str
    tensors: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    scores: NDArray[np.float32]
    spreads: NDArray[np.float32]
    certified: Certified

    def __len__(self) -> int:
        return len(self.tensors)

    def write(self, path: Path) -> None:
        """Write the file.

        Raises:
            InputError: shapes that do not belong together, values that are not finite, or more
                than 40 MB.
        """
        _check(self, InputError, "a certificate")
        arrays = self._arrays()
        size = sum(array.nbytes for array in arrays.values())
        if size > MAX_BYTES - _RESERVE // 2:
            raise InputError(
                f"a certificate has at most {MAX_BYTES} bytes, not {size}: fewer inputs"
            )
        facts = {key: getattr(self.certified, key) for key in _FACTS}
        about = {"names": self.names, "content": self.content, "spread_source": self.spread_source}
        metadata = {
            "format": _FORMAT,
            "format_version": _VERSION,
            "facts": json.dumps({**about, **facts}, allow_nan=False),
        }
        write_tensors(path, arrays, metadata)

    @classmethod
    def read(cls, directory: ModelDir) -> Certificate:
        """Read the certificate of a model directory.

        Raises:
            ModelDirectoryError: it has none; only this check is impossible without.
            IntegrityError: it is damaged, or belongs to another model.
        """
        info = directory.manifest.files.get(CERTIFICATE_NAME)
        if info is None:
            raise ModelDirectoryError(
                f"{directory.path}: has no {CERTIFICATE_NAME}, so there is nothing to compare this "
                "machine with; export the model again with this version"
            )
        path = check_present(directory.path, CERTIFICATE_NAME, info)
        check_hash(path, info)
        arrays, metadata = read_tensors(path, MAX_BYTES)
        try:
            certificate = _assemble(arrays, metadata, str(path))
        except ManifestError as error:
            raise IntegrityError(f"{error}; {_REMEDY}") from None
        _check(certificate, IntegrityError, str(path))
        _check_model(certificate, directory, path)
        return certificate

    def _arrays(self) -> dict[str, NDArray[np.float32]]:
        return {
            "tensors": self.tensors,
            "embeddings": self.embeddings,
            "scores": self.scores,
            "spreads": self.spreads,
            "certified_head_scores": self.certified.head_scores,
            "certified_scores": self.certified.scores,
        }


def most_inputs(input_shape: Sequence[int], output_shape: Sequence[int]) -> int:
    """Return how many inputs fit 40 MB, at most 16: 16 faces (28 MB), 7 clips (39 MB).

    Shapes are those of the encoder, with a batch of 1.
    """
    one = 4 * (math.prod(input_shape) + math.prod(output_shape))
    return max(1, min(MOST_INPUTS, (MAX_BYTES - _RESERVE) // one))


def _assemble(
    arrays: Mapping[str, NDArray[np.float32]], metadata: Mapping[str, str], what: str
) -> Certificate:
    """Build a certificate of what a file holds; ManifestError names what is missing."""
    texts = JsonNode(dict(metadata), f"{what}: __metadata__")
    texts["format"].one_of((_FORMAT,))
    texts["format_version"].one_of((_VERSION,))
    facts = JsonNode(parse_json(texts["facts"].text().encode(), what), f"{what}: facts")
    if set(arrays) != set(_ARRAYS):
        JsonNode(sorted(arrays), f"{what}: arrays").fail(f"{sorted(_ARRAYS)}")
    certified = Certified(
        head_scores=arrays["certified_head_scores"],
        scores=arrays["certified_scores"],
        energy_error=facts["energy_error"].number(),
        int8_ops=facts["int8_ops"].integer(0, 1 << 24),
        total_ops=facts["total_ops"].integer(0, 1 << 24),
        precision_hint=facts["precision_hint"].optional(JsonNode.text),
        machine={key: item.text() for key, item in facts["machine"].items()},
    )
    return Certificate(
        names=tuple(item.text() for item in facts["names"].elements(1)),
        content=facts["content"].text(),
        spread_source=facts["spread_source"].text(),
        tensors=arrays["tensors"],
        embeddings=arrays["embeddings"],
        scores=arrays["scores"],
        spreads=arrays["spreads"],
        certified=certified,
    )


def _check(
    certificate: Certificate, error: type[InputError] | type[IntegrityError], what: str
) -> None:
    """Check that the parts belong together and that every value is finite."""
    arrays = certificate._arrays()
    count, heads = len(certificate.tensors), len(certificate.names)
    expected = dict.fromkeys(arrays, (count, heads)) | {
        "tensors": (count, *certificate.tensors.shape[1:]),
        "embeddings": (count, *certificate.embeddings.shape[1:]),
        "spreads": (heads,),
    }
    for name, array in arrays.items():
        if array.dtype != np.float32 or array.shape != expected[name] or not count:
            raise error(
                f"{what}: {name} must be float32 {list(expected[name])}, found {array.dtype} "
                f"{list(array.shape)}; {_REMEDY}"
            )
        if not math.isfinite(float(array.sum(dtype=np.float64))):
            raise error(f"{what}: {name} holds NaN or infinity; {_REMEDY}")
    if certificate.certified.energy_error < 0 or certificate.spreads.min() < 0:
        raise error(f"{what}: errors and spreads must be 0 or more; {_REMEDY}")


def _check_model(certificate: Certificate, directory: ModelDir, path: Path) -> None:
    """Check that the certificate is one of this model."""
    manifest = directory.manifest
    for what, found, expected in (
        ("inputs", certificate.tensors.shape[1:], tuple(manifest.encoder.input_shape[1:])),
        ("embeddings", certificate.embeddings.shape[1:], tuple(manifest.encoder.output_shape[1:])),
        ("heads", certificate.names, manifest.names),
    ):
        if found != expected:
            raise IntegrityError(
                f"{path}: certifies another model: {what} {_brief(found)}, the manifest has "
                f"{_brief(expected)}; {_REMEDY}"
            )


def _brief(values: Sequence[Any]) -> str:
    return f"{list(values)[:8]}" + (f" and {len(values) - 8} more" if len(values) > 8 else "")
