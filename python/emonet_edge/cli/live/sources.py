"""What a stream looks at and listens to: from the options to open sources."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import emonet_edge as ee
from emonet_edge.cli.output import note
from emonet_edge.exceptions import MediaError

if TYPE_CHECKING:
    from emonet_edge.stream import Clock, Notice


@dataclass(frozen=True)
class Wanted:
    """Which sources were asked for, as texts for `open_video` and `open_audio`.

    `live` says that one of them is no file, so that it has no end of its own; `duration` is how
    long a recording lasts, in seconds, where that is known.
    """

    video: str | None
    audio: str | None
    title: str
    live: bool
    duration: float | None = None


def wanted(args: argparse.Namespace) -> Wanted:
    """Read the options; of a file it is looked up whether it has pictures, sound or both.

    Raises:
        MediaError: the file cannot be read, or holds nothing that is wanted.
    """
    if args.file is not None:
        return _of_file(args)
    video = None if args.no_face else args.camera or args.video
    audio = None if args.no_voice else args.microphone or args.audio
    names = [name for name in (video, audio) if name is not None]
    live = not all(map(_is_file, names))
    duration = None
    if not live and len(names) == 1:
        with suppress(MediaError):  # reading it will say what is wrong
            duration = ee.stream.contents_of(names[0]).duration
    return Wanted(video, audio, " and ".join(names), live, duration)


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # longer than a name can be, or with a NUL byte
        return False


def _of_file(args: argparse.Namespace) -> Wanted:
    found = ee.stream.contents_of(args.file)
    name = Path(args.file).name
    video, audio = found.pictures and not args.no_face, found.sound and not args.no_voice
    if not (video or audio):
        wishes = (("pictures", args.no_face), ("sound", args.no_voice))
        missing = " and ".join(f"no {kind}" for kind, unwanted in wishes if not unwanted)
        raise MediaError(f"{args.file} holds {missing}: name another file, or score what it has")
    for here, wish, missing in (
        (found.pictures, not args.no_face, "no pictures: only voices"),
        (found.sound, not args.no_voice, "no sound: only faces"),
    ):
        if wish and not here:
            note(f"{name} holds {missing} are scored")
    path = f"file:{args.file}"
    return Wanted(path if video else None, path if audio else None, name, False, found.duration)


class HeldClock:
    """Stands at 0 until everything is ready: a recording's times are then its own."""

    def __init__(self) -> None:
        self._clock: Clock | None = None

    def start(self) -> None:
        """Let the time begin."""
        self._clock = ee.stream.SystemClock()

    def now(self) -> float:
        """Return the seconds since `start`."""
        return 0.0 if self._clock is None else self._clock.now()


def open_sources(
    what: Wanted, args: argparse.Namespace, clock: Clock, on_notice: Callable[[Notice], None]
) -> tuple[Any, Any]:
    """Open picture and sound; None for what is not wanted. A recording begins at 0.

    Raises:
        InputError: a text that names no source.
        MediaError, DeviceError: one cannot be opened.
        MissingExtraError: PyAV or sounddevice is not installed.
    """
    options = ee.stream.SourceOptions(pace="fast" if args.fast else "realtime", starts_at=0.0)
    how: dict[str, Any] = {"options": options, "clock": clock, "on_notice": on_notice}
    video = audio = None
    try:
        if what.video is not None:
            video = ee.stream.open_video(what.video, **how)
        if what.audio is not None:
            audio = ee.stream.open_audio(what.audio, **how)
    except BaseException:
        if video is not None:
            video.close()
        raise
    return video, audio
