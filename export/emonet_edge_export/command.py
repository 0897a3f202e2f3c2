"""`emonet-edge export`: the options, and what is printed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emonet_edge.cli.options import size
from emonet_edge.model_dir import ModelDir
from emonet_edge_export.encoder.quantize import KEEP_FLOAT, RECIPES, TARGETS, Recipe, default_recipe
from emonet_edge_export.errors import ExportError
from emonet_edge_export.export_model import VerificationError, export_model
from emonet_edge_export.heads.embedding_norm import NORMS
from emonet_edge_export.heads.pack import HEADS_PRECISIONS
from emonet_edge_export.options import ExportOptions, parse_reference
from emonet_edge_export.progress import Progress
from emonet_edge_export.proof.fidelity import COLUMNS, Fidelity, table
from emonet_edge_export.proof.verify import verify_against
from emonet_edge_export.search.front import Goal
from emonet_edge_export.search.run import SearchOptions
from emonet_edge_export.tune import tune
from emonet_edge_export.upstream.registry import RepositoryRef, find

__all__ = ["main", "tune_main", "verify_main"]

_TUNE_DESCRIPTION = """\
Search the fastest recipe of a model directory's encoder on this machine: which parts run in INT8,
and how each is quantized. The search sees one half of the calibration material and is judged on
the other. Put each person's pictures or clips into a folder of their own: no person is on both
sides. An interrupted search goes on when the same command is given again.

example:
  emonet-edge tune models/voice-small --source checkpoints --calibration clips --time-budget 1h
"""
_TUNE_EPILOG = """\
exit codes:
  0    written, and the goal is reached on unseen material
  1    written, but the goal is not reached on unseen material: the closest recipe was taken
  2    wrong usage
  3    it cannot be done: checkpoints, material, disk, existing target
"""

FINE, BROKEN = 0, 1
AGREEMENT_HELP = (
    "fail below this Pearson correlation with PyTorch in FP32: mean over the heads, and worst head"
)

_DESCRIPTION = """\
Make a model directory from LAION's published checkpoints, and prove it against PyTorch.

Checkpoints come from the Hugging Face hub, or with --source DIR from copies laid out as
DIR/<owner>/<name>/...; then nothing touches the network. An interrupted export goes on when the
same command is given again. The models are CC-BY-4.0: ATTRIBUTION.md travels with the directory.

examples:
  emonet-edge export face --suite small --out ~/models/face-small
  emonet-edge export voice --suite small --heads anger,valence --discard-sources --out voice-small
"""
_EPILOG = """\
exit codes:
  0    the model directory is in place
  1    it would not do what PyTorch does (see the table); nothing was put in place
  2    wrong usage
  3    it cannot be made: checkpoints, network, disk, existing target
