"""`emonet-edge verify`: hash every file of a model directory."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emonet_edge.cli import exit_codes, options
from emonet_edge.cli.output import bytes_text, console, emit, print_lines, printable, table
from emonet_edge.cli.progress import Report, progress_bar

_DESCRIPTION = """\
Read every byte of a model directory and compare it with the manifest: sizes, sha256, the manifest's
own hash, and what loading checks besides. Exit code 1 if anything differs.

example:
  emonet-edge verify ~/.local/share/emonet-edge/models/face-small
"""

_BLOCK = 1 << 20


@dataclass(frozen=True)
class FileCheck:
    """The result for one file; status is ok, missing, size differs, content differs, unreadable."""

    file: str
    size: int
    status: str


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
    from emonet_edge.exceptions import IntegrityError, PackedHeadsError

    path = Path(args.directory)
    try:
        manifest = _manifest(path)
    except IntegrityError as error:  # the manifest itself was altered
        _say_fault(args, path, str(error))
        return exit_codes.SOME_FAILED
    with progress_bar(f"Verifying {printable(path)}") as report:
        checks = list(check_files(path, manifest.files, report))
    fault = ""
    if all(check.status == "ok" for check in checks):
        try:
            _open(path)
        except (IntegrityError, PackedHeadsError) as error:
            fault = str(error)
    good = not fault and all(check.status == "ok" for check in checks)
    if args.json:
        emit(
            {
                "directory": str(path),
                "suite": manifest.suite,
                "synthetic": manifest.synthetic,
                "ok": good,
                "fault": fault or None,
                "files": [asdict(check) for check in checks],
            }
        )
    else:
        rows = [(check.file, bytes_text(check.size), check.status) for check in checks]
        console().print(table("", ["file", ">size", "status"], rows))
        verdict = "whole and unaltered" if good else fault or "damaged: export or download it again"
        print_lines(f"{path} ({manifest.suite}): {verdict}")
    return exit_codes.FINE if good else exit_codes.SOME_FAILED


def check_files(path: Path, files: Any, report: Report) -> Iterator[FileCheck]:
    """Hash each file that the manifest lists, in its order."""
    total = sum(entry.size for entry in files.values()) or 1
    before = 0
    for name, entry in files.items():

        def advance(count: int, name: str = name, before: int = before) -> None:
            report(name, min(1.0, (before + count) / total))

        yield FileCheck(name, entry.size, _status(path / name, entry, advance))
        before += entry.size


def _status(file: Path, entry: Any, advance: Callable[[int], None]) -> str:
    if not file.is_file():
        return "missing"
    try:
        if file.stat().st_size != entry.size:
            return f"size differs: {file.stat().st_size} bytes instead of {entry.size}"
        found = _sha256(file, advance)
    except OSError as error:
        return f"unreadable: {error.strerror}"
    return "ok" if found == entry.sha256 else f"content differs: sha256 {found[:16]}..."


def _sha256(file: Path, advance: Callable[[int], None]) -> str:
    digest, count = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            count += len(block)
            advance(count)
    return digest.hexdigest()


def _manifest(path: Path) -> Any:
    from emonet_edge.exceptions import ModelNotFoundError
    from emonet_edge.manifest import MANIFEST_NAME, parse_manifest

    try:
        data = (path / MANIFEST_NAME).read_bytes()
    except OSError as error:
        raise ModelNotFoundError(
            f"{path} is no model directory: {MANIFEST_NAME} cannot be read ({error.strerror}): "
            "name the directory that export wrote"
        ) from error
    return parse_manifest(data, str(path / MANIFEST_NAME))


def _open(path: Path) -> None:
    """Check what loading checks besides: the manifest against the files' own headers."""
    import emonet_edge as ee

    ee.model_dir.ModelDir.open(path)


def _say_fault(args: argparse.Namespace, path: Path, fault: str) -> None:
    if args.json:
        emit({"directory": str(path), "ok": False, "fault": fault, "files": []})
    else:
        print_lines(fault)
