"""How far a candidate is from FP32 on real inputs, and how fast it is beside FP32 in one run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emonet_edge._types import Float32
from emonet_edge.agreement import Agreement, agree
from emonet_edge.inference.openvino_core import core
from emonet_edge_export.calibration import Samples
from emonet_edge_export.search.judge import Judge
from emonet_edge_export.search.parts import Part

__all__ = ["Bench", "Truth", "latencies", "part_times"]


@dataclass(frozen=True)
class Truth:
    """Prepared inputs with what FP32 makes of them: embeddings and the judge's scores."""

    inputs: tuple[Float32, ...]
    embeddings: Float32
    scores: Float32

    @classmethod
    def of(cls, model: Any, samples: Samples, judge: Judge, bench: Bench) -> Truth:
        """Run FP32 over the samples."""
        inputs = tuple(samples)
        embeddings = bench.precise().embed(model, inputs)
        return cls(inputs, embeddings, judge(embeddings))

    def some(self, count: int) -> Truth:
        """Return at most `count` of them, evenly spread."""
        at = np.unique(np.linspace(0, len(self.inputs) - 1, count).astype(int))
        return Truth(tuple(self.inputs[i] for i in at), self.embeddings[at], self.scores[at])

    def compare(self, embeddings: Float32, judge: Judge) -> Agreement:
        """Compare embeddings of the same inputs with these."""
        return agree(
            judge.names,
            self.scores,
            judge(embeddings),
            embeddings=(self.embeddings, embeddings),
            heads=judge.heads,
        )


@dataclass(frozen=True)
class Bench:
    """How candidates run: under the precision hint that the directory will be proven with."""

    hint: str | None

    def precise(self) -> Bench:
        """Return the bench that the truth comes from."""
        return Bench("f32")

    def compiled(self, model: Any, counters: bool = False) -> Any:
        """Compile for the CPU."""
        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "PERF_COUNT": counters}
        if self.hint is not None:
            settings["INFERENCE_PRECISION_HINT"] = self.hint
        return core().compile_model(model, "CPU", settings)

    def embed(self, model: Any, inputs: Sequence[Float32]) -> Float32:
        """Return the embeddings of prepared inputs: [n, ...]."""
        request = self.compiled(model).create_infer_request()
        return np.stack([request.infer([x[np.newaxis]])[0][0].copy() for x in inputs])


def latencies(
    bench: Bench, models: Mapping[str, Any], tensor: Float32, seconds: float, least: int = 5
) -> dict[str, float]:
    """Return the median time of one input in ms, all models in turn for about `seconds`."""
    requests = {
        name: bench.compiled(model).create_infer_request() for name, model in models.items()
    }
    times: dict[str, list[float]] = {name: [] for name in requests}
    for request in requests.values():
        request.infer([tensor[np.newaxis]])
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(next(iter(times.values()))) < least:
        for name, request in requests.items():
            began = time.perf_counter()
            request.infer([tensor[np.newaxis]])
            times[name].append(1000 * (time.perf_counter() - began))
    return {name: float(np.median(found)) for name, found in times.items()}


def part_times(
    bench: Bench, model: Any, parts: Sequence[Part], tensor: Float32
) -> dict[str, float]:
    """Return the time in ms that each part takes in a model, from OpenVINO's own counters.

    What OpenVINO fused into a part counts as its own. Parts of one kind do the same work, so each
    gets the mean of its kind: single counters are noisy.
    """
    compiled = bench.compiled(model, counters=True)
    owners = _owners(compiled, parts)
    request = compiled.create_infer_request()
    totals: dict[str, list[float]] = {part.name: [] for part in parts}
    for run in range(5):
        request.infer([tensor[np.newaxis]])
        spent = dict.fromkeys(totals, 0.0)
        for node in request.get_profiling_info():
            owner = owners.get(node.node_name)
            if owner is not None:
                spent[owner] += 1000 * node.real_time.total_seconds()
        if run:
            for name, value in spent.items():
                totals[name].append(value)
    medians = {name: float(np.median(values)) for name, values in totals.items()}
    kinds: dict[str, list[float]] = {}
    for part in parts:
        kinds.setdefault(part.kind, []).append(medians[part.name])
    return {part.name: float(np.mean(kinds[part.kind])) for part in parts}


def _owners(compiled: Any, parts: Sequence[Part]) -> dict[str, str]:
    """Return the part of each executed node, by the names that OpenVINO fused into it."""
    wanted = {name: part.name for part in parts for name in (*part.products, *part.cores)}
    owners = {}
    for node in compiled.get_runtime_model().get_ops():
        fused = str(node.get_rt_info()["originalLayersNames"].value).split(",")
        # LPT may leave only what follows a product in the list: MatMul/DequantizationMultiply.
        for name in fused:
            base = name.removesuffix("/DequantizationMultiply").removesuffix(
                "/DequantizationSubtract"
            )
            if base in wanted:
                owners[node.get_friendly_name()] = wanted[base]
    return owners
