"""What is made of the times of many runs: only what their number supports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

# A percentile needs so many runs that at least one is expected beyond it: fewer would only repeat
# the slowest run under another name.
RUNS_NEEDED = {"p50": 1, "p95": 20, "p99": 100, "p99.9": 1000}
"""How many runs a percentile needs before it is stated."""


def summarize(
    times: Mapping[str, Sequence[float]], batch: int
) -> dict[str, dict[str, float | None]]:
    """By stage: percentiles, mean, min, max in milliseconds per run, and results per second.

    `times` are milliseconds of runs of `batch` inputs each. Percentiles interpolate linearly; one
    that the number of runs does not support is None, see `unsupported`.
    """
    return {stage: _figures(np.asarray(values), batch) for stage, values in times.items()}


def _figures(values: np.ndarray, batch: int) -> dict[str, float | None]:
    mean = float(values.mean())
    percentiles = {
        name: float(np.percentile(values, float(name[1:]))) if len(values) >= needed else None
        for name, needed in RUNS_NEEDED.items()
    }
    return {
        **percentiles,
        "mean": mean,
        "min": float(values.min()),
        "max": float(values.max()),
        "rate": 1000.0 * batch / mean if mean > 0 else None,
    }


def unsupported(runs: int) -> dict[str, str]:
    """Name the percentiles that so many runs do not support, and why."""
    return {
        name: f"needs {needed} runs, there were {runs}"
        for name, needed in RUNS_NEEDED.items()
        if runs < needed
    }
