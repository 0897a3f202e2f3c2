"""Strength and range for each part, chosen by what they do to the part's own product.

The error of a part's output on real inputs is measured in NumPy, without running the encoder: a few
hundred rows tell strengths apart. Ranges come from one half of the calibration groups and are
judged on the other, and the other way round: a strength that fits only what it has seen saturates
on the next voice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonet_edge._types import Float32
from emonet_edge_export.calibration import Samples
from emonet_edge_export.progress import Progress
from emonet_edge_export.search.parts import Part, nodes_by_name, weight_of
from emonet_edge_export.search.place import (
    PartRecipe,
    Quantizer,
    Reach,
    quantized_weights,
    quantizers,
)
from emonet_edge_export.search.statistics import Statistics, inputs_of

__all__ = ["DEFAULT", "PART_RECIPES", "fit"]


REACHES: tuple[Reach, ...] = ("largest", "mean")
STRENGTHS = (0.0, 0.3, 0.5, 0.65, 0.8, 0.9)
PART_RECIPES = tuple(PartRecipe(strength, reach) for strength in STRENGTHS for reach in REACHES)
"""What is tried for every part."""
MADE_UP = 0.4
"""Share of the weights' rounding error that `round_weights` makes up for, roughly; here weights are
rounded to the nearest, because a dozen roundings of that kind would take too long."""
DEFAULT = PartRecipe(0.65, "mean")
"""What convolutions get before they are tried in the encoder: their input has no rows."""


def fit(
    model: Any,
    parts: Sequence[Part],
    weights: Mapping[str, Float32],
    folds: Sequence[tuple[Statistics, Samples]],
    progress: Progress,
) -> dict[str, PartRecipe]:
    """Return the recipe with the least error for each part.

    Args:
        model: the FP32 IR.
        parts: of it.
        weights: `widest_weights` by part name.
        folds: statistics, and inputs of other groups to judge them on.
        progress: shows it.
    """
    nodes = nodes_by_name(model)
    errors = {part.name: np.zeros(len(PART_RECIPES)) for part in parts if part.axis == -1}
    total = len(errors) * sum(len(others) for _, others in folds)
    with progress.count("Strength and range of each part", total) as advance:
        for statistics, others in folds:
            for part, tensors in inputs_of(model, parts, others):
                tried = [
                    quantizers(part, statistics[part.name], weights[part.name], recipe)
                    for recipe in PART_RECIPES
                ]
                errors[part.name] += _errors(part, tensors, tried, nodes)
                advance(1)
    return {
        part.name: PART_RECIPES[int(np.argmin(errors[part.name]))]
        if part.name in errors
        else DEFAULT
        for part in parts
    }


def _errors(
    part: Part,
    tensors: Sequence[Float32],
    tried: Sequence[Sequence[Quantizer]],
    nodes: Mapping[str, Any],
) -> NDArray[np.float64]:
    """Return for each recipe the squared error of the output as a share of its squared size."""
    if part.form == "attention":
        queries, keys = tensors
        exact = queries @ keys.T
        made = [one(queries) @ other(keys).T for one, other in tried]
    else:
        joined = np.concatenate([weight_of(nodes[name]) for name in part.products])
        exact = tensors[0] @ joined.T
        made = [_product(tensors[0], joined, found) for (found,) in tried]
    size = float(np.sum(np.square(exact - exact.mean(axis=0)))) + 1e-12
    return np.array([float(np.sum(np.square(found - exact))) / size for found in made])


def _product(inputs: Float32, weights: Float32, quantizer: Quantizer) -> Float32:
    integers, step = quantized_weights(weights, quantizer.scale)
    smoothed = weights * quantizer.scale
    rounded = smoothed + np.float32(1 - MADE_UP) * (integers * step - smoothed)
    product: Float32 = quantizer(inputs) @ rounded.T
    return product
