"""`emonet-edge voice`: score sound files, long ones in windows."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from emonet_edge.cli import exit_codes, options
from emonet_edge.cli.face import print_scores
from emonet_edge.cli.inputs import is_there
from emonet_edge.cli.output import emit, fail, print_lines, print_table, printable
from emonet_edge.cli.targets import TargetError, plan_targets, save

_DESCRIPTION = """\
Score the emotions of a voice. The model hears 30 s at once: a shorter clip is padded with silence,
a longer one is scored in windows of 30 s that start --hop seconds apart; the last window ends with
the clip.

example:
  emonet-edge voice talk.mp3 --heads anger,interest --timeline talk.png
  emonet-edge voice *.wav --json | jq .scores.raw.anger
"""


@dataclass(frozen=True)
class ScoredWindow:
    """A window in seconds from the clip's start, with its scores and times."""

    start: float
    end: float
    scored: Any


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = options.add_command(commands, "voice", "score voices in sound files", _DESCRIPTION)
    parser.add_argument("clips", nargs="+", metavar="AUDIO", help="sound file, - for stdin")
    options.add_model_options(parser)
    options.add_heads_options(parser)
    parser.add_argument(
        "--hop",
        type=options.hop,
        default=15.0,
        metavar="S",
        help="seconds between the starts of windows, 1 to 30 (default: 15)",
    )
    options.add_score_options(parser)
    parser.add_argument(
        "--timeline",
        metavar="OUT",
        help="draw the emotions over time into OUT.png, or for several clips into OUT/",
    )
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Score every clip; one that fails does not stop the others."""
    from emonet_edge.cli import models

    try:
        targets = plan_targets(args.clips, args.timeline, "timeline")
    except TargetError as error:
        args.parser.error(f"argument --timeline: {error}")
    jobs = [job for job in zip(args.clips, targets, strict=True) if is_there(job[0])]
    if not jobs:
        return exit_codes.SOME_FAILED
    model = models.load_voice(args.model, args.device, args.threads, args.heads, args.memory_budget)
    scored = score_clips(model, jobs, args)
    return exit_codes.FINE if scored == len(args.clips) else exit_codes.SOME_FAILED


def score_clips(
    model: Any, jobs: Sequence[tuple[str, Path | None]], args: argparse.Namespace
) -> int:
    """Load, score and report each; returns how many went well."""
    from emonet_edge.cli.scoring import Stopwatch
    from emonet_edge.exceptions import InputError, MediaError
    from emonet_edge.media import load_audio

    done = 0
    for source, target in jobs:
        try:
            watch = Stopwatch()
            waveform, rate = watch.time("read", partial(load_audio, source))
            report_clip(model, source, waveform, rate, target, args, watch.times_ms, not done)
            done += 1
        except (InputError, MediaError) as error:
            fail(source, error)
    return done


def report_clip(
    model: Any,
    source: str,
    waveform: Any,
    rate: int,
    target: Path | None,
    args: argparse.Namespace,
    times_ms: dict[str, float],
    first: bool,
) -> None:
    """Score one clip window by window, print it, and draw it if that is wanted."""
    from emonet_edge.cli import models
    from emonet_edge.cli.progress import waiting
    from emonet_edge.cli.scoring import score_clip, times_text, windows

    spans = windows(len(waveform), rate, getattr(args, "hop", 15.0))
    duration = len(waveform) / rate
    found: list[ScoredWindow] = []
    for index, (start, end) in enumerate(spans):
        with waiting(f"{printable(source)}: window {index + 1} of {len(spans)}"):
            scored = score_clip(model, waveform[start:end], rate)
        if first and not index:
            models.introduce(model, args.json)
        window = ScoredWindow(start / rate, end / rate, scored)
        found.append(window)
        if args.json:
            emit(_record(model, source, duration, window, index, len(spans), times_ms))
    if not args.json:
        times = {**times_ms, **found[0].scored.times_ms}
        each = f", {len(spans)} windows; the first:" if len(spans) > 1 else ";"
        print_lines(f"{source}  {duration:.1f} s at {rate} Hz{each} {times_text(times)}")
        _print_windows(found, args)
    if target is not None:
        save(_timeline(source, duration, found, args), target)
        if not args.json:
            print_lines(f"  drawn: {target}")


def _record(
    model: Any,
    source: str,
    duration: float,
    window: ScoredWindow,
    index: int,
    count: int,
    times_ms: dict[str, float],
) -> dict[str, Any]:
    from emonet_edge.cli import models

    scores = window.scored.scores
    return {
        "file": source,
        "duration_s": duration,
        "start_s": window.start,
        "end_s": window.end,
        "window": index,
        "windows": count,
        "synthetic": scores.synthetic,
        "scores": scores.to_dict(),
        # The file is read once: its time stands with the first window.
        "times_ms": {**({} if index else times_ms), **window.scored.times_ms},
        "model": models.model_record(model),
    }


def _print_windows(found: Sequence[ScoredWindow], args: argparse.Namespace) -> None:
    from emonet_edge.cli.scoring import top

    if len(found) == 1:
        print_scores(found[0].scored.scores, args)
        return
    rows = []
    for window in found:
        ranked = top(window.scored.scores, args.top, args.calibrated)
        emotions = ", ".join(f"{name} {value:.2f}" for name, value in ranked)
        rows.append([f"{window.start:.1f}", f"{window.end:.1f}", emotions])
    print_table([">from s", ">to s", "top emotions"], rows)


def _timeline(
    source: str, duration: float, found: Sequence[ScoredWindow], args: argparse.Namespace
) -> Any:
    import emonet_edge as ee
    from emonet_edge.cli.scoring import full_scale, scale_caption
    from emonet_edge.drawing.timeline import Window, draw_timeline

    series = _top_series(found, args.top, args.calibrated)
    scale = full_scale("voice", [value for row in series.values() for value in row])
    caption = scale_caption("voice", args.calibrated, scale)
    synthetic = found[0].scored.scores.synthetic
    return draw_timeline(
        [Window(window.start, window.end) for window in found],
        series,
        duration=duration,
        scale=scale,
        title="standard input" if source == "-" else Path(source).name,
        caption=f"{caption} A dot is the middle of a window of 30 s; hop {args.hop:g} s.",
        notice=ee.scores.SYNTHETIC_NOTICE if synthetic else None,
    )


def _top_series(
    found: Sequence[ScoredWindow], count: int, calibrated: bool
) -> dict[str, list[float]]:
    """Return the emotions that are highest in any window, with their value in every window."""
    from emonet_edge.taxonomy import display_name

    every = [dict(window.scored.scores.top(1000, calibrated)) for window in found]
    names = list(dict.fromkeys(name for values in every for name in values))
    nothing = float("nan")
    peak = {name: max(v.get(name, float("-inf")) for v in every) for name in names}
    chosen = sorted(names, key=lambda name: -peak[name])[:count]
    return {
        display_name(name, "voice"): [values.get(name, nothing) for values in every]
        for name in chosen
    }
