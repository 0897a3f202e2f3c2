"""Which file of a repository is which head."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

from emonet_edge.exceptions import UnknownNameError
from emonet_edge.taxonomy import canonical, describe, names_for
from emonet_edge_export.errors import CheckpointError, ExportError
from emonet_edge_export.upstream.checkpoints import HeadWeights
from emonet_edge_export.upstream.registry import HEAD_PATTERN, WEIGHT_SUFFIXES, Suite
from emonet_edge_export.upstream.repository import Repository

__all__ = ["HeadFile", "Siblings", "match_heads", "wanted_names"]


@dataclass(frozen=True)
class HeadFile:
    """A head and the file that holds it."""

    name: str
    file: str
    size: int


def wanted_names(modality: str, selection: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return canonical names of a selection, None for all.

    Raises:
        UnknownNameError: no such head in this modality.
    """
    if selection is None:
        return None
    names = [describe(name, modality).name for name in selection]
    return tuple(dict.fromkeys(names))


def match_heads(
    repository: Repository,
    suite: Suite,
    wanted: Sequence[str] | None,
    ignore: Sequence[str] = (),
) -> tuple[list[HeadFile], list[str]]:
    """Pair heads with files, in the order of the taxonomy.

    Returns:
        The heads, and the files that are known but left out.

    Raises:
        CheckpointError: a file of weights that nobody knows, or two for one head.
        ExportError: a selected head has no file, or there is no emotion at all.
    """
    found: dict[str, HeadFile] = {}
    left_out = []
    for file, entry in sorted(repository.files.items()):
        if not file.endswith(WEIGHT_SUFFIXES) or any(fnmatch.fnmatch(file, p) for p in ignore):
            continue
        if file in suite.left_out:
            left_out.append(file)
            continue
        name = _name_of(repository, file, suite.modality)
        if name in found:
            raise CheckpointError(
                f"{repository.name}: {file} and {found[name].file} are both the head {name}; "
                "leave one out with --ignore FILE"
            )
        found[name] = HeadFile(name, file, entry.size)
    _check_complete(repository, suite, found, wanted)
    chosen = names_for(suite.modality) if wanted is None else wanted
    order = [name for name in names_for(suite.modality) if name in chosen and name in found]
    return [found[name] for name in order], left_out


def _name_of(repository: Repository, file: str, modality: str) -> str:
    if fnmatch.fnmatch(file, HEAD_PATTERN):
        try:
            return describe(canonical(file), modality).name
        except UnknownNameError:
            pass
    raise CheckpointError(
        f"{repository.name}: {file}: a file of weights that is no known {modality} head (heads are "
        f"called {HEAD_PATTERN} after an emotion or attribute); leave it out with --ignore '{file}'"
    )


def _check_complete(
    repository: Repository, suite: Suite, found: dict[str, HeadFile], wanted: Sequence[str] | None
) -> None:
    if wanted is None:
        # Emotions are what a suite promises; dimensions and attributes come where there are files.
        needed = [
            n for n in names_for(suite.modality) if describe(n, suite.modality).kind == "emotion"
        ]
        remedy = "copy the missing files, or choose heads with --heads"
    else:
        needed, remedy = list(wanted), "choose others with --heads, or copy the missing files"
    missing = [name for name in needed if name not in found]
    if missing:
        files = ", ".join(_file_of(name, suite.modality) for name in missing[:3])
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ExportError(
            f"{repository.name}: no file for {', '.join(missing[:3])}{more} (expected {files}); "
            f"{remedy}"
        )


def _file_of(name: str, modality: str) -> str:
    described = describe(name, modality)
    return str(described.face_file if modality == "face" else described.voice_file)


class Siblings:
    """Checks that all heads of a suite take the same embedding and have the same shape."""

    def __init__(self, embedding_shape: Sequence[int], expected_rows: Sequence[int] | None) -> None:
        self._inputs = 1
        for side in embedding_shape:
            self._inputs *= side
        self._shape = list(embedding_shape)
        self._rows = None if expected_rows is None else tuple(expected_rows)
        self._first = "the published suite"

    def check(self, file: str, head: HeadWeights) -> None:
        """Refuse a head that differs, naming its file and tensor.

        Raises:
            CheckpointError: other inputs than the encoder gives, or other rows than its siblings.
        """
        if head.inputs != self._inputs:
            raise CheckpointError(
                f"{file}: the projection takes {head.inputs} values, but the encoder's embedding "
                f"{self._shape} has {self._inputs}: head and encoder do not belong together "
                "(another --encoder?)"
            )
        if self._rows is None:
            self._rows, self._first = head.rows, file
        elif head.rows != self._rows:
            at = next(
                (i for i, (a, b) in enumerate(zip(head.rows, self._rows, strict=False)) if a != b),
                min(len(head.rows), len(self._rows)),
            )
            raise CheckpointError(
                f"{file}: layer {at} of the head: its layers have {list(head.rows)} rows, those of "
                f"{self._first} {list(self._rows)}: heads of different suites were mixed"
            )
