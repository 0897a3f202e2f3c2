"""Options of `emonet-edge bench`: on what it measures, and for how long."""

from __future__ import annotations

import argparse
import math

from emonet_edge.cli import options

# p99.9 where runs are short, half a minute where they are not, and p95 in any case.
RUNS, SECONDS, AT_LEAST = 1000, 30.0, 20


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """--device, --threads, --cores, --precision-hint, --batch."""
    parser.add_argument(
        "--device",
        type=options.names,
        metavar="A,B",
        help="only these, such as CPU,GPU or AUTO (default: each that OpenVINO "
        "finds, and what AUTO chooses)",
    )
    parser.add_argument(
        "--threads",
        type=options.positive_int,
        metavar="N",
        help="threads for everything (default: all)",
    )
    parser.add_argument(
        "--cores",
        choices=("any", "performance", "efficiency"),
        help="cores of a hybrid CPU for the encoder; the heads' threads are not "
        "pinned (default: $EMONET_CORES, else any)",
    )
    parser.add_argument(
        "--precision-hint",
        choices=("f32", "bf16", "f16"),
        help="precision of the encoder's inner sums (default: the model's own)",
    )
    parser.add_argument(
        "--batch",
        type=options.positive_int,
        default=1,
        metavar="N",
        help="inputs per run (default: 1); times are then per run of N",
    )


def add_length_options(parser: argparse.ArgumentParser) -> None:
    """--runs, --seconds, --warmup, --no-cold."""
    parser.add_argument(
        "--runs",
        type=options.positive_int,
        metavar="N",
        help=f"timed runs (default: {RUNS}, or as many as take {SECONDS:.0f} seconds, at least "
        f"{AT_LEAST})",
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        metavar="S",
        help="time runs for so long; with --runs: whichever ends first",
    )
    parser.add_argument(
        "--warmup",
        type=options.natural,
        default=3,
        metavar="N",
        help="untimed runs before them (default: 3)",
    )
    parser.add_argument(
        "--no-cold",
        action="store_true",
        help="leave out the first cold result, which compiles anew: minutes on "
        "some devices; the user's own cache is used",
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most 86400, not {text!r}")
    return value
