"""Measurements as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from emonet_edge._sizes import bytes_text
from emonet_edge.cli.output import print_lines, print_table

Record = Mapping[str, Any]


def machine_lines(machine: Record) -> list[str]:
    """Say where the figures are taken."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    memory = machine["memory_bytes"]
    return [
        f"{machine['cpu']}, {machine['cpus']} CPUs"
        + (f", {bytes_text(memory)}" if memory else "")
        + f", isa {machine['isa']}, {_cores(machine['cores'])}",
        f"{machine['system']}, governor {machine['governor'] or 'not known'}, "
        f"load {machine['load_average']}; {versions}",
    ]


def _cores(cores: Record) -> str:
    if not cores["hybrid"]:
        return "one kind of cores"
    return (
        f"{len(cores['performance'])} performance and {len(cores['efficiency'])} efficiency CPUs, "
        f"cores: {cores['type']}"
    )


def print_record(record: Record) -> None:
    """Print one model on one device."""
    title = f"{record['modality']}: {record['model']} on {record['device']}"
    if record["status"] == "same":
        print_lines(f"{title}: takes {record['used']}, see there{_brackets(record['reason'])}")
    elif record["status"] != "measured":
        print_lines(f"{title}: {record['status']}: {record['reason']}")
    else:
        print_lines("", title)
        _print_stages(record)
        print_lines(*(f"  {line}" for line in _facts(record)))


def _print_stages(record: Record) -> None:
    unsupported = record["unsupported"]
    percentiles = [name for name in ("p50", "p95", "p99", "p99.9") if name not in unsupported]
    names = [*percentiles, "mean", "max"]
    columns = ["stage", *(f">{name} ms" for name in names), ">per second", ">first ms"]
    rows = [
        (
            stage,
            *(f"{figures[name]:.2f}" for name in names),
            _three_digits(figures["rate"]),
            f"{record['first']['stages_ms'][stage]:.2f}",
        )
        for stage, figures in record["stages_ms"].items()
    ]
    print_table(columns, rows)


def _facts(record: Record) -> Iterator[str]:
    heads, encoder = record["heads"], record["encoder"]
    batch = encoder["batch"]
    yield (
        f"{record['runs']} runs{f' of {batch} inputs' if batch > 1 else ''} in "
        f"{record['wall_s']:.1f} s after {record['warmup']} not counted; {record['input']}; "
        f"{heads['count']} heads in {heads['precision']} ({bytes_text(heads['bytes'])})"
    )
    for name, reason in record["unsupported"].items():
        yield f"no {name}: it {reason}"
    yield f"device: {encoder['used']}, {encoder['device_name']}{_brackets(encoder['reason'])}"
    hint, asked = encoder["precision_hint"], encoder["precision_asked"]
    yield (
        f"precision hint in force {hint}{_asked(asked, hint)}, {encoder['int8_ops']} of "
        f"{encoder['total_ops']} operations in INT8, {encoder['threads']} threads, "
        f"cores: {encoder['cores'] or 'no setting of this device'}"
        + _asked(encoder["cores_asked"], encoder["cores"])
    )
    yield from _first(record)
    yield from _resources(record)
    if not record["same_scores_at_the_end"]:
        yield "WARNING: the same input gave other scores at the end than at the beginning"


def _first(record: Record) -> Iterator[str]:
    first, compiled = record["first"], record["compile"]
    if first["cold_s"] is None:
        yield f"first result cold: {first['cold_note']}"
    else:
        yield (
            f"first result cold {first['cold_s']:.2f} s, of which compiling "
            f"{compiled['cold_s']:.2f} s (cache: {compiled['cold_cache']}); {first['cold_note']}"
        )
    kind = "warm" if first["warm_s"] is not None else "not from the cache"
    yield (
        f"first result {kind} {first['seconds']:.2f} s, of which compiling "
        f"{compiled['warm_s']:.2f} s (cache: {compiled['warm_cache']})"
    )


def _resources(record: Record) -> Iterator[str]:
    memory, energy = record["memory"], record["energy"]
    peaks = f"peak {_bytes(memory['peak_bytes'])}"
    if memory["first_peak_bytes"] is not None:
        peaks += f" (first start: {_bytes(memory['first_peak_bytes'])})"
    yield (
        f"memory of the process: {peaks}, steady {_bytes(memory['resident_bytes'])}: "
        f"{_bytes(memory['anonymous_bytes'])} its own and "
        f"{_bytes(memory['mapped_files_bytes'])} mapped files, which can be given back"
    )
    yield f"processor time: {record['cpu_share']:.2f} CPUs while measuring"
    joules = energy["joules_per_result"]
    if joules is None:
        yield f"energy: not measured: {energy['reason']}"
    else:
        yield f"energy: {joules:.3g} J per result (CPU packages, with idle power and other work)"


def _asked(asked: str | None, used: str | None) -> str:
    return "" if asked in (None, "any", used) else f" (asked: {asked})"


def _brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _bytes(count: int | None) -> str:
    return "not known" if count is None else bytes_text(count)


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
