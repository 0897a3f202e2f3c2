"""`emonet-edge bench`: how fast and how large on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from emonet_edge.cli import exit_codes, options
from emonet_edge.cli.output import bytes_text, emit, fail, print_lines, print_table

_DESCRIPTION = """\
Measure model directories on this machine: latency of each stage (prepare, encoder, heads, total),
memory, time to load and compile. Each is measured in a process of its own. Without directories it
writes synthetic ones and keeps them; latency does not depend on the weights' values.

example:
  emonet-edge bench
  emonet-edge bench ~/models/voice-small --heads anger,interest --runs 50 --json
"""

# Eight heads by default in what bench writes itself: all 55 take 4 GB of disk.
_DEFAULT_HEADS = (
    "anger", "sadness", "fear", "disgust",
    "elation", "interest", "contentment", "fatigue_exhaustion",
)  # fmt: skip


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = options.add_command(
        commands, "bench", "latency and memory on this machine", _DESCRIPTION
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
    options.add_device_options(parser)
    parser.add_argument("--runs", type=options.positive_int, default=20, metavar="N",
                        help="timed runs (default: 20)")  # fmt: skip
    parser.add_argument("--warmup", type=options.natural, default=3, metavar="N",
                        help="untimed runs before them (default: 3)")  # fmt: skip
    options.add_json_option(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Measure each directory; one that fails does not stop the others."""
    from emonet_edge.exceptions import EmonetError

    done, given = 0, args.models or _synthetic_models(args)
    for path in given:
        try:
            result = _measure(str(path), args)
        except EmonetError as error:
            if len(given) == 1:
                raise
            fail(path, error)
            continue
        done += 1
        _report(result, args)
    return exit_codes.FINE if done == len(given) else exit_codes.SOME_FAILED


def _synthetic_models(args: argparse.Namespace) -> list[Any]:
    from emonet_edge.cli import models

    heads = _heads(args) or (None if args.heads else _DEFAULT_HEADS)
    return [
        models.synthetic_model("face", args.preset),
        models.synthetic_model("voice", args.preset, heads),
    ]


def _heads(args: argparse.Namespace) -> tuple[str, ...] | None:
    return None if args.heads in (None, ["all"]) else tuple(args.heads)


def _measure(path: str, args: argparse.Namespace) -> dict[str, Any]:
    import emonet_edge as ee
    from emonet_edge.bench import Request, run_measurement
    from emonet_edge.cli.progress import progress_bar

    modality = ee.model_dir.ModelDir.open(path).manifest.modality
    request = Request(
        model=path,
        modality=modality,
        device=args.device,
        threads=args.threads,
        heads=_heads(args) if modality == "voice" else None,
        runs=args.runs,
        warmup=args.warmup,
    )
    with progress_bar(f"Measuring {modality}") as report:
        return run_measurement(request, report)


def _report(result: Mapping[str, Any], args: argparse.Namespace) -> None:
    if args.json:
        emit(result)
        return
    synthetic = " (synthetic weights: the scores mean nothing)" if result["synthetic"] else ""
    print_lines(
        f"{result['modality']}: {result['model']}{synthetic}",
        f"  {result['heads']['count']} heads in {result['heads']['precision']} ("
        f"{bytes_text(result['heads']['bytes'])}), input {result['input']}, isa {result['isa']}",
    )
    rows = [
        (stage, *(f"{figures[key]:.2f}" for key in ("p50", "p95", "mean")),
         f"{result['first_ms'][stage]:.2f}")
        for stage, figures in result["stages_ms"].items()
    ]  # fmt: skip
    print_table(["stage", ">p50 ms", ">p95 ms", ">mean ms", ">first ms"], rows)
    print_lines(*_facts(result))


def _facts(result: Mapping[str, Any]) -> list[str]:
    memory = {
        name.removesuffix("_bytes").replace("_", " "): bytes_text(count)
        for name, count in result["memory"].items()
        if count is not None
    }
    encoder = result["encoder"]
    reason = f" ({encoder['reason']})" if encoder["reason"] else ""
    return [
        f"  loaded in {result['load_s']:.2f} s, of which compiling {encoder['compile_s']:.2f} s "
        f"(cache: {encoder['cache']}); {result['runs']} runs after {result['warmup']}",
        f"  device: asked {encoder['asked']}, used {encoder['used']}, "
        f"{encoder['device_name']}{reason}",
        f"  precision {encoder['precision_hint']}, {encoder['threads']} threads, "
        f"{encoder['int8_ops']} of {encoder['total_ops']} operations in INT8",
        "  memory: " + ", ".join(f"{name} {size}" for name, size in memory.items()),
    ]
