"""What an export is asked to do: one frozen object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emonet_edge.heads import HeadsPrecision
from emonet_edge_export.encoder.quantize import Recipe, default_recipe
from emonet_edge_export.errors import ExportError
from emonet_edge_export.heads.embedding_norm import AskedNorm
from emonet_edge_export.heads.pack import HEADS_PRECISIONS
from emonet_edge_export.search.front import Goal
from emonet_edge_export.search.run import SearchOptions
from emonet_edge_export.upstream.registry import RepositoryRef, Suite, find

__all__ = ["ExportOptions", "parse_reference"]


@dataclass(frozen=True)
class ExportOptions:
    """Options of `export_model`; the command line's help describes them.

    `recipe` None is the default recipe; then, without calibration data, int8-weights takes its
    place and a line says so. `heads_from` and `encoder` replace the suite's repositories.
    `min_agreement` and `min_worst` are Pearson correlations with torch, mean over the heads and
    worst head; `time_budget` in seconds and
    `memory_budget` in bytes are for the recipe auto.
    """

    modality: str
    suite: str
    out: Path
    source: Path | None = None
    heads_from: RepositoryRef | None = None
    encoder: RepositoryRef | None = None
    heads: tuple[str, ...] | None = None
    heads_precision: HeadsPrecision = "int8"
    recipe: Recipe | None = None
    target: str = "cpu"
    precision_hint: str | None = None
    calibration: Path | None = None
    neutral_faces: Path | None = None
    embedding_norm: AskedNorm = "auto"
    detector: Path | None = None
    with_detector: bool = True
    also_onnx: bool = False
    discard_sources: bool = False
    ignore: tuple[str, ...] = ()
    overwrite: bool = False
    min_agreement: float | None = None
    min_worst: float | None = None
    time_budget: float = 1800.0
    memory_budget: int = SearchOptions.memory_bytes
    verify_samples: int = 16
    endpoint: str | None = None

    def __post_init__(self) -> None:
        find(self.modality, self.suite)
        if self.heads_precision not in HEADS_PRECISIONS:
            raise ExportError(
                f"--heads-precision is one of {', '.join(HEADS_PRECISIONS)}; got "
                f"{self.heads_precision!r}"
            )
        for least in (self.min_agreement, self.min_worst):
            if least is not None and not 0 <= least <= 1:
                raise ExportError(f"--min-agreement lies in 0 to 1; got {least}")
        if not self.time_budget > 0:
            raise ExportError(f"--time-budget is a time above 0 s; got {self.time_budget:g} s")
        if self.verify_samples < 1:
            raise ExportError(f"--verify-samples must be 1 or more; got {self.verify_samples}")

    @property
    def known(self) -> Suite:
        """The suite in the registry."""
        return find(self.modality, self.suite)

    @property
    def wished_recipe(self) -> Recipe:
        """The recipe that was asked for, or the default one."""
        return self.recipe or default_recipe(self.modality, target=self.target)

    @property
    def search(self) -> SearchOptions:
        """Budget and goal of the recipe auto."""
        default = Goal()
        goal = Goal(
            default.mean if self.min_agreement is None else self.min_agreement,
            default.worst if self.min_worst is None else self.min_worst,
        )
        return SearchOptions(self.time_budget, goal, self.hint, memory_bytes=self.memory_budget)

    @property
    def hint(self) -> str | None:
        """The precision hint that the directory is proven with and runs under.

        f32 on CPUs: INT8 stays INT8, and the rest is not rounded to bf16 behind the user's back.
        GPUs and NPUs have no f32 worth the name; they choose themselves.
        """
        if self.precision_hint is not None:
            return None if self.precision_hint == "none" else self.precision_hint
        return "f32" if self.target == "cpu" else None


def parse_reference(text: str) -> RepositoryRef:
    """Read OWNER/NAME or OWNER/NAME@REVISION.

    Raises:
        ExportError: another form.
    """
    name, _, revision = text.partition("@")
    owner, _, rest = name.partition("/")
    if not owner or not rest or "/" in rest or ".." in name or not name.isprintable():
        raise ExportError(f"a repository is OWNER/NAME or OWNER/NAME@REVISION; got {text!r}")
    return RepositoryRef(name, revision or "main")
