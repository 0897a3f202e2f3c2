"""What an export reads: the repositories of heads and encoder, and which files of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emonet_edge_export.heads.pack import packed_bytes
from emonet_edge_export.options import ExportOptions
from emonet_edge_export.progress import Progress
from emonet_edge_export.upstream.head_files import HeadFile, match_heads
from emonet_edge_export.upstream.hub import HubRepository
from emonet_edge_export.upstream.load_encoder import EncoderConfig, read_config, weight_bytes
from emonet_edge_export.upstream.neutral import NeutralStatistics, read_neutral_statistics
from emonet_edge_export.upstream.registry import NEUTRAL_PATTERN, RepositoryRef
from emonet_edge_export.upstream.repository import LocalRepository, Repository
from emonet_edge_export.workspace import Workspace, check_space

__all__ = ["Sources", "check_room", "neutral_statistics", "open_sources"]


@dataclass(frozen=True)
class Sources:
    """The repositories, the heads that are packed, files that are left out, and the encoder."""

    heads: Repository
    encoder: Repository
    files: list[HeadFile]
    left_out: list[str]
    config: EncoderConfig

    @property
    def names(self) -> list[str]:
        """Canonical names of the heads."""
        return [file.name for file in self.files]


def open_sources(
    options: ExportOptions, names: tuple[str, ...] | None, work: Workspace, progress: Progress
) -> Sources:
    """Open both repositories, find the heads `names` (None: all) and read the encoder's form.

    Raises:
        SourceError, CheckpointError, ExportError: as the steps.
    """
    suite = options.known
    heads = _open(options.heads_from or suite.heads, options, work, progress)
    encoder = _open(options.encoder or suite.encoder, options, work, progress)
    files, left_out = match_heads(heads, suite, names, options.ignore)
    for file in left_out:
        progress.say(f"{file} is left out: {suite.left_out[file]}")
    official = encoder.on_hub and options.encoder is None
    config = read_config(encoder, options.modality, suite.expected.encoder if official else {})
    return Sources(heads, encoder, files, left_out, config)


def _open(
    reference: RepositoryRef, options: ExportOptions, work: Workspace, progress: Progress
) -> Repository:
    if options.source is not None:
        return LocalRepository(options.source, reference.name)
    folder = work.path("sources") if options.discard_sources else None
    return HubRepository(reference.name, reference.revision, progress, folder, options.endpoint)


def check_room(options: ExportOptions, sources: Sources, work: Workspace) -> None:
    """The result, the FP32 IR while it is needed, and downloads as they are kept or not.

    Raises:
        DiskFullError: there is less room than they take.
    """
    float_irs = 3 if options.also_onnx else 2
    needed = float_irs * 4 * sources.config.parameters
    needed += sum(packed_bytes(file.size, options.heads_precision) for file in sources.files)
    if sources.encoder.on_hub:
        weights, sizes = weight_bytes(sources.encoder), [file.size for file in sources.files]
        largest = max(weights, *sizes)  # they come one after the other
        needed += largest if options.discard_sources else weights + sum(sizes)
    check_space(work.folder, needed, f"the export of {options.known.name}")


def neutral_statistics(
    options: ExportOptions, sources: Sources, progress: Progress
) -> Mapping[str, NeutralStatistics]:
    """Return what the suite says of neutral faces, by head; nothing for a voice."""
    found = sources.heads.matching(NEUTRAL_PATTERN) if options.modality == "face" else []
    if not found:
        return {}
    if len(found) > 1:
        progress.say(f"several files of neutral statistics; {found[0]} is taken")
    return read_neutral_statistics(sources.heads.fetch(found[0]))
