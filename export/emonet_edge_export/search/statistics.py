"""What the parts' inputs look like on calibration data: one pass for however many candidates.

Kept are the least and the greatest value of every channel in every sample: enough for any
SmoothQuant strength and for the usual ranges (of all samples, mean over samples). Of the inputs of
matrix products also the second moments, for rounding weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emonet_edge._types import Float32
from emonet_edge.inference.openvino_core import core, openvino
from emonet_edge_export.calibration import Samples
from emonet_edge_export.progress import Progress
from emonet_edge_export.search.parts import Part, nodes_by_name

__all__ = ["Extremes", "Statistics", "collect", "inputs_of"]

MOMENT_SAMPLES = 24
"""Second moments settle with few samples; each has hundreds of positions."""
MOST_MOMENTS = 3072
"""Channels up to which they are taken: they cost their square in memory, their cube in time."""


@dataclass(frozen=True)
class Extremes:
    """Of one tensor: `low` and `high` float32 [samples, channels].

    `moments` float32 [channels, channels] is the sum of x times x transposed over positions and
    samples; None where it was not taken.
    """

    low: Float32
    high: Float32
    moments: Float32 | None = None

    @property
    def widest(self) -> Float32:
        """The greatest absolute value of each channel: float32 [channels]."""
        widest: Float32 = np.maximum(-self.low, self.high).max(axis=0)
        return widest

    def __add__(self, other: Extremes) -> Extremes:
        """Return what both have seen."""
        moments = None
        if self.moments is not None and other.moments is not None:
            moments = self.moments + other.moments
        return Extremes(
            np.concatenate([self.low, other.low]), np.concatenate([self.high, other.high]), moments
        )


Statistics = Mapping[str, Sequence[Extremes]]
"""Of the tensors of each part, by its name."""


def collect(
    model: Any, parts: Sequence[Part], samples: Samples, progress: Progress
) -> dict[str, tuple[Extremes, ...]]:
    """Run the FP32 model over the samples; return the extremes of each part's tensors by name."""
    watched = model.clone()
    sources = [(part, source) for part, found in _sources(watched, parts) for source in found]
    seen = [at for at, (part, _) in enumerate(sources) if _has_moments(part)]
    outputs = [_reduced(src, part.axis, way) for part, src in sources for way in ("min", "max")]
    outputs += [sources[at][1] for at in seen]
    request = _compiled(watched, outputs).create_infer_request()
    rows: list[list[Float32]] = [[] for _ in range(2 * len(sources))]
    moments: dict[int, Float32] = {}
    every = max(1, len(samples) // MOMENT_SAMPLES)
    with progress.count("Statistics of the encoder's parts", len(samples)) as advance:
        for number, tensor in enumerate(samples):
            request.infer([tensor[np.newaxis]])
            for at, row in enumerate(rows):
                row.append(request.get_output_tensor(at).data.copy())
            for place, at in enumerate(seen if number % every == 0 else ()):
                values = request.get_output_tensor(len(rows) + place).data
                flat = values.reshape(-1, sources[at][0].channels)
                moments[at] = moments.get(at, np.float32(0)) + flat.T @ flat
            advance(1)
    found = iter(
        Extremes(np.stack(rows[2 * at]), np.stack(rows[2 * at + 1]), moments.get(at))
        for at in range(len(sources))
    )
    return {part.name: tuple(next(found) for _ in part.tensors) for part in parts}


def _has_moments(part: Part) -> bool:
    return bool(part.products) and part.axis == -1 and part.channels <= MOST_MOMENTS


def inputs_of(
    model: Any, parts: Sequence[Part], samples: Samples, rows: int = 256, seed: int = 0
) -> Iterator[tuple[Part, list[Float32]]]:
    """Yield (part, its tensors: float32 [rows, channels] each), sample by sample.

    Some rows only, drawn evenly; of a tensor with few rows all. Convolutions are left out: their
    input has no rows that stand alone.
    """
    plain = [part for part in parts if part.axis == -1]
    watched = model.clone()
    outputs = [source for _, sources in _sources(watched, plain) for source in sources]
    request = _compiled(watched, outputs).create_infer_request()
    random = np.random.default_rng(seed)
    for tensor in samples:
        request.infer([tensor[np.newaxis]])
        at = 0
        for part in plain:
            found = []
            for _ in part.tensors:
                values = request.get_output_tensor(at).data.reshape(-1, part.channels)
                chosen = np.sort(random.permutation(len(values))[:rows])
                found.append(values[chosen].copy())
                at += 1
            yield part, found


def _sources(model: Any, parts: Sequence[Part]) -> Iterator[tuple[Part, list[Any]]]:
    nodes = nodes_by_name(model)
    for part in parts:
        first = [readers[0] for readers in part.tensors]
        yield part, [nodes[reader.node].input_value(reader.port) for reader in first]


def _reduced(source: Any, axis: int, way: str) -> Any:
    op = openvino().opset13
    rank = len(source.get_shape())
    axes = op.constant(np.array([at for at in range(rank) if at != axis % rank]))
    reduce = op.reduce_min if way == "min" else op.reduce_max
    return reduce(source, axes, False).output(0)


def _compiled(model: Any, outputs: Sequence[Any]) -> Any:
    """Compile for these outputs alone; what only the embedding needs is not run."""
    ov = openvino()
    results = [ov.opset13.result(output) for output in outputs]
    made = ov.Model(results, model.get_parameters(), "watched")
    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    return core().compile_model(made, "CPU", settings)
