"""Heads are fetched, packed and released one at a time, and an interrupted run goes on.

Beside the growing file lies a journal: after each head its index entry, where it ends, and what it
scored in float (so that no head has to be read twice). A run that was killed leaves both; the next
one cuts the file back to the last whole head and continues.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from emonet_edge._files import replaced
from emonet_edge._types import Float32
from emonet_edge.heads import Compensation, EmbeddingNorm, HeadsPrecision
from emonet_edge.heads.packed_heads import Layer, PackedHeadsWriter
from emonet_edge_export.errors import no_room
from emonet_edge_export.heads.embedding_norm import normalised
from emonet_edge_export.progress import Progress
from emonet_edge_export.upstream.checkpoints import HeadWeights, read_head
from emonet_edge_export.upstream.head_files import HeadFile, Siblings
from emonet_edge_export.upstream.repository import Repository

__all__ = ["HEADS_PRECISIONS", "HeadsPlan", "ResumableHeadsWriter", "pack_heads", "packed_bytes"]

HEADS_PRECISIONS: tuple[HeadsPrecision, ...] = ("int8", "int4", "fp16")
_BYTES: Mapping[HeadsPrecision, float] = {"int8": 1.0, "int4": 0.5 + 2 / 64, "fp16": 2.0}


@dataclass(frozen=True)
class HeadsPlan:
    """What is packed how: `mean` is subtracted from embeddings before INT8 and INT4 projections.

    `compensation` is of the rounding errors of INT4; None: each weight is rounded to nearest.
    """

    heads: Sequence[HeadFile]
    precision: HeadsPrecision
    norm: EmbeddingNorm
    embedding_shape: tuple[int, ...]
    mean: Float32
    key: str
    compensation: Compensation | None = None


def packed_bytes(file_size: int, precision: HeadsPrecision) -> int:
    """Estimate a packed head from its float32 file."""
    return int(file_size / 4 * _BYTES[precision] * 1.01) + 8192


class ResumableHeadsWriter(PackedHeadsWriter):
    """A packed heads file that survives its process.

    Args:
        path: the file to write.
        embedding_shape: as for `PackedHeadsWriter`; so are `mean` and `compensation`.
        mean: of the calibration set.
        key: of everything that the file depends on; another key starts from nothing.
        compensation: of INT4's rounding errors.
    """

    def __init__(
        self,
        path: Path,
        embedding_shape: tuple[int, ...],
        mean: Float32 | None,
        key: str,
        compensation: Compensation | None = None,
    ) -> None:
        super().__init__(path, embedding_shape, mean, compensation)
        self._part = path.with_name(f"{path.name}.part")
        self._journal = path.with_name(f"{path.name}.journal")
        self._key = key
        self.notes: dict[str, dict[str, Any]] = {}
        """What `add_noted_head` was told, by head; also of heads from before the interruption."""

    def __enter__(self) -> ResumableHeadsWriter:
        lines = self._read_journal()
        if not lines:
            self._journal.write_text(json.dumps({"key": self._key}) + "\n")
            super().__enter__()
            return self
        for line in lines:
            self._entries.append(bytes.fromhex(line["entry"]))
            self._names.add(line["name"])
            self.notes[line["name"]] = line["note"]
        self._file = self._part.open("r+b")
        self._file.truncate(lines[-1]["end"])
        self._file.seek(0, os.SEEK_END)
        self._write_journal(lines)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
                self._journal.unlink()
        finally:
            self._opened().close()

    def add_noted_head(
        self, name: str, layers: Sequence[Layer], precision: HeadsPrecision, note: dict[str, Any]
    ) -> None:
        """Append one head and remember it, with a note, once it is on the disk."""
        self.add_head(name, layers, precision)
        file = self._opened()
        file.flush()
        os.fsync(file.fileno())
        line = {"name": name, "entry": self._entries[-1].hex(), "end": file.tell(), "note": note}
        with self._journal.open("a") as journal:
            journal.write(json.dumps(line) + "\n")
        self.notes[name] = note

    def _read_journal(self) -> list[dict[str, Any]]:
        try:
            text = self._journal.read_text().splitlines()
            size = self._part.stat().st_size
        except OSError:
            return []
        lines = []
        for number, row in enumerate(text):
            try:
                line = json.loads(row)
            except ValueError:
                break  # the process died while it wrote this line
            if number == 0 and line != {"key": self._key}:
                return []
            if number and line["end"] <= size:
                lines.append(line)
        return lines

    def _write_journal(self, lines: Sequence[Mapping[str, object]]) -> None:
        rows = [json.dumps(line) for line in ({"key": self._key}, *lines)]
        with replaced(self._journal) as place:
            place.write_text("\n".join(rows) + "\n")


def pack_heads(
    path: Path,
    plan: HeadsPlan,
    repository: Repository,
    siblings: Siblings,
    embeddings: Mapping[str, Float32],
    progress: Progress,
) -> dict[str, dict[str, list[float]]]:
    """Write a packed heads file; memory stays at one head.

    Args:
        path: the file.
        plan: what to pack how.
        repository: where the heads are.
        siblings: compares their shapes.
        embeddings: [n, ...] by the way in which they were made: each head is scored on them.
        progress: shows it.

    Returns:
        Scores in float by head, then by way.

    Raises:
        CheckpointError, SourceError: as reading and fetching.
        DiskFullError: no room.
    """
    inputs = {way: normalised(values, plan.norm) for way, values in embeddings.items()}
    total = sum(head.size for head in plan.heads)
    kept = "the heads that are packed are kept, and the same command goes on with them"
    with (
        no_room(path.parent, kept),
        ResumableHeadsWriter(
            path, plan.embedding_shape, plan.mean, plan.key, plan.compensation
        ) as writer,
        progress.bytes(f"Packing {len(plan.heads)} heads", total) as advance,
    ):
        if writer.notes:
            progress.say(f"going on with the {len(writer.notes)} heads that are packed already")
        for head in plan.heads:
            if head.name not in writer.notes:
                _pack_one(writer, head, plan.precision, repository, siblings, inputs)
            repository.used.setdefault(head.file, str(writer.notes[head.name]["sha256"]))
            advance(head.size)
        notes = dict(writer.notes)
    return {name: note["scores"] for name, note in notes.items()}


def _pack_one(
    writer: ResumableHeadsWriter,
    head: HeadFile,
    precision: HeadsPrecision,
    repository: Repository,
    siblings: Siblings,
    inputs: Mapping[str, Float32],
) -> None:
    weights: HeadWeights = read_head(repository.fetch(head.file))
    siblings.check(f"{repository.name}/{head.file}", weights)
    scores = {way: [float(v) for v in weights(values)] for way, values in inputs.items()}
    note: dict[str, Any] = {"scores": scores, "sha256": repository.used[head.file]}
    writer.add_noted_head(head.name, weights.layers, precision, note)
    del weights
    repository.release(head.file)