"""


def main(argv: Sequence[str]) -> int:
    """Run `emonet-edge export`; returns the exit code."""
    arguments = _parser().parse_args(list(argv))
    options = _options(arguments)
    try:
        exported = export_model(options, Progress(quiet=arguments.quiet))
    except VerificationError as error:
        print_fidelity(error.fidelity, arguments.json)
        sys.stderr.write(f"emonet-edge: {error}\n")
        return BROKEN
    print_fidelity(exported.fidelity, arguments.json, {"directory": str(exported.path)})
    if not arguments.json:
        sys.stdout.write(f"{exported.path}\n")
    return FINE


def verify_main(argv: Sequence[str]) -> int:
    """Run the comparison of `emonet-edge verify DIR --against SOURCE`; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="emonet-edge verify-against",
        description="Prove a model directory against the checkpoints that it was made from.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("directory", type=Path, metavar="DIR", help="the model directory")
    add("source", type=Path, metavar="SOURCE", help="copies of the repositories")
    add("--samples", type=Path, metavar="DIR", help="pictures or clips to compare on")
    add("--min-agreement", type=agreement, metavar="MEAN[,WORST]", help=AGREEMENT_HELP)
    add("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args(list(argv))
    fidelity = verify_against(arguments.directory, arguments.source, arguments.samples)
    faults = fidelity.faults_with(*arguments.min_agreement or (None, None))
    about = {"directory": str(arguments.directory), "faults": faults}
    print_fidelity(fidelity, arguments.json, about)
    for line in faults or fidelity.warnings:
        sys.stderr.write(f"emonet-edge: {line}\n")
    return BROKEN if faults else FINE


def tune_main(argv: Sequence[str]) -> int:
    """Run `emonet-edge tune DIR`; returns the exit code."""
    arguments = _tune_parser().parse_args(list(argv))
    goal = Goal(arguments.min_agreement[0], arguments.min_agreement[1] or Goal().worst)
    hint = ModelDir.open(arguments.directory).manifest.encoder.precision_hint
    recipe = tune(
        arguments.directory,
        arguments.source,
        arguments.out or arguments.directory,
        arguments.calibration,
        SearchOptions(arguments.time_budget, goal, hint, memory_bytes=arguments.memory_budget),
        Progress(quiet=arguments.quiet),
        overwrite=arguments.out is None or arguments.overwrite,
    )
    out = str(arguments.out or arguments.directory)
    if arguments.json:
        sys.stdout.write(json.dumps({"directory": out, "recipe": recipe}) + "\n")
    else:
        point = recipe["point"]
        sys.stdout.write(
            f"{point['name']}: {point['latency_ms']:.1f} ms, {point['relative']:.2f} of FP32; "
            f"{_agreement_line(point['selection'], point['held_out'])}\n{out}\n"
        )
    return FINE if recipe["reached_on_unseen"] or recipe["name"] != "auto" else BROKEN


def _agreement_line(selection: dict[str, Any], held_out: dict[str, Any] | None) -> str:
    parts = []
    for what, found in (("seen", selection), ("unseen", held_out)):
        if found and found["pearson"]:
            pearson = found["pearson"]
            parts.append(
                f"Pearson on {what} inputs {pearson['mean']:.4f} (worst {pearson['worst']:.4f}: "
                f"{pearson['worst_head']})"
            )
    return ", ".join(parts) or "too few inputs for correlations"


def _tune_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emonet-edge tune",
        description=_TUNE_DESCRIPTION,
        epilog=_TUNE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("directory", type=Path, metavar="DIR", help="an exported model directory")
    add(
        "--source",
        required=True,
        type=Path,
        metavar="DIR",
        help="a copy of its encoder's repository",
    )
    add("--calibration", type=Path, metavar="DIR", help="pictures or clips of several people")
    add("--out", type=Path, metavar="DIR", help="where to write (default: replace DIR itself)")
    add("--overwrite", action="store_true", help="replace the model directory at --out")
    default = (Goal().mean, Goal().worst)
    add(
        "--min-agreement",
        type=agreement,
        default=default,
        metavar="MEAN[,WORST]",
        help="Pearson correlation with FP32 to reach: mean over the heads and worst head "
        f"(default: {default[0]:g},{default[1]:g})",
    )
    _add_budgets(add, "")
    add("--quiet", action="store_true", help="no progress on stderr")
    add("--json", action="store_true", help="for programs: the recipe as one JSON object")
    return parser


def print_fidelity(fidelity: Fidelity, as_json: bool, more: dict[str, Any] | None = None) -> None:
    """Print the comparison: a table, or one JSON object."""
    if as_json:
        sys.stdout.write(json.dumps({**(more or {}), "fidelity": fidelity.summary}) + "\n")
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD)
    for number, column in enumerate(COLUMNS):
        made.add_column(column, justify="right" if number else "left")
    for row in table(fidelity):
        made.add_row(*row)
    Console(highlight=False, width=None if sys.stdout.isatty() else 150).print(made)
    samples = fidelity.summary
    what = "" if samples["representative"] else ", not representative"
    sys.stdout.write(f"{samples['samples']} samples ({samples['source']}{what})\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emonet-edge export",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("modality", choices=("face", "voice"))
    add("--suite", required=True, help="face: small, large; voice: small, large, plus")
    add("--out", required=True, type=Path, metavar="DIR", help="the model directory to make")
    add("--overwrite", action="store_true", help="replace the model directory that is there")
    add("--quiet", action="store_true", help="no progress on stderr")
    add("--json", action="store_true", help="for programs: the figures as one JSON object")
    _add_sources(parser.add_argument_group("checkpoints"))
    _add_heads(parser.add_argument_group("heads"))
    _add_encoder(parser.add_argument_group("encoder"))
    _add_proof(parser.add_argument_group("proof"))
    return parser


def _add_sources(group: Any) -> None:
    add = group.add_argument
    add("--source", type=Path, metavar="DIR", help="copies of the repositories; no network")
    add("--revision", metavar="REV", help="branch, tag or commit of the heads (default: main)")
    add("--heads-from", metavar="OWNER/NAME[@REV]", help="other heads than the suite's")
    add("--encoder", metavar="OWNER/NAME[@REV]", help="another encoder than the suite's")
    add("--discard-sources", action="store_true", help="delete each download once it is packed")
    add("--ignore", action="append", default=[], metavar="FILE", help="leave out files (a pattern)")
    add("--detector", type=Path, metavar="FILE", help="a YuNet ONNX file (default: OpenCV's zoo)")
    add("--no-detector", action="store_true", help="faces: without a detector")


def _add_heads(group: Any) -> None:
    add = group.add_argument
    add("--heads", metavar="NAMES", help="only these, like anger,valence (default: all)")
    add("--heads-precision", choices=HEADS_PRECISIONS, default="int8", help="default: int8")
    add("--embedding-norm", choices=NORMS, default="auto", help="faces; auto decides by evidence")
    add("--neutral-faces", type=Path, metavar="DIR", help="pictures of neutral faces, as evidence")


def _add_encoder(group: Any) -> None:
    add = group.add_argument
    add(
        "--recipe",
        choices=RECIPES,
        help="default: int8, a fixed recipe; auto searches the fastest that reaches "
        "--min-agreement on this machine (default there: 0.998,0.99)",
    )
    add("--target", choices=TARGETS, default="cpu", help="default: cpu")
    add(
        "--keep-float",
        action="append",
        metavar="WHAT",
        help=f"int8: leave in float: {', '.join(KEEP_FLOAT)}, layer:N or a regular expression over "
        "the nodes' names; can be repeated; 'nothing' for none",
    )
    add("--smooth-quant-alpha", type=float, metavar="X", help="int8: 0 to 1")
    add("--no-bias-correction", action="store_true", help="int8: without NNCF's bias correction")
    add("--no-vnni", action="store_true", help="int8: for CPUs without VNNI, 7 bits a weight")
    add("--calibration", type=Path, metavar="DIR", help="pictures or clips (default: a public set)")
    add("--calibration-samples", type=int, metavar="N", help="at most so many inputs (default: 64)")
    add("--precision-hint", choices=("f32", "bf16", "none"), help="default: f32 on CPUs")
    add("--also-onnx", action="store_true", help="encoder.onnx as well, checked in ONNX Runtime")


def _add_proof(group: Any) -> None:
    add = group.add_argument
    add("--min-agreement", type=agreement, metavar="MEAN[,WORST]", help=AGREEMENT_HELP)
    _add_budgets(add, "recipe auto: ")
    add("--verify-samples", type=int, default=16, metavar="N", help="default: 16")


def _options(a: argparse.Namespace) -> ExportOptions:
    suite = find(a.modality, a.suite)
    heads_from = parse_reference(a.heads_from) if a.heads_from else None
    if a.revision:
        name = heads_from.name if heads_from else suite.heads.name
        heads_from = RepositoryRef(name, a.revision)
    return ExportOptions(
        a.modality, a.suite, a.out,
        source=a.source,
        heads_from=heads_from,
        encoder=parse_reference(a.encoder) if a.encoder else None,
        heads=_names(a.heads),
        heads_precision=a.heads_precision,
        recipe=_recipe(a),
        target=a.target,
        precision_hint=a.precision_hint,
        calibration=a.calibration,
        neutral_faces=a.neutral_faces,
        embedding_norm=a.embedding_norm,
        detector=a.detector,
        with_detector=not a.no_detector,
        also_onnx=a.also_onnx,
        discard_sources=a.discard_sources,
        ignore=tuple(a.ignore),
        overwrite=a.overwrite,
        min_agreement=a.min_agreement and a.min_agreement[0],
        min_worst=a.min_agreement and a.min_agreement[1],
        time_budget=a.time_budget,
        memory_budget=a.memory_budget,
        verify_samples=a.verify_samples,
    )  # fmt: skip


def agreement(text: str) -> tuple[float, float | None]:
    """Read MEAN or MEAN,WORST: Pearson correlations from 0 to 1."""
    mean, _, worst = text.partition(",")
    try:
        found = float(mean), float(worst) if worst else None
    except ValueError:
        raise argparse.ArgumentTypeError(f"MEAN or MEAN,WORST, not {text!r}") from None
    if not all(0 <= value <= 1 for value in found if value is not None):
        raise argparse.ArgumentTypeError(f"correlations lie in 0 to 1, not {text!r}")
    return found


def duration(text: str) -> float:
    """Read a time like 900s, 45m or 2h, in seconds; a bare number is seconds."""
    unit = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:])
    try:
        seconds = float(text[:-1] if unit else text) * (unit or 1.0)
    except ValueError:
        seconds = float("nan")
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"a time is like 900s, 45m or 2h, not {text!r}")
    return seconds


