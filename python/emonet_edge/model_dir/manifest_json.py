"""Reading, checking and writing manifest.json.

The checks are our own and name the JSON path, what was expected and what was found: a JSON schema
library would be one more dependency on the device, with poorer messages.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from emonet_edge.exceptions import FormatVersionError, IntegrityError, ManifestError
from emonet_edge.formats.json_reader import JsonNode, parse_json
from emonet_edge.levels import Levels
from emonet_edge.model_dir.manifest import (
    FORMAT,
    FORMAT_VERSION,
    MANIFEST_NAME,
    NAME_PATTERN,
    REQUIRED_FILES,
    EncoderInfo,
    FileInfo,
    ImagePreparation,
    LogMelPreparation,
    Manifest,
    Source,
    safe_name,
)
from emonet_edge.scores import HeadInfo
from emonet_edge.taxonomy import MODALITIES, kind_of, names_for

__all__ = [
    "manifest_sha256",
    "parse_manifest",
    "seal_manifest",
]

_SHA256 = r"[0-9a-f]{64}"
_MAX_FILE = 1 << 44
_MAX_DIMENSION = 1 << 24


def manifest_sha256(document: Mapping[str, Any]) -> str:
    """Return the sha256 of a manifest without its own ``manifest_sha256``, in canonical JSON.

    Canonical: sorted keys, no spaces, UTF-8 without escapes.

    Raises:
        ManifestError: the document cannot be written as JSON in UTF-8.
    """
    rest = {key: value for key, value in document.items() if key != "manifest_sha256"}
    try:
        text = json.dumps(
            rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        return hashlib.sha256(text.encode("utf-8")).hexdigest()
    except (TypeError, ValueError) as error:
        raise ManifestError(f"manifest.json: must be plain JSON in UTF-8, but {error}") from None


def seal_manifest(fields: Mapping[str, Any], files: Mapping[str, FileInfo]) -> bytes:
    """Complete a manifest with format, files and its own hash, check it, and return its bytes.

    Raises:
        ManifestError: the fields break the schema.
    """
    document = {"format": FORMAT, "format_version": FORMAT_VERSION, **fields}
    document["files"] = {
        name: {"size": file.size, "sha256": file.sha256} for name, file in sorted(files.items())
    }
    document["manifest_sha256"] = manifest_sha256(document)
    data = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode("utf-8")
    parse_manifest(data)
    return data + b"\n"


def parse_manifest(data: bytes, what: str = MANIFEST_NAME) -> Manifest:
    """Check the bytes of a manifest and return its contents.

    Raises:
        FormatVersionError: it was written in a newer format.
        ManifestError: it breaks the schema.
        IntegrityError: it follows the schema but was altered since it was written.
    """
    document = parse_json(data, what)
    root = JsonNode(document, what)
    _check_format(root)
    manifest = _read(root)
    found = manifest_sha256(document)
    if found != manifest.sha256:
        raise IntegrityError(
            f"{what}: altered since it was written: its contents hash to {found}, it says "
            f"{manifest.sha256}; export or download the model directory again"
        )
    return manifest


def _check_format(root: JsonNode) -> None:
    root["format"].one_of((FORMAT,))
    version = root["format_version"].integer(1, 10**6)
    if version > FORMAT_VERSION:
        raise FormatVersionError(
            f"{root.path}: format version {version}, this emonet-edge reads up to "
            f"{FORMAT_VERSION}; upgrade emonet-edge"
        )


def _read(root: JsonNode) -> Manifest:
    modality = root["modality"].one_of(MODALITIES)
    synthetic = root["synthetic"].boolean()
    preparation = _preparation(root["preparation"], modality)
    return Manifest(
        modality=modality,
        suite=root["suite"].text(NAME_PATTERN, "a short name such as 'voice-small'"),
        synthetic=synthetic,
        sources=tuple(_source(n) for n in root["sources"].elements(0 if synthetic else 1)),
        license=root["license"].text(),
        tools={name: node.text() for name, node in root["tools"].items()},
        preparation=preparation,
        encoder=_encoder(root["encoder"], preparation),
        embedding_norm=root["embedding_norm"].one_of(("l2", "none")),
        embedding_norm_evidence=root["embedding_norm_evidence"].text(
            r"(measured|assumed): .+", "a string that begins with 'measured: ' or 'assumed: '"
        ),
        heads=_heads(root["heads"], modality),
        heads_precision=root["heads_precision"].one_of(("int8", "int4", "fp16")),
        fidelity=root["fidelity"].optional(JsonNode.object),
        files=_files(root["files"]),
        sha256=root["manifest_sha256"].text(_SHA256, "64 hex digits"),
        raw=root.value,
    )


def _source(node: JsonNode) -> Source:
    return Source(
        repository=node["repository"].text(),
        revision=node["revision"].text(),
        files={name: file.text(_SHA256, "64 hex digits") for name, file in node["files"].items()},
    )


def _preparation(node: JsonNode, modality: str) -> ImagePreparation | LogMelPreparation:
    if modality == "face":
        node["kind"].one_of(("image",))
        return ImagePreparation(
            size=node["size"].integer(1, 4096),
            resample=node["resample"].one_of(("bilinear",)),
            mean=_channels(node["mean"], positive=False),
            std=_channels(node["std"], positive=True),
        )
    node["kind"].one_of(("log_mel",))
    return LogMelPreparation(
        sample_rate=node["sample_rate"].integer(1, 192_000),
        window_s=node["window_s"].integer(1, 3600),
        n_fft=node["n_fft"].integer(1, 1 << 16),
        hop_length=node["hop_length"].integer(1, 1 << 16),
        n_mels=node["n_mels"].integer(1, 1024),
    )


def _channels(node: JsonNode, positive: bool) -> tuple[float, float, float]:
    red, green, blue = (item.number(positive) for item in node.elements(3, 3))
    return red, green, blue


def _encoder(node: JsonNode, preparation: ImagePreparation | LogMelPreparation) -> EncoderInfo:
    if isinstance(preparation, ImagePreparation):
        expected = [1, 3, preparation.size, preparation.size]
    else:
        frames = preparation.window_s * preparation.sample_rate // preparation.hop_length
        expected = [1, preparation.n_mels, frames]
    if _shape(node["input_shape"]) != tuple(expected):
        node["input_shape"].fail(f"{expected}, which the preparation makes")
    output_shape = _shape(node["output_shape"])
    if len(output_shape) not in (2, 3) or output_shape[0] != 1:
        node["output_shape"].fail("[1, width] or [1, positions, width]")
    return EncoderInfo(
        input_shape=tuple(expected),
        output_shape=output_shape,
        precision=node["precision"].one_of(("int8", "fp16", "bf16", "fp32")),
        recipe=node["recipe"].object(),
        precision_hint=node["precision_hint"].one_of(("f32", "bf16", None)),
    )


def _shape(node: JsonNode) -> tuple[int, ...]:
    return tuple(item.integer(1, _MAX_DIMENSION) for item in node.elements(1, 8))


def _heads(node: JsonNode, modality: str) -> tuple[HeadInfo, ...]:
    heads: dict[str, HeadInfo] = {}
    for item in node.elements(least=1):
        head = _head(item, modality)
        if head.name in heads:
            item["name"].fail("each head once")
        heads[head.name] = head
    return tuple(heads.values())


def _head(node: JsonNode, modality: str) -> HeadInfo:
    name = node["name"].text()
    if name not in names_for(modality):
        node["name"].fail(f"a canonical name of a {modality} head (emonet_edge.taxonomy.names_for)")
    kind = kind_of(name, modality)
    node["kind"].one_of((kind,))
    spread = node["spread"].optional(_spread)
    levels = node["levels"].optional(_levels)
    if levels is not None and (modality != "voice" or kind != "emotion"):
        node["levels"].fail("null: levels exist for the emotions of voices only")
    return HeadInfo(
        name=name,
        kind=kind,
        neutral_mean=node["neutral_mean"].optional(JsonNode.number),
        spread_mean=spread and spread[0],
        spread_std=spread and spread[1],
        levels=levels,
    )


def _spread(node: JsonNode) -> tuple[float, float]:
    return node["mean"].number(), node["std"].number(positive=True)


def _levels(node: JsonNode) -> Levels:
    slight, strong = node["slight"].number(), node["strong"].number()
    if slight >= strong:
        node.fail("slight below strong")
    return Levels(slight, strong, node["source"].text())


def _files(node: JsonNode) -> dict[str, FileInfo]:
    files = {}
    for name, item in node.items():
        if not safe_name(name) or name == MANIFEST_NAME:
            item.fail("a plain file name beside manifest.json as the key")
        files[name] = FileInfo(
            size=item["size"].integer(0, _MAX_FILE),
            sha256=item["sha256"].text(_SHA256, "64 hex digits"),
        )
    for name in REQUIRED_FILES:
        _ = node[name]
    return files
