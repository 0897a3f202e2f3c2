"""The options of `emonet-edge live`, and what of them cannot be together."""

from __future__ import annotations

import argparse
import math
from typing import Any

from emonet_edge.cli import options


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Sources, pace and duration."""
    group = parser.add_argument_group("what to look at and listen to")
    pictures = group.add_mutually_exclusive_group()
    sound = group.add_mutually_exclusive_group()
    pictures.add_argument("--camera", nargs="?", const="camera:0", metavar="SPEC", help="a camera")
    pictures.add_argument("--video", metavar="SPEC", help="a recording or pipe of pictures")
    sound.add_argument("--microphone", nargs="?", const="mic", metavar="SPEC", help="a microphone")
    sound.add_argument("--audio", metavar="SPEC", help="a recording or pipe of sound")
    group.add_argument("--file", metavar="FILE", help="a recording: its pictures and its sound")
    group.add_argument("--no-face", action="store_true", help="leave the pictures out")
    group.add_argument("--no-voice", action="store_true", help="leave the sound out")
    group.add_argument(
        "--fast", action="store_true",
        help="recordings as fast as they can be scored, instead of in real time",
    )  # fmt: skip
    group.add_argument("--duration", type=_positive, metavar="S", help="end after so many seconds")
    group.add_argument(
        "--list-devices", action="store_true", help="list cameras and microphones, and end"
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Models, detector, heads and limits."""
    group = parser.add_argument_group("with what")
    options.add_model_options(group)
    group.add_argument("--face-model", metavar="DIR", help="for faces (default: as --model)")
    group.add_argument("--voice-model", metavar="DIR", help="for voices (default: as --model)")
    group.add_argument(
        "--synthetic", nargs="?", const="tiny", choices=("tiny", "full"), metavar="PRESET",
        help="random weights, tiny (default) or full: the scores mean nothing",
    )  # fmt: skip
    group.add_argument(
        "--detector", metavar="FILE", help="YuNet as ONNX (default: the one in the face model)"
    )
    options.add_heads_options(group)
    group.add_argument(
        "--latency-target", type=_natural_float, metavar="MS",
        help="lower rate and number of faces to stay below, in milliseconds; 0: never",
    )  # fmt: skip
    group.add_argument(
        "--rate", type=_positive, metavar="HZ", help="frames to look at a second, at most"
    )
    group.add_argument(
        "--max-faces", type=options.positive_int, metavar="N", help="faces to score in a frame"
    )


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """What is shown and written."""
    group = parser.add_argument_group("what to make of it")
    group.add_argument(
        "--top", type=options.positive_int, default=3, metavar="N",
        help="emotions to show (default: 3)",
    )  # fmt: skip
    options.add_json_option(group)
    group.add_argument("--all", action="store_true", help="show dropped frames as well")
    group.add_argument("--timeline", metavar="OUT.png", help="draw faces and voice over time")
    group.add_argument("--csv", metavar="OUT.csv", help="a row per scored face and utterance")
    group.add_argument("--vtt", metavar="OUT.vtt", help="captions (WebVTT) for a player")
    group.add_argument("--annotate", metavar="OUT.mp4", help="the pictures with what was found")
    group.add_argument("--window", action="store_true", help="the same, in a window")
    group.add_argument("--overwrite", action="store_true", help="replace files that are there")


def check_usage(args: argparse.Namespace) -> None:
    """Refuse what cannot be, before anything takes long."""
    from emonet_edge.cli.live.outputs import check_targets
    from emonet_edge.exceptions import MediaError

    pictures, sound = args.camera or args.video, args.microphone or args.audio
    if args.file is not None and (pictures or sound):
        args.parser.error("--file is picture and sound already: use --video and --audio")
    if args.file == "-":
        args.parser.error("--file cannot be read twice from stdin: use --video - or --audio -")
    if args.video == args.audio == "-":
        args.parser.error("stdin can be --video or --audio, not both")
    wanted = [
        not args.no_face and (pictures or args.file),
        not args.no_voice and (sound or args.file),
    ]
    if not any(wanted):
        args.parser.error("nothing to look at or listen to: name --camera, --microphone or --file")
    if args.fast and (args.camera or args.microphone):
        args.parser.error("--fast is for recordings: a camera or microphone has its own pace")
    try:
        check_targets(args)
    except MediaError as error:
        args.parser.error(str(error))


def session_options(args: argparse.Namespace) -> Any:
    """Return the `LiveOptions` that the options ask for."""
    from dataclasses import replace

    import emonet_edge as ee

    found = ee.stream.LiveOptions()
    face = {"max_faces": args.max_faces, "rate_hz": args.rate}
    given = {name: value for name, value in face.items() if value is not None}
    found = replace(found, face=replace(found.face, **given))
    if args.latency_target is not None:
        governor = replace(found.governor, latency_target_ms=args.latency_target)
        found = replace(found, governor=governor)
    return found


def _positive(text: str) -> float:
    value = _number(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return value


def _natural_float(text: str) -> float:
    value = _number(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"must be a number from 0, not {text!r}")
    return value


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
