"""`emonet-edge demo`: first contact, offline, without a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from emonet_edge.cli import exit_codes, options
from emonet_edge.cli.face import report_picture, score_pictures
from emonet_edge.cli.inputs import is_there
from emonet_edge.cli.output import print_lines
from emonet_edge.cli.targets import TargetError, plan_targets
from emonet_edge.cli.voice import report_clip, score_clips

_DESCRIPTION = """\
Run both models on a drawn picture and a synthesised clip, or on your own files. It works offline:
the weights are random and small, so the scores mean nothing, and everything else is real.

example:
  emonet-edge demo
  emonet-edge demo photo.jpg hello.wav --annotate demo.png
"""

_SOUNDS = frozenset(
    (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3",
     ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64")
)  # fmt: skip


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = options.add_command(
        commands, "demo", "first contact: works offline, without a model", _DESCRIPTION
    )
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="pictures and sound files (default: made in code)"
    )
    options.add_device_options(parser)
    options.add_score_options(parser)
    parser.add_argument("--annotate", metavar="OUT", help="draw the picture's scores into OUT.png")
    parser.set_defaults(run=run, parser=parser, hop=15.0)


def run(args: argparse.Namespace) -> int:
    """Score the given files, or one picture and one clip made in code."""
    if not args.files:
        return _run_on_made_material(args)
    files = [source for source in args.files if is_there(source)]
    clips = [source for source in files if Path(source).suffix.lower() in _SOUNDS]
    pictures = [source for source in files if source not in clips]
    targets = _targets(args, pictures)
    done = 0
    if pictures:
        done += score_pictures(
            _model("face", args), list(zip(pictures, targets, strict=True)), args
        )
    if clips:
        done += score_clips(_model("voice", args), [(clip, None) for clip in clips], args)
    return exit_codes.FINE if done == len(args.files) else exit_codes.SOME_FAILED


def _run_on_made_material(args: argparse.Namespace) -> int:
    from emonet_edge.synthetic import demo_material

    (target,) = _targets(args, ["drawn face"])
    image = demo_material.draw_face()
    face = _model("face", args)
    report_picture(face, "drawn face", image, target, args, {}, first=True)
    del face  # two encoders at once are not needed
    waveform = demo_material.synthesize_voice()
    rate = demo_material.SAMPLE_RATE
    voice = _model("voice", args)
    report_clip(voice, "synthesised voice", waveform, rate, None, args, {}, not args.json)
    if not args.json:
        print_lines(
            "Next: emonet-edge demo YOUR.jpg YOUR.wav    emonet-edge bench    emonet-edge --help"
        )
    return exit_codes.FINE


def _model(modality: str, args: argparse.Namespace) -> Any:
    from emonet_edge.cli import models

    path = models.synthetic_model(modality, "tiny")
    if modality == "face":
        return models.load_face(path, args.device, args.threads)
    return models.load_voice(path, args.device, args.threads)


def _targets(args: argparse.Namespace, pictures: list[str]) -> list[Path | None]:
    try:
        return plan_targets(pictures, args.annotate, "emotions")
    except TargetError as error:
        args.parser.error(f"argument --annotate: {error}")
        raise AssertionError from error  # error() exits
