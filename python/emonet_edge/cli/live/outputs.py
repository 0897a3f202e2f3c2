"""Where a stream's records go: several places at once, of which each may fail on its own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emonet_edge.cli.output import fail
from emonet_edge.exceptions import EmonetError, MediaError

if TYPE_CHECKING:
    from emonet_edge.stream import StreamRecord
    from emonet_edge.stream.output import RecordWriter


def check_targets(args: argparse.Namespace) -> None:
    """Find out whether every file can be written before anything takes long.

    Raises:
        MediaError: one exists, or cannot be written; the message names the option.
    """
    from emonet_edge.stream.output import VIDEO_SUFFIXES, check_target

    suffixes = {
        "timeline": (".png", ".jpg", ".jpeg", ".webp"),
        "annotate": VIDEO_SUFFIXES,
        "csv": (),
        "vtt": (),
    }
    taken = {Path(name).resolve() for name in (args.file, args.video, args.audio) if name}
    for option, allowed in suffixes.items():
        target = getattr(args, option)
        if target is None:
            continue
        if allowed and Path(target).suffix.lower() not in allowed:
            raise MediaError(f"--{option}: {target} must end in one of {', '.join(allowed)}")
        if Path(target).resolve() in taken:
            raise MediaError(f"--{option}: {target} is an input or output: name another file")
        taken.add(Path(target).resolve())
        try:
            check_target(target, args.overwrite)
        except MediaError as error:
            raise MediaError(f"--{option}: {error}") from error


class Outputs:
    """Files and a window, closed together.

    One that fails says so once, on stderr, and is left; the stream and the others go on.
    """

    def __init__(self) -> None:
        self._writers: list[tuple[str, RecordWriter]] = []
        self.failed = False

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, *error: object) -> None:
        for name, writer in self._writers:
            try:
                writer.close()
            except EmonetError as fault:
                self._fail(name, fault)
        self._writers = []

    def add(self, name: str, writer: RecordWriter) -> None:
        """Add one; `name` is what its failure is called."""
        self._writers.append((name, writer))

    def write(self, record: StreamRecord) -> None:
        """Hand a record to all."""
        for name, writer in list(self._writers):
            try:
                writer.write(record)
            except EmonetError as fault:
                self._fail(name, fault)
                self._writers.remove((name, writer))

    def _fail(self, name: str, fault: EmonetError) -> None:
        self.failed = True
        fail(name, fault)


def open_outputs(outputs: Outputs, args: argparse.Namespace, title: str) -> list[Any]:
    """Open what was asked for; returns those that want to see the frames.

    Raises:
        MediaError, DeviceError, MissingExtraError: one cannot be opened.
    """
    from emonet_edge.stream import output

    replace = {"overwrite": args.overwrite}
    watchers: list[Any] = []
    if args.csv:
        outputs.add(args.csv, output.CsvWriter(args.csv, **replace))
    if args.vtt:
        outputs.add(args.vtt, output.WebVttWriter(args.vtt, **replace))
    if args.timeline:
        outputs.add(
            args.timeline, output.TimelineFile(args.timeline, title, top=args.top, **replace)
        )
    if args.annotate:
        video = output.AnnotatedVideo(args.annotate, wait=args.fast, **replace)
        outputs.add(args.annotate, video)
        watchers.append(video)
    if args.window:
        window = output.OverlayWindow(title)
        outputs.add("window", window)
        watchers.append(window)
    return watchers


def written(args: argparse.Namespace) -> Sequence[str]:
    """Return the files that were asked for and are there."""
    asked = (args.timeline, args.csv, args.vtt, args.annotate)
    return [name for name in asked if name and Path(name).exists()]
