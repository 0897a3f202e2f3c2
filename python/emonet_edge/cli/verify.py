"""`emonet-edge verify`: hash every file of a model directory."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from emonet_edge.cli import exit_codes, options
from emonet_edge.cli.output import (
    bytes_text,
    emit,
    one_line,
    print_lines,
    print_table,
    printable,
)
from emonet_edge.cli.progress import Report, progress_bar

_DESCRIPTION = """\
Read every byte of a model directory and compare it with the manifest: sizes, sha256, and the
manifest's own hash. Exit code 1 if anything differs.

example:
  emonet-edge verify ~/.local/share/emonet-edge/models/face-small
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = options.add_command(
        commands, "verify", "check every byte of a model directory", _DESCRIPTION
    )
    parser.add_argument("directory", metavar="DIR", help="a model directory")
    options.add_json_option(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Check all files, print one row each, answer 0 or 1."""
    import emonet_edge as ee
    from emonet_edge.exceptions import IntegrityError

    path = args.directory
    try:
        manifest = ee.model_dir.read_manifest(path)
        sizes = {name: entry.size for name, entry in manifest.files.items()}
        with progress_bar(f"Verifying {printable(path)}") as report:
            results = ee.model_dir.verify_files(path, overall(sizes, report))
    except IntegrityError as error:  # the manifest itself was altered: nothing to compare with
        return _say_fault(args, str(error))
    good = all(result.ok for result in results)
    if args.json:
        emit(_record(args, manifest, results, good))
    else:
        rows = [(r.name, bytes_text(r.size), "ok" if r.ok else "DAMAGED") for r in results]
        print_table(["file", ">size", "status"], rows)
        print_lines(*(result.problem for result in results if result.problem))
        verdict = "whole and unaltered" if good else "damaged: export or download it again"
        print_lines(f"{path} ({manifest.suite}): {verdict}")
    return exit_codes.FINE if good else exit_codes.SOME_FAILED


def overall(sizes: dict[str, int], report: Report) -> Callable[[str, float], None]:
    """Turn the share of each file into the share of all bytes."""
    total = max(1, sum(sizes.values()))
    names = list(sizes)
    before = {name: sum(sizes[n] for n in names[:index]) for index, name in enumerate(names)}

    def advance(name: str, share: float) -> None:
        report(name, min(1.0, (before.get(name, 0) + share * sizes.get(name, 0)) / total))

    return advance


def _record(
    args: argparse.Namespace, manifest: Any, results: Sequence[Any], good: bool
) -> dict[str, Any]:
    files = [{"file": r.name, "size": r.size, "ok": r.ok, "problem": r.problem} for r in results]
    return {
        "directory": args.directory,
        "suite": manifest.suite,
        "synthetic": manifest.synthetic,
        "ok": good,
        "fault": None,
        "files": files,
    }


def _say_fault(args: argparse.Namespace, fault: str) -> int:
    if args.json:
        emit({"directory": args.directory, "ok": False, "fault": fault, "files": []})
    else:
        print_lines(one_line(fault))
    return exit_codes.SOME_FAILED
