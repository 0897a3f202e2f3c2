"""The argument parser: the table of contents of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module

from emonet_edge._version import __version__
from emonet_edge.cli import exit_codes, extensions
from emonet_edge.cli.commands import HOMES
from emonet_edge.cli.options import HelpFormatter

_DESCRIPTION = """\
Emotion scores for faces and voices: LAION's Empathic Insight models on small Intel computers.

Models: --model DIR, else $EMONET_MODELS, else the user's data directory.
First contact, offline and without a model:  emonet-edge demo
"""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; ends the process on --help and wrong usage, as argparse does."""
    words = list(arguments)
    pair = " ".join(words[:2])
    if pair in HOMES:  # "bench compare": bench takes directories, so it is told apart here
        words[:2] = [pair]
    return build_parser().parse_args(words)


def build_parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    parser = argparse.ArgumentParser(
        prog="emonet-edge",
        description=_DESCRIPTION,
        epilog=extensions.HELP + "\n" + exit_codes.EPILOG,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"emonet-edge {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for home in HOMES.values():
        import_module(f"emonet_edge.cli.{home}").add_parser(commands)
    return parser
