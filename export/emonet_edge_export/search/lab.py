"""What every step of a search works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from emonet_edge_export.errors import ExportError
from emonet_edge_export.progress import Progress
from emonet_edge_export.search.budget import Budget, SearchOptions
from emonet_edge_export.search.journal import Journal
from emonet_edge_export.search.judge import Judge
from emonet_edge_export.search.parts import Part, find_parts, nodes_by_name
from emonet_edge_export.search.place import PartRecipe, Rounded, place, round_part
from emonet_edge_export.search.statistics import Statistics
from emonet_edge_export.search.trial import Bench

__all__ = ["Lab", "Placer"]


class Placer:
    """Places parts of one FP32 model in INT8.

    A part is rounded once for each set of statistics and recipe, because that takes a second; so
    a set of statistics must live as long as the placer.
    """

    def __init__(self, model: Any, parts: tuple[Part, ...]) -> None:
        self._model, self._parts = model, parts
        self.nodes = nodes_by_name(model)
        self._rounded: dict[tuple[int, str, PartRecipe], Rounded] = {}

    def __call__(self, statistics: Statistics, recipes: Mapping[str, PartRecipe]) -> Any:
        """Return the model with the parts that `recipes` has in INT8, the others in float."""
        chosen = {
            part.name: self._round(part, statistics, recipes[part.name])
            for part in self._parts
            if part.name in recipes
        }
        return place(self._model, self._parts, chosen)

    def _round(self, part: Part, statistics: Statistics, recipe: PartRecipe) -> Rounded:
        key = (id(statistics), part.name, recipe)
        if key not in self._rounded:
            self._rounded[key] = round_part(part, statistics[part.name], self.nodes, recipe)
        return self._rounded[key]


@dataclass(frozen=True)
class Lab:
    """One FP32 model with its parts, how candidates run, who judges them, and what it may cost."""

    model: Any
    parts: tuple[Part, ...]
    place: Placer
    bench: Bench
    judge: Judge
    options: SearchOptions
    budget: Budget
    progress: Progress
    journal: Journal

    @classmethod
    def open(
        cls, model: Any, judge: Judge, options: SearchOptions, progress: Progress, journal: Journal
    ) -> Lab:
        """Find the parts and start the clock.

        Raises:
            ExportError: there is nothing to quantize.
        """
        budget, parts = Budget.starting_now(options.seconds), find_parts(model)
        if not parts:
            raise ExportError("the encoder has no product that could run in INT8: use fp32 or fp16")
        placer, bench = Placer(model, parts), Bench(options.hint)
        return cls(model, parts, placer, bench, judge, options, budget, progress, journal)

    @property
    def most_inputs(self) -> int:
        """As many as leave embeddings that fit the memory, but at least 4."""
        embedding = 4 * int(np.prod(list(self.model.outputs[0].shape)))
        return max(4, min(self.options.samples, self.options.memory_bytes // (4 * embedding)))

    @property
    def most_models(self) -> int:
        """As many as fit the memory at once, by their weights, but at least 2."""
        constants = [n for n in self.model.get_ops() if n.get_type_name() == "Constant"]
        weights = sum(node.get_byte_size() for node in constants)
        return int(max(2, 3 * self.options.memory_bytes // weights))
