"""What the search sees of the encoder: statistics of its parts, and what FP32 makes of the inputs.

The inputs are halved once more into two folds that share no group. Ranges of one fold are always
judged on the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emonet_edge._types import Float32
from emonet_edge.agreement import Agreement, agree
from emonet_edge_export.calibration import Samples
from emonet_edge_export.search.lab import Lab
from emonet_edge_export.search.place import PartRecipe
from emonet_edge_export.search.statistics import Statistics, collect
from emonet_edge_export.search.trial import Truth

__all__ = ["Fold", "Seen", "agreement_of_model", "agreement_of_parts", "look"]


@dataclass(frozen=True)
class Fold:
    """`statistics` of one half, and the inputs of the `other` one with their truth in FP32."""

    statistics: Statistics
    other: Samples
    truth: Truth


@dataclass(frozen=True)
class Seen:
    """All inputs that the search sees, in both folds, with the statistics of all together."""

    samples: Samples
    folds: tuple[Fold, Fold]
    together: Statistics

    @property
    def timed_input(self) -> Float32:
        """The input on which everything is timed."""
        return self.folds[0].truth.inputs[0]


def look(lab: Lab, samples: Samples) -> Seen:
    """Run FP32 over the inputs that the search sees."""
    one, other = samples.halves()
    of_one, of_other = (
        collect(lab.model, lab.parts, half.widened(), lab.progress) for half in (one, other)
    )
    together = {
        part.name: tuple(
            first + second
            for first, second in zip(of_one[part.name], of_other[part.name], strict=True)
        )
        for part in lab.parts
    }
    with lab.progress.waiting("FP32 on the inputs that the search sees"):
        truth_of_one, truth_of_other = (
            Truth.of(lab.model, half.some(lab.most_inputs), lab.judge, lab.bench)
            for half in (one, other)
        )
    folds = (Fold(of_one, other, truth_of_other), Fold(of_other, one, truth_of_one))
    return Seen(samples, folds, together)


def agreement_of_parts(
    lab: Lab, seen: Seen, recipes: Mapping[str, PartRecipe], count: int | None = None
) -> Agreement:
    """Compare a candidate with FP32 over both folds, each with the other's ranges.

    Args:
        lab: what the search works with.
        seen: the folds.
        recipes: of the parts that are in INT8; the others stay in float.
        count: inputs of each fold, None: all.
    """
    truths = [f.truth if count is None else f.truth.some(count) for f in seen.folds]
    made = [
        lab.bench.embed(lab.place(fold.statistics, recipes), truth.inputs)
        for fold, truth in zip(seen.folds, truths, strict=True)
    ]
    spreads = np.concatenate([fold.truth.scores for fold in seen.folds]).std(axis=0)
    return agree(
        lab.judge.names,
        np.concatenate([truth.scores for truth in truths]),
        _scores(lab, made),
        embeddings=(
            np.concatenate([truth.embeddings for truth in truths]),
            np.concatenate(made),
        ),
        heads=lab.judge.heads,
        spreads=spreads.tolist(),
    )


def agreement_of_model(lab: Lab, seen: Seen, model: Any) -> Agreement:
    """Compare a model that was calibrated on all that the search sees with FP32, on the same."""
    truths = [fold.truth for fold in seen.folds]
    made = [lab.bench.embed(model, truth.inputs) for truth in truths]
    exact = np.concatenate([truth.scores for truth in truths])
    return agree(lab.judge.names, exact, _scores(lab, made))


def _scores(lab: Lab, embeddings: Sequence[Float32]) -> Float32:
    return np.concatenate([lab.judge(made) for made in embeddings])
