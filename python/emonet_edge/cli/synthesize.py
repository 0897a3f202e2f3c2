"""`emonet-edge synthesize`: write a model directory with random weights."""

from __future__ import annotations

import argparse
from pathlib import Path

from emonet_edge._sizes import bytes_text
from emonet_edge.cli import exit_codes, options
from emonet_edge.cli.output import note, print_lines

_DESCRIPTION = """\
Write a model directory with seeded random weights in the true architecture: for measuring speed and
memory, and for tests, before anything is downloaded. Its scores mean nothing.

example:
  emonet-edge synthesize voice --preset full --heads anger,pride --out /tmp/voice-synthetic
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = options.add_command(
        commands, "synthesize", "write a model directory with random weights", _DESCRIPTION
    )
    parser.add_argument("modality", choices=("face", "voice"))
    parser.add_argument("--out", required=True, metavar="DIR", help="the directory to write")
    parser.add_argument(
        "--preset",
        choices=("tiny", "full"),
        default="tiny",
        help="tiny: seconds and tens of MB; full: the real size (default: tiny)",
    )
    parser.add_argument(
        "--precision",
        choices=("int8", "fp32"),
        default="int8",
        help="of the encoder (default: int8)",
    )
    parser.add_argument(
        "--heads", type=options.names, metavar="A,B", help="voice: only these heads"
    )
    parser.add_argument("--seed", type=options.natural, default=0, metavar="N", help="default: 0")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing directory")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Write it, with a progress bar."""
    import emonet_edge as ee
    from emonet_edge.cli import models

    if args.heads and args.modality == "face":
        args.parser.error("argument --heads: a face model has all its heads; it is for voice")
    path = Path(args.out)
    size = models.synthetic_bytes(args.modality, args.preset, args.heads)
    note(f"writing about {bytes_text(size)} (INT8; fp32 is four times the encoder) to {path}")
    models.write_synthetic(
        path, args.modality, args.preset, heads=args.heads, seed=args.seed,
        precision=args.precision, overwrite=args.overwrite,
    )  # fmt: skip
    print_lines(str(path))
    note(ee.scores.SYNTHETIC_NOTICE)
    return exit_codes.FINE
