"""Turn the JSON of a run into Markdown: targets as ratios, then every race in full.

    python -m benchmarks.report benchmarks/results/CPU.json [--full] [--statistic min]
    python -m benchmarks.report --write README.md docs/performance.md

The second form renews the tables and counts that pages hold between comments such as
`<!-- table of CPU -->` and `<!-- end -->`, from benchmarks/results/CPU.json: the file is the one
home of its figures, and a test compares the pages with it.

Medians of interleaved runs, or the fastest of them, which other jobs on the machine disturb less;
the units are those that the groups state.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.targets import (
    MEMORY_TARGETS,
    STREAM_TARGETS,
    TARGETS,
    MemoryTarget,
    Target,
)

__all__ = ["main", "render", "renewed"]

RESULTS = Path(__file__).parent / "results"
_BLOCK = re.compile(r"(<!-- (table|count) of (\S+) -->)(.*?)(<!-- end -->)", re.DOTALL)

Races = dict[str, dict[str, dict[str, Any]]]


def races(results: dict[str, Any]) -> Races:
    """The benchmarks of a run: group -> contestant -> benchmark."""
    found: Races = {}
    for entry in results["benchmarks"]:
        found.setdefault(entry["group"], {})[entry["extra_info"]["contestant"]] = entry
    return found


def render(results: dict[str, Any], full: bool = False, statistic: str = "median") -> str:
    """Markdown: the machine, the targets, and with `full` all contestants of all races."""
    found = _timed(results, statistic)
    parts = [_machine(results["machine_info"]), _table_of(_target_rows(found))]
    if results.get("note"):
        parts.insert(1, results["note"])
    if full:
        parts += [_race_table(group, found[group]) for group in sorted(found)]
    return "\n\n".join(parts) + "\n"


def renewed(page: str) -> str:
    """Return a page with its tables and counts as the committed results have them.

    A table is that of the targets; a count says how many of them are met: "3 of 4".
    """

    def fill(block: re.Match[str]) -> str:
        begin, kind, name, _, end = block.groups()
        rows = _target_rows(_timed(json.loads((RESULTS / f"{name}.json").read_text()), "median"))
        if kind == "count":
            met = sum(row[-1] == "met" for row in rows)
            return f"{begin}{met} of {len(rows)}{end}"
        return f"{begin}\n\n{_table_of(rows)}\n\n{end}"

    return _BLOCK.sub(fill, page)


def _timed(results: dict[str, Any], statistic: str) -> Races:
    for entry in results["benchmarks"]:
        entry["seconds"] = float(entry["stats"][statistic])
    return races(results)


def _machine(info: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in info["versions"].items())
    precision = "with" if info["bf16"] else "without"
    return (
        f"{info['cpu_name']}, {info['cpus']} CPUs, {info['threads']} threads, ISA {info['isa']}, "
        f"{precision} bfloat16; {versions}."
    )


def _target_rows(found: Races) -> list[Sequence[str]]:
    stream = [group for group in found if group.startswith("stream")]
    rows: list[Sequence[str]] = []
    if not stream or len(found) > len(stream):
        rows += [_target_row(target, found) for target in TARGETS]
        rows += [_memory_row(target, found) for target in MEMORY_TARGETS]
    if stream:
        rows += [_target_row(target, found) for target in STREAM_TARGETS]
    return rows


def _table_of(rows: Sequence[Sequence[str]]) -> str:
    """Table of targets; what the row above says of the work is not said again."""
    shown: list[Sequence[str]] = []
    for above, row in zip([(), *rows], rows, strict=False):
        shown.append(("", "", *row[2:]) if row[:2] == above[:2] else row)
    return _table(("work", "emonet-edge", "beside", "ratio", "target", ""), shown)


def _target_row(target: Target, found: Races) -> Sequence[str]:
    race = _race(target.group, found)
    wanted = _wanted(target)
    if target.ours not in race or target.other not in race:
        return (target.work, "", target.other, "not measured", wanted, "")
    ours, other = (race[name]["seconds"] for name in (target.ours, target.other))
    ratio = ours / other if target.kind == "at most" else other / ours
    met = ratio <= target.limit if target.kind == "at most" else ratio >= target.limit
    return (
        target.work,
        _seconds(ours),
        f"{target.other}: {_seconds(other)}",
        f"{ratio:.0%}" if target.kind == "share" else f"{ratio:.3g}",
        wanted,
        "met" if met else "**missed**",
    )


def _wanted(target: Target) -> str:
    if target.kind == "share":
        return f"at least {target.limit:.0%}"
    return f"{target.kind} {target.limit:g}"


def _memory_row(target: MemoryTarget, found: Races) -> Sequence[str]:
    wanted = f"at most {target.limit_gb:g} GB"
    entry = _race(target.group, found).get(target.contestant)
    if entry is None:
        return (target.work, "", "", "not measured", wanted, "")
    peak = entry["extra_info"]["peak_resident_bytes"] / 1e9
    met = "met" if peak <= target.limit_gb else "**missed**"
    return (target.work, f"{peak:.2f} GB peak", "", "", wanted, met)


def _race(group: str, found: Races) -> dict[str, dict[str, Any]]:
    for name, race in found.items():
        if name.startswith(group):
            return race
    return {}


def _race_table(group: str, race: dict[str, dict[str, Any]]) -> str:
    fastest = min(entry["seconds"] for entry in race.values())
    rows = [
        (
            name,
            _seconds(entry["stats"]["median"]),
            _seconds(entry["stats"]["min"]),
            f"{entry['seconds'] / fastest:.2f}",
            _rate(entry),
            entry["extra_info"].get("precision_hint", ""),
            str(entry["stats"]["rounds"]),
        )
        for name, entry in sorted(race.items(), key=lambda item: item[1]["seconds"])
    ]
    head = ("", "median", "fastest", "times the first", "rate", "precision hint", "runs")
    work = next(iter(race.values()))["extra_info"]["work"]
    return f"### {group}\n\nTime for {work}.\n\n{_table(head, rows)}"


def _rate(entry: dict[str, Any]) -> str:
    """Bytes of weights over time, where the work is to read them."""
    read = entry["extra_info"].get("bytes")
    return f"{read / entry['seconds'] / 1e9:.1f} GB/s" if read else ""


def _seconds(value: float) -> str:
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report of a results file, or renew pages."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("results", type=Path, nargs="?", help="what --benchmark-json wrote")
    parser.add_argument("--write", type=Path, nargs="+", metavar="PAGE", help="renew these pages")
    parser.add_argument("--full", action="store_true", help="every contestant of every race")
    parser.add_argument("--statistic", choices=("median", "min"), default="median")
    options = parser.parse_args(arguments)
    if (options.results is None) == (options.write is None):
        parser.error("name a file of results, or pages with --write")
    for page in options.write or ():
        page.write_text(renewed(page.read_text("utf-8")), "utf-8")
    if options.write:
        return 0
    results = json.loads(options.results.read_text())
    sys.stdout.write(render(results, options.full, options.statistic))
    return 0


if __name__ == "__main__":
    sys.exit(main())
