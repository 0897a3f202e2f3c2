"""Keep a run's results in the repository: results/CPU.json, without the single times.

    python -m benchmarks.keep results.json [more.json ...] [--note "beside other jobs"]
    python -m benchmarks.keep stream.json --part stream

Of several files the benchmarks are joined; they have to be of the same machine and versions. The
note stands above the tables: what a reader has to know about the run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["joined", "main"]

FOLDER = Path(__file__).with_name("results")
MACHINE = (
    "bf16",
    "caches",
    "cpu_name",
    "cpus",
    "huge_pages",
    "int8_dot_products",
    "isa",
    "isas",
    "kernel",
    "memory_bytes",
    "threads",
    "versions",
)
STATS = ("median", "min", "max", "mean", "stddev", "iqr", "rounds")


def joined(runs: list[dict[str, Any]], note: str = "") -> dict[str, Any]:
    """What is worth keeping of runs on one machine.

    Raises:
        ValueError: they come from different machines or versions.
    """
    machines = [{key: run["machine_info"][key] for key in MACHINE} for run in runs]
    if any(machine != machines[0] for machine in machines):
        raise ValueError("results can be joined only if machine, threads and versions are the same")
    benchmarks = [
        {
            "group": entry["group"],
            "name": entry["name"],
            "extra_info": entry["extra_info"],
            "stats": {key: entry["stats"][key] for key in STATS},
        }
        for run in runs
        for entry in run["benchmarks"]
    ]
    return {
        "machine_info": machines[0],
        "datetime": runs[-1]["datetime"],
        "note": note,
        "benchmarks": benchmarks,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write results/CPU.json."""
    from benchmarks.machine import results_name

    parser = argparse.ArgumentParser(prog="python -m benchmarks.keep")
    parser.add_argument("results", type=Path, nargs="+", help="what --benchmark-json wrote")
    parser.add_argument("--note", default="")
    parser.add_argument("--part", default="", help="of a part: write results/CPU-PART.json")
    options = parser.parse_args(arguments)
    found = joined([json.loads(path.read_text()) for path in options.results], options.note)
    part = f"-{options.part}" if options.part else ""
    target = FOLDER / f"{results_name()}{part}.json"
    target.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
