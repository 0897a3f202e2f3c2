"""`emonet-edge bench compare OLD NEW`: what changed between two measurements."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emonet_edge.cli import exit_codes, options
from emonet_edge.cli.output import emit, note, print_lines, print_table

if TYPE_CHECKING:
    from emonet_edge.bench import Comparison

NAME = "bench compare"

# The grammar stands here as well because help loads nothing heavy; a test holds the two together.
_DESCRIPTION = """\
Hold two files of `emonet-edge bench --output FILE` side by side: each model, device and stage, old
and new, and what else differs (machine, versions, models). For releases: --fail-if CONDITION ends
with 1 where the condition holds, and where a device of OLD was not measured in NEW.

A condition is
{grammar}

example:
  emonet-edge bench compare before.json after.json --fail-if 'p95>+5%' --fail-if 'peak_mb>1300'
"""

_GRAMMAR = """\
[STAGE.]FIGURE then > or < (>=, <=) then a number:
  p95>+5%            changed by more than +5 percent (new against old); the sign may be left out
  peak_mb>+50        changed by more than +50, in the figure's unit (a sign, no %)
  peak_mb>1300       the new value itself (no sign, no %)
STAGE   prepare, encoder, heads, total (default: total)
FIGURE  with a stage: p50, p95, p99, p99.9, mean, rate (ms; rate in results per second)
        without: peak_mb, steady_mb, compile_s, first_cold_s, first_warm_s, joules,
        int8_ops, cpu_share"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    description = _DESCRIPTION.format(grammar=_GRAMMAR)
    parser = options.add_command(commands, NAME, "two saved measurements side by side", description)
    parser.add_argument("old", metavar="OLD", help="a file of bench --output or bench --json")
    parser.add_argument("new", metavar="NEW", help="a later one")
    parser.add_argument(
        "--fail-if", action="append", default=[], metavar="CONDITION",
        help="end with 1 where it holds; may be given several times",
    )  # fmt: skip
    options.add_json_option(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Compare; 1 where a condition holds, 2 where it or a file cannot be read."""
    from emonet_edge import bench

    try:
        conditions = [bench.Condition.parse(text) for text in args.fail_if]
        old, new = bench.load(Path(args.old)), bench.load(Path(args.new))
    except (bench.ConditionError, bench.SavedFileError) as error:
        note_lines(str(error))
        return exit_codes.USAGE
    found = bench.compare(old, new, conditions)
    if args.json:
        emit(_as_json(found))
    else:
        _print(found)
    return _code(found, bool(conditions))


def note_lines(text: str) -> None:
    """Write an error of several lines: the grammar is part of it."""
    for line in text.splitlines():
        note(line)


def _code(found: Comparison, has_conditions: bool) -> int:
    if found.held or (has_conditions and found.lost):
        return exit_codes.SOME_FAILED
    if found.unapplied:
        note(f"cannot be told for any model: {', '.join(found.unapplied)}")
        return exit_codes.USAGE
    if not found.pairs:
        note("the files have no measured model and device in common")
        return exit_codes.USAGE
    return exit_codes.FINE


def _print(found: Comparison) -> None:
    for pair in found.pairs:
        print_lines("", pair.name, *(f"  differs: {line}" for line in pair.differences))
        rows = [
            (key, _number(old), _number(new), _change(old, new))
            for key, (old, new) in pair.figures.items()
            if old is not None or new is not None
        ]
        print_table(["figure", ">old", ">new", ">change"], rows)
    print_lines(
        *(f"no longer measured: {line}" for line in found.lost),
        *(f"only new: {line}" for line in found.added),
        *(f"not told: {line}" for line in found.undecided),
        *(f"FAILS: {line}" for line in found.held),
    )


def _as_json(found: Comparison) -> dict[str, Any]:
    return {
        "pairs": [
            {
                "name": pair.name,
                "differences": pair.differences,
                "figures": {
                    key: {"old": old, "new": new} for key, (old, new) in pair.figures.items()
                },
            }
            for pair in found.pairs
        ],
        "lost": found.lost,
        "added": found.added,
        "undecided": found.undecided,
        "held": found.held,
    }


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _change(old: float | None, new: float | None) -> str:
    if old is None or new is None or old <= 0:
        return ""
    return f"{100 * (new - old) / old:+.1f} %"
