"""`emonet-edge face`: score pictures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from emonet_edge.cli import exit_codes, options
from emonet_edge.cli.inputs import is_there
from emonet_edge.cli.output import bar, emit, fail, print_lines, print_table
from emonet_edge.cli.targets import TargetError, plan_targets, save

_DESCRIPTION = """\
Score the emotions of a face. The face is the whole picture, or the part that --box names.

example:
  emonet-edge face photo.jpg --box 170,60,120,150 --annotate photo-emotions.png
  emonet-edge face *.jpg --json | jq .scores.raw.elation
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = options.add_command(commands, "face", "score pictures of faces", _DESCRIPTION)
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="picture file, - for stdin")
    options.add_model_options(parser)
    parser.add_argument(
        "--box",
        type=options.box,
        metavar="X,Y,W,H",
        help="the face, in pixels from the top left (default: the whole picture)",
    )
    options.add_score_options(parser)
    parser.add_argument(
        "--annotate",
        metavar="OUT",
        help="draw box and scores into OUT.png, or for several pictures into the directory OUT/",
    )
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Score every picture; one that fails does not stop the others."""
    from emonet_edge.cli import models

    try:
        targets = plan_targets(args.images, args.annotate, "emotions")
    except TargetError as error:
        args.parser.error(f"argument --annotate: {error}")
    jobs = [job for job in zip(args.images, targets, strict=True) if is_there(job[0])]
    if not jobs:
        return exit_codes.SOME_FAILED
    model = models.load_face(args.model, args.device, args.threads)
    scored = score_pictures(model, jobs, args)
    return exit_codes.FINE if scored == len(args.images) else exit_codes.SOME_FAILED


def score_pictures(
    model: Any, jobs: Sequence[tuple[str, Path | None]], args: argparse.Namespace
) -> int:
    """Load, score and report each; returns how many went well."""
    from emonet_edge.cli.scoring import Stopwatch
    from emonet_edge.exceptions import InputError, MediaError
    from emonet_edge.media import load_image

    done = 0
    for source, target in jobs:
        try:
            watch = Stopwatch()
            image = watch.time("read", partial(load_image, source))
            report_picture(model, source, image, target, args, watch.times_ms, first=not done)
            done += 1
        except (InputError, MediaError) as error:
            fail(source, error)
    return done


def report_picture(
    model: Any,
    source: str,
    image: Any,
    target: Path | None,
    args: argparse.Namespace,
    times_ms: dict[str, float],
    *,
    first: bool,
) -> None:
    """Score one picture, print it, and draw it if that is wanted."""
    from emonet_edge.cli import models
    from emonet_edge.cli.scoring import score_picture, times_text

    box = getattr(args, "box", None)
    scored = score_picture(model, image, box)
    times = {**times_ms, **scored.times_ms}
    if first:
        models.introduce(model, args.json)
    height, width = image.shape[:2]
    if args.json:
        emit(
            {
                "file": source,
                "width": width,
                "height": height,
                "box": list(box) if box else [0, 0, width, height],
                "synthetic": scored.scores.synthetic,
                "scores": scored.scores.to_dict(),
                "times_ms": times,
                "model": models.model_record(model),
            }
        )
    else:
        where = "box " + ",".join(f"{side:g}" for side in box) if box else "whole picture"
        print_lines(f"{source}  {width}x{height}, {where}; {times_text(times)}")
        print_scores(scored.scores, args)
    if target is not None:
        save(annotate(image, box, scored.scores, args), target)
        if not args.json:
            print_lines(f"  drawn: {target}")


def print_scores(scores: Any, args: argparse.Namespace) -> None:
    """Print a table of the top emotions with bars; levels where there are any."""
    from emonet_edge.cli.scoring import full_scale
    from emonet_edge.taxonomy import display_name

    ranked = scores.top(args.top, args.calibrated)
    scale = full_scale(scores.modality, [value for _, value in ranked])
    levels = scores.to_dict().get("levels") or {}
    rows = [
        [display_name(name, scores.modality), f"{value:.2f}", bar(value, scale)]
        + ([levels.get(name, "")] if levels else [])
        for name, value in ranked
    ]
    score = "calibrated" if args.calibrated else "score"
    columns = ["emotion", f">{score}", "", *(["level"] if levels else [])]
    print_table(columns, rows)


def annotate(image: Any, box: Any, scores: Any, args: argparse.Namespace) -> Any:
    """Draw the picture with box and bars."""
    import emonet_edge as ee
    from emonet_edge.cli.scoring import full_scale, scale_caption, top
    from emonet_edge.drawing.picture import annotate_picture

    bars = top(scores, args.top, args.calibrated)
    scale = full_scale("face", [value for _, value in bars])
    return annotate_picture(
        image,
        bars,
        box=box,
        scale=scale,
        caption=scale_caption("face", args.calibrated, scale),
        notice=ee.scores.SYNTHETIC_NOTICE if scores.synthetic else None,
    )
