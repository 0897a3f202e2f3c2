"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import argparse
import math

from emonet_edge._sizes import parse_size
from emonet_edge.cli import exit_codes
from emonet_edge.exceptions import InputError


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Descriptions as they are written, and a column wide enough for the longest command."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26)


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    summary: str,
    description: str,
) -> argparse.ArgumentParser:
    """One command's parser, with the exit codes at the end of its help."""
    return commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=exit_codes.EPILOG,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )


def add_model_options(parser: argparse._ActionsContainer) -> None:
    """--model, --device, --threads."""
    parser.add_argument(
        "--model",
        metavar="DIR",
        help="model directory (default: $EMONET_MODELS, else the user's data directory)",
    )
    add_device_options(parser)


def add_device_options(parser: argparse._ActionsContainer) -> None:
    """--device, --threads."""
    parser.add_argument(
        "--device",
        default="AUTO",
        metavar="NAME",
        help="CPU, GPU, NPU or AUTO, which chooses and says what it chose (default: AUTO)",
    )
    parser.add_argument(
        "--threads", type=positive_int, metavar="N", help="threads for everything (default: all)"
    )


def add_heads_options(parser: argparse._ActionsContainer) -> None:
    """--heads, --memory-budget."""
    parser.add_argument(
        "--heads",
        type=names,
        metavar="A,B",
        help="score only these of a voice; the others are neither read nor paid for",
    )
    parser.add_argument(
        "--memory-budget",
        type=size,
        metavar="SIZE",
        help="for instance 2GiB: keep the heads that fit, and say which were left out",
    )


def add_score_options(parser: argparse.ArgumentParser) -> None:
    """--top, --calibrated, --json."""
    parser.add_argument(
        "--top", type=positive_int, default=5, metavar="N", help="emotions to show (default: 5)"
    )
    parser.add_argument(
        "--calibrated",
        action="store_true",
        help="rank and show calibrated scores: above the neutral face, or in spreads of everyday "
        "speech (--json always has both)",
    )
    add_json_option(parser)


def add_json_option(parser: argparse._ActionsContainer) -> None:
    """--json."""
    parser.add_argument(
        "--json", action="store_true", help="for programs: one JSON object per line, all values"
    )


def positive_int(text: str) -> int:
    """Read a whole number from 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, not {text!r}")
    return value


def natural(text: str) -> int:
    """Read a whole number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number from 0, not {text!r}")
    return int(text)


def box(text: str) -> tuple[float, float, float, float]:
    """Read x,y,width,height in pixels; whether it lies inside is for the picture to say."""
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be four numbers x,y,width,height in pixels, for instance 170,60,120,150, "
            f"not {text!r}"
        ) from None
    if not all(map(math.isfinite, (x, y, width, height))) or min(width, height) <= 0:
        raise argparse.ArgumentTypeError(
            f"must be x,y,width,height with a width and a height above 0, not {text!r}"
        )
    return x, y, width, height


def names(text: str) -> list[str]:
    """Read comma-separated names of heads."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    if not found:
        raise argparse.ArgumentTypeError(f"must be names like anger,pride, not {text!r}")
    return found


def size(text: str) -> int:
    """Read bytes above 0, with a unit: 2GiB, 1500MB, 800M."""
    try:
        value = parse_size(text)
    except InputError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(
            f"must be a size in bytes with a unit like 2GiB or 1500MB, not {text!r}"
        )
    return value


def hop(text: str) -> float:
    """Read seconds between windows: above 0, and at most a window, so that nothing is left out."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 1.0 <= value <= 30.0:
        raise argparse.ArgumentTypeError(
            f"must lie in 1 to 30 seconds (a longer hop would skip sound), not {text!r}"
        )
    return value