def _add_budgets(add: Any, what: str) -> None:
    add(
        "--time-budget",
        type=duration,
        default=SearchOptions.seconds,
        metavar="T",
        help=f"{what}how long to search, like 45m, 2h or 900s (default: 30m)",
    )
    add(
        "--memory-budget",
        type=size,
        default=SearchOptions.memory_bytes,
        metavar="SIZE",
        help=f"{what}for embeddings, like 1.5GB (default: 2GB)",
    )


def _names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not found:
        raise ExportError(f"--heads needs names like anger,valence; got {text!r}")
    return found


def _recipe(a: argparse.Namespace) -> Recipe | None:
    """Return the recipe as asked, None if no option of it was given."""
    changes: dict[str, Any] = {}
    if a.keep_float is not None:
        changes["keep_float"] = tuple(word for word in a.keep_float if word != "nothing")
    if a.smooth_quant_alpha is not None:
        changes["smooth_quant_alpha"] = a.smooth_quant_alpha
    if a.calibration_samples is not None:
        changes["samples"] = a.calibration_samples
    if a.no_bias_correction:
        changes["bias_correction"] = False
    if a.no_vnni:
        changes["no_vnni"] = True
    if changes and a.recipe not in (None, "int8"):
        raise ExportError(f"{', '.join(changes)}: only for --recipe int8; the recipe is {a.recipe}")
    if a.recipe is None and not changes:
        return None
    if a.recipe in (None, "int8"):
        return default_recipe(a.modality, target=a.target, **changes)
    return Recipe(a.recipe, a.target)
