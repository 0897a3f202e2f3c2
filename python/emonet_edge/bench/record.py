"""The record of one model on one device: what `--json` prints and files keep."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from emonet_edge.bench.request import Request

FORMAT = "emonet-edge-bench"
FORMAT_VERSION = 1
STATUSES = ("measured", "absent", "failed", "same")


def row(
    request: Request, status: str, machine: Mapping[str, Any], model: Mapping[str, Any]
) -> dict[str, Any]:
    """Begin a record: what was asked of which model where. `status` is one of STATUSES."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "device": request.device,
        "status": status,
        "reason": "",
        "model": request.model,
        "modality": request.modality,
        **model,
        "machine": dict(machine),
        "settings": {
            "threads": request.threads,
            "cores": request.cores,
            "precision_hint": request.precision_hint,
            "batch": request.batch,
            "heads": request.heads,
            "runs": request.runs,
            "seconds": request.seconds,
            "warmup": request.warmup,
        },
    }


def figures(measured: Mapping[str, Any]) -> dict[str, Any]:
    """Turn what `measure_device` returned into the record's figures.

    Times are in ms where the name says so, else in s; memory in bytes; `rate` in results per
    second; `cpu_share` in CPUs. `first.seconds` is the first result of the process that everything
    was measured in, from the call that loads the model.
    """
    rest = dict(measured)
    cold, warm, memory = rest.pop("cold"), rest.pop("first"), rest.pop("memory")
    rest.pop("pages")
    # Without the cold start that fills it, the user's cache may have had no entry: then the first
    # result compiled, and is neither the one nor the other.
    is_warm = cold is not None or measured["encoder"]["cache"] == "hit"
    return {
        **rest,
        "first": {
            "cold_s": cold["first"]["seconds"] if cold else None,
            "cold_note": cold["pages"]["note"] if cold else "not measured (--no-cold)",
            "cold_dropped": cold["pages"]["dropped"] if cold else None,
            "cold_stages_ms": cold["first"]["stages_ms"] if cold else None,
            "warm_s": warm["seconds"] if is_warm else None,
            "seconds": warm["seconds"],
            "load_s": warm["load_s"],
            "stages_ms": warm["stages_ms"],
        },
        "compile": {
            "cold_s": cold["encoder"]["compile_s"] if cold else None,
            "cold_cache": cold["encoder"]["cache"] if cold else None,
            "warm_s": measured["encoder"]["compile_s"],
            "warm_cache": measured["encoder"]["cache"],
        },
        "memory": {**memory, "first_peak_bytes": cold["memory"]["peak_bytes"] if cold else None},
    }
