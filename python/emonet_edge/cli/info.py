"""`emonet-edge info`: versions, instruction set, devices, cache, models."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from emonet_edge.cli import exit_codes, options
from emonet_edge.cli.output import emit, print_table

_DESCRIPTION = """\
Say what is here: versions, instruction set, devices, caches, model directories. Put it into bug
reports.

example:
  emonet-edge info --json | jq .isa
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = options.add_command(
        commands, "info", "versions, instruction set, devices, cache, models", _DESCRIPTION
    )
    options.add_json_option(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Print what `emonet_edge.info()` returns."""
    import emonet_edge as ee

    found = ee.info()
    if args.json:
        emit(found)
    else:
        print_table(["what", "is"], flatten(found))
    return exit_codes.FINE


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested mappings as rows: devices.CPU.name -> text."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from flatten(item, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
        for index, item in enumerate(value):
            yield from flatten(item, f"{prefix}.{index}")
    else:
        yield prefix, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    if value is None or value in ("", {}):
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
