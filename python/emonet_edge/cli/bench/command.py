"""`emonet-edge bench`: how fast and how large on this machine."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emonet_edge.cli import exit_codes, options
from emonet_edge.cli.bench.options import (
    AT_LEAST,
    RUNS,
    SECONDS,
    add_length_options,
    add_machine_options,
)
from emonet_edge.cli.output import fail, json_line, note, print_lines, write

_DESCRIPTION = """\
Measure model directories on this machine, on each device that OpenVINO finds: latency of each stage
(prepare, encoder, heads, total), first result cold and warm, compile time, memory, processor time,
energy. Each is measured in processes of its own, with a compiled-model cache of its own. Without
directories it writes synthetic ones of full size and keeps them; latency does not depend on the
weights' values. `emonet-edge bench compare OLD NEW` holds two saved measurements side by side.

example:
  emonet-edge bench
  emonet-edge bench --preset tiny --seconds 3
  emonet-edge bench ~/models/voice-small --heads anger,interest --runs 1000 --output before.json
"""

# Eight heads by default in what bench writes itself: all 55 take 4 GB of disk.
_DEFAULT_HEADS = (
    "anger", "sadness", "fear", "disgust",
    "elation", "interest", "contentment", "fatigue_exhaustion",
)  # fmt: skip


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = options.add_command(
        commands, "bench", "latency, memory and energy on this machine", _DESCRIPTION
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", help="model directories")
    parser.add_argument(
        "--preset",
        choices=("tiny", "full"),
        default="full",
        help="size of the synthetic models, without MODEL (default: full)",
    )
    parser.add_argument(
        "--heads",
        type=options.names,
        metavar="A,B",
        help="voice: only these; 'all' for all (default: all of a MODEL, eight of a synthetic one)",
    )
    add_machine_options(parser)
    add_length_options(parser)
    options.add_json_option(parser)
    parser.add_argument("--output", metavar="FILE", help="also save the lines of --json in a file")
    parser.set_defaults(run=run, parser=parser)


@dataclass
class _Bench:
    """What all rows share, and the lines for --output."""

    args: argparse.Namespace
    machine: Mapping[str, Any]
    plan: list[Any]
    lines: list[str] = field(default_factory=list)


def run(args: argparse.Namespace) -> int:
    """Measure each directory on each device; one that fails does not stop the others."""
    from emonet_edge import bench
    from emonet_edge.cli.bench.table import machine_lines
    from emonet_edge.exceptions import EmonetError

    _check_output(args)
    plan = bench.plan_devices(args.device and [name.upper() for name in args.device])
    measuring = _Bench(args, bench.machine(), plan)
    if not args.json:
        print_lines(*machine_lines(measuring.machine))
    given, fine = args.models or _synthetic_models(args), True
    for path in given:
        try:
            fine = _measure_model(str(path), measuring) and fine
        except EmonetError as error:
            if len(given) == 1:
                raise
            fail(path, error)
            fine = False
    return exit_codes.FINE if fine else exit_codes.SOME_FAILED


def _check_output(args: argparse.Namespace) -> None:
    """Refuse a place that cannot be written before minutes of measuring."""
    if args.output is None:
        return
    target = Path(args.output)
    if target.is_dir():
        args.parser.error(f"argument --output: {target} is a folder: name a file in it")
    if not target.parent.is_dir():
        args.parser.error(f"argument --output: there is no folder {target.parent}: make it first")


def _synthetic_models(args: argparse.Namespace) -> list[Any]:
    from emonet_edge.cli import models

    heads = _heads(args) or (None if args.heads else _DEFAULT_HEADS)
    return [
        models.synthetic_model("face", args.preset),
        models.synthetic_model("voice", args.preset, heads),
    ]


def _heads(args: argparse.Namespace) -> tuple[str, ...] | None:
    return None if args.heads in (None, ["all"]) else tuple(args.heads)


def _measure_model(path: str, measuring: _Bench) -> bool:
    """Measure on each device; returns whether all that was asked for by name was measured."""
    import emonet_edge as ee

    args = measuring.args
    manifest = ee.ModelDir.open(path).manifest
    if manifest.synthetic:
        say = note if args.json else print_lines
        say(ee.scores.SYNTHETIC_NOTICE)
    statuses = []
    for record in _rows(path, manifest, measuring):
        statuses.append(record["status"])
        _report(record, measuring)
    asked_by_name = args.device is not None
    failed = {"failed", "absent"} if asked_by_name else {"failed"}
    return not failed & set(statuses)


def _rows(path: str, manifest: Any, measuring: _Bench) -> Iterator[dict[str, Any]]:
    from emonet_edge import bench

    about = {
        "model_sha256": _weights_sha256(manifest),
        "suite": manifest.suite,
        "synthetic": manifest.synthetic,
    }
    for planned in measuring.plan:
        request = _request(path, manifest.modality, planned.device, measuring.args)
        record = bench.row(request, planned.status, measuring.machine, about)
        if planned.status == "measure":
            yield record | _measured(request, measuring.args)
        else:
            yield record | {"reason": planned.reason, "used": planned.used}


def _weights_sha256(manifest: Any) -> str:
    """Name graph and weights by one hash: two directories with the same ones are one model."""
    files = (manifest.files[name].sha256 for name in ("encoder.xml", "encoder.bin", "heads.bin"))
    return hashlib.sha256("".join(files).encode()).hexdigest()


def _request(path: str, modality: str, device: str, args: argparse.Namespace) -> Any:
    from emonet_edge.bench import Request

    default = args.runs is None and args.seconds is None
    return Request(
        model=path,
        modality=modality,
        device=device,
        threads=args.threads,
        cores=args.cores,
        heads=_heads(args) if modality == "voice" else None,
        precision_hint=args.precision_hint,
        batch=args.batch,
        runs=RUNS if default else args.runs,
        seconds=SECONDS if default else args.seconds,
        at_least=AT_LEAST if default else 1,
        warmup=args.warmup,
    )


def _measured(request: Any, args: argparse.Namespace) -> dict[str, Any]:
    """Return a measured device's figures, or why it failed: then others may still be measured."""
    from emonet_edge import bench
    from emonet_edge.cli.progress import progress_bar
    from emonet_edge.exceptions import DeviceError, EmbeddingError

    try:
        with progress_bar(f"Measuring {request.modality} on {request.device}") as report:
            measured = bench.measure_device(request, report, cold=not args.no_cold)
    except (DeviceError, EmbeddingError) as error:
        return {"status": "failed", "reason": str(error)}
    reason = measured["encoder"]["reason"]
    return {**bench.figures(measured), "status": "measured", "reason": reason}


def _report(record: Mapping[str, Any], measuring: _Bench) -> None:
    from emonet_edge import bench
    from emonet_edge.cli.bench.table import print_record

    measuring.lines.append(json_line(record))
    if measuring.args.output is not None:
        bench.save(Path(measuring.args.output), measuring.lines)
    if measuring.args.json:
        write(measuring.lines[-1])
    else:
        print_record(record)
