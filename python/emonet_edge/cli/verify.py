"""`emonet-edge verify`: whether a model directory is whole, and what this machine makes of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from emonet_edge._sizes import bytes_text
from emonet_edge._types import Progress
from emonet_edge.cli import exit_codes, extensions, options, verify_devices
from emonet_edge.cli.output import emit, one_line, print_lines, print_table, printable
from emonet_edge.cli.progress import progress_bar

_DESCRIPTION = """\
Read every byte of a model directory and compare it with the manifest: sizes, sha256, and the
manifest's own hash. Exit code 1 if anything differs.

With --against the directory is then proven against the checkpoints that it was made from: PyTorch
in FP32, the FP32 IR and the directory run over the same samples (needs the extra export). Exit
code 1 if the conversion's limits are broken, or the scores correlate less than --min-agreement.

With --on-this-machine the small set of inputs that the export certified is replayed on every device
of this machine, under the directory's precision hint and under the CPU's own. Each device gets the
errors of encoder and heads against FP32 beside the certified ones, how many operations run in INT8,
and a verdict. This finds CPUs without VNNI, whose 8-bit sums saturate, devices that infer in bf16
unasked, and faulty drivers. Exit code 0 if the device that AUTO takes does what was certified, 1 if
it does not, 3 if the directory has no certificate (export it again).

example:
  emonet-edge verify ~/.local/share/emonet-edge/models/face-small
  emonet-edge verify face-small --on-this-machine
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = options.add_command(
        commands, "verify", "check every byte of a model directory", _DESCRIPTION
    )
    parser.add_argument("directory", metavar="DIR", help="a model directory")
    parser.add_argument(
        "--on-this-machine",
        action="store_true",
        help="replay what the export certified on every device of this machine",
    )
    parser.add_argument(
        "--against", metavar="SOURCE", help="copies of the repositories, SOURCE/<owner>/<name>/..."
    )
    parser.add_argument(
        "--samples", metavar="SAMPLES", help="--against: pictures or clips to compare on"
    )
    parser.add_argument(
        "--min-agreement",
        metavar="MEAN[,WORST]",
        help="--against: the least Pearson correlation, mean over the heads and worst head",
    )
    options.add_json_option(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Check all files, print one row each, then what else was asked for; answer 0 or 1."""
    if args.against is None and (args.samples or args.min_agreement):
        args.parser.error("--samples and --min-agreement need --against SOURCE")
    code = _check_files(args)
    if code == exit_codes.FINE and args.on_this_machine:
        code = verify_devices.verify_devices(args)
    if code != exit_codes.FINE or args.against is None:
        return code
    more = [("--samples", args.samples), ("--min-agreement", args.min_agreement)]
    given = [word for name, value in more if value is not None for word in (name, value)]
    json_too = ["--json"] if args.json else []
    return extensions.run(["verify-against", args.directory, args.against, *given, *json_too])


def _check_files(args: argparse.Namespace) -> int:
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


def overall(sizes: dict[str, int], report: Progress) -> Progress:
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
