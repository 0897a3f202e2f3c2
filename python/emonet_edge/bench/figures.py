"""The figures of a record that two measurements are compared by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emonet_edge.bench.saved import number
from emonet_edge.bench.stages import STAGES

STAGE_FIGURES = ("p50", "p95", "p99", "p99.9", "mean", "rate")
OTHER_FIGURES = (
    "peak_mb", "steady_mb", "compile_s", "first_cold_s", "first_warm_s", "joules", "int8_ops",
    "cpu_share",
)  # fmt: skip

HIGHER_IS_BETTER = ("rate", "int8_ops")


def compared(record: Mapping[str, Any]) -> dict[str, float | None]:
    """Return every figure by its key: "encoder.p95", "peak_mb"; None where there is none.

    peak_mb is the larger peak of first start and later start, steady_mb the resident memory after
    the runs (both in 10^6 bytes); compile_s is without a cache where that was measured, else what
    loading took; joules are per result.
    """
    stages = {
        f"{stage}.{figure}": number(record, "stages_ms", stage, figure)
        for stage in STAGES
        for figure in STAGE_FIGURES
    }
    return stages | {
        "peak_mb": _megabytes(_peak(record)),
        "steady_mb": _megabytes(number(record, "memory", "resident_bytes")),
        "compile_s": _first(
            number(record, "compile", "cold_s"), number(record, "compile", "warm_s")
        ),
        "first_cold_s": number(record, "first", "cold_s"),
        "first_warm_s": number(record, "first", "warm_s"),
        "joules": number(record, "energy", "joules_per_result"),
        "int8_ops": number(record, "encoder", "int8_ops"),
        "cpu_share": number(record, "cpu_share"),
    }


def _peak(record: Mapping[str, Any]) -> float | None:
    peaks = [number(record, "memory", name) for name in ("peak_bytes", "first_peak_bytes")]
    return max((peak for peak in peaks if peak is not None), default=None)


def _megabytes(count: float | None) -> float | None:
    return None if count is None else count / 1e6


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
