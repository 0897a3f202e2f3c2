"""The recipe search on a real encoder beside NNCF's recipes: agreement on unseen clips and speed.

    python -m benchmarks.recipe_front ENCODER CLIPS [--hint bf16] [--time-budget 1800] [--json OUT]

ENCODER is a Whisper encoder in Hugging Face layout; CLIPS are sound files, each person's in a
folder of their own. Scored by 48 fixed random linear heads: figures about quantization, not about
emotions. error: root mean square difference as a share of each head's spread, mean of the heads.
Times: medians of one input in ms, all in one interleaved run with FP32.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from emonet_edge.inference.openvino_core import openvino
from emonet_edge_export.calibration import from_folder
from emonet_edge_export.encoder.convert import save_ir, to_ir
from emonet_edge_export.encoder.quantize import Recipe, quantize
from emonet_edge_export.progress import Progress
from emonet_edge_export.search.front import Goal, Point
from emonet_edge_export.search.judge import random_heads
from emonet_edge_export.search.run import SearchOptions, search
from emonet_edge_export.upstream.load_encoder import load_module, read_config
from emonet_edge_export.upstream.repository import LocalRepository

RECIPES = {
    "NNCF's defaults": Recipe("int8"),
    "convolutions and fc2 in float": Recipe("int8", keep_float=("convolutions", "fc2")),
    "weights only": Recipe("int8-weights"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", type=Path)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--hint", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--time-budget", type=float, default=1800.0, metavar="S")
    parser.add_argument("--json", type=Path, metavar="OUT")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fp32 = Path(folder) / "fp32.xml"
        write_fp32(arguments.encoder, fp32)
        read = partial(openvino().Core().read_model, fp32)
        named = {
            name: lambda seen, recipe=recipe: quantize(read(), recipe, seen)
            for name, recipe in RECIPES.items()
        }
        options = SearchOptions(arguments.time_budget, Goal(0.998, 0.99), arguments.hint)
        samples = from_folder(arguments.clips, "voice", {})
        found = search(read(), samples, random_heads(), options, Progress(), named=named)
    judged = sorted((p for p in found.points if p.held_out), key=lambda p: p.relative)
    print("\n".join([HEADER, *(row(p, p is found.point) for p in judged)]))
    if arguments.json is not None:
        document = {
            "machine": describe_machine(),
            "hint": arguments.hint,
            "recipe": found.described(),
            "points": [point.to_dict() for point in judged],
        }
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def write_fp32(encoder: Path, target: Path) -> None:
    folder = encoder.absolute()
    # A repository is <owner>/<name> below its source; the two last folders serve as that.
    repository = LocalRepository(folder.parents[1], f"{folder.parent.name}/{folder.name}")
    config = read_config(repository, "voice", {})
    save_ir(to_ir(load_module(repository, config), config.input_shape), target, config.preparation)


COLUMNS = ("recipe", "seen: Pearson", "unseen", "worst", "error", "ms", "of FP32")
HEADER = "{:44}{:>14}{:>9}{:>9}{:>8}{:>8}{:>9}".format(*COLUMNS)


def row(point: Point, chosen: bool) -> str:
    held: Any = point.held_out
    return (
        f"{('* ' if chosen else '') + point.name:44}{point.pearson:14.5f}"
        f"{held['pearson']['mean']:9.5f}{held['pearson']['worst']:9.4f}"
        f"{held['error']['mean']:8.4f}{point.latency_ms:8.1f}{point.relative:9.3f}"
    )


if __name__ == "__main__":
    main()
