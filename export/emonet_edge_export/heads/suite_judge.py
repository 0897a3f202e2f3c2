"""The suite's own heads, packed exactly, as the judge of the recipe search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from emonet_edge._types import Float32
from emonet_edge.heads import MultiHeadMLP
from emonet_edge_export.calibration import spread_out
from emonet_edge_export.heads.embedding_norm import NormDecision
from emonet_edge_export.heads.pack import HeadsPlan, pack_heads
from emonet_edge_export.progress import Progress
from emonet_edge_export.search.judge import Judge, packed_heads
from emonet_edge_export.upstream.head_files import HeadFile, Siblings
from emonet_edge_export.upstream.load_encoder import EncoderConfig
from emonet_edge_export.upstream.repository import Repository
from emonet_edge_export.workspace import Workspace, fingerprint

__all__ = ["SuiteJudge"]

_MOST_BYTES = 4_000_000_000
"""Of checkpoints that are read for it: a dozen voice heads, all face heads. Their scores move
together, so more of them would only cost time."""


@dataclass(frozen=True)
class SuiteJudge:
    """What the judge is made of; `norm` decides by embeddings of neutral faces (None: none)."""

    repository: Repository
    files: list[HeadFile]
    config: EncoderConfig
    norm: Callable[[Float32 | None], NormDecision]
    work: Workspace
    progress: Progress

    @property
    def chosen(self) -> list[HeadFile]:
        """Heads evenly spread over all of them, as many as may be read."""
        largest = max(file.size for file in self.files)
        count = max(1, _MOST_BYTES // largest)
        return [self.files[at] for at in spread_out(len(self.files), count)]

    def state(self) -> object:
        """Return what changes when the judge does."""
        return [self.repository.state(), [file.name for file in self.chosen]]

    def make(self, neutral: Float32 | None) -> Judge:
        """Pack the chosen heads in half precision, the exact form, and return them as a judge."""
        norm = self.norm(neutral).norm
        path = self.work.path("judges.bin")
        shape = self.config.embedding_shape
        plan = HeadsPlan(
            self.chosen, "fp16", norm, shape, np.zeros(shape, np.float32),
            fingerprint(self.state(), norm),
        )  # fmt: skip
        pack_heads(path, plan, self.repository, Siblings(shape, None), {}, self.progress)
        names = [file.name for file in self.chosen]
        return packed_heads(MultiHeadMLP.open(path, names, embedding_norm=norm))
