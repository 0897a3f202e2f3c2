"""`emonet-edge live`: score a camera, a microphone or a recording as it goes on."""

from __future__ import annotations

import argparse
import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from emonet_edge.cli import exit_codes, options
from emonet_edge.cli.output import emit, note, print_lines, print_table

if TYPE_CHECKING:
    from emonet_edge.cli.live_models import LiveModels
    from emonet_edge.cli.live_sources import Wanted

_DESCRIPTION = """\
Score faces and voices as they come: a camera, a microphone, or a recording. Nothing that is seen
or heard is stored unless --annotate asks for it. It ends with the recording, after --duration, or
with Ctrl-C, finishes what it was asked to write, and says what came of all.

example:
  emonet-edge live --camera --microphone
  emonet-edge live --file talk.mp4 --fast --timeline talk.png --vtt talk.vtt
  emonet-edge live --camera rtsp://door.local/1 --json | jq 'select(.type == "event")'
  emonet-edge live --file talk.mp4 --synthetic --annotate out.mp4    (without a model)

sources:
  --camera      camera:0 (default), camera:NAME, /dev/video0, rtsp://...
  --microphone  mic (default), mic:2, mic:NAME
  --video, --audio   a file, - for stdin, pipe:nv12:1280x720@30, pipe:s16le:16000x1
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = options.add_command(commands, "live", "score a camera, a microphone, a recording",
                                 _DESCRIPTION)  # fmt: skip
    _add_source_options(parser)
    _add_model_options(parser)
    _add_output_options(parser)
    parser.set_defaults(run=run, parser=parser)


def _add_source_options(parser: argparse.ArgumentParser) -> None:
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


def _add_model_options(parser: argparse.ArgumentParser) -> None:
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


def _add_output_options(parser: argparse.ArgumentParser) -> None:
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


def run(args: argparse.Namespace) -> int:
    """Score until the sources end, or somebody ends it."""
    if args.list_devices:
        return _list_devices(args.json)
    _check_usage(args)
    from emonet_edge.cli.live_models import load_models
    from emonet_edge.cli.live_sources import wanted

    what = wanted(args)
    return _Live(args, what, load_models(args, what)).run()


def _check_usage(args: argparse.Namespace) -> None:
    """Refuse what cannot be, before anything takes long."""
    from emonet_edge.cli.live_outputs import check_targets
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


def _list_devices(as_json: bool) -> int:
    import emonet_edge as ee

    devices = [device.to_dict() for device in ee.stream.list_devices()]
    if as_json:
        for device in devices:
            emit(device)
    elif devices:
        rows = [[device["kind"], device["spec"], device["name"]] for device in devices]
        print_table(["kind", "spec", "name"], rows)
    else:
        print_lines("no camera and no microphone")
    return exit_codes.FINE


class _Live:
    """One run of the command."""

    def __init__(self, args: argparse.Namespace, what: Wanted, models: LiveModels) -> None:
        self._args, self._what, self._models = args, what, models
        self._failed = self._interrupted = False
        self._sources: list[Any] = []

    def run(self) -> int:
        from emonet_edge.cli.live_outputs import Outputs, open_outputs, written
        from emonet_edge.cli.live_summary import Summary

        args, summary = self._args, Summary(self._args.fast)
        outputs = Outputs()
        with outputs:
            watchers = open_outputs(outputs, args, self._what.title)
            with self._session() as session, ExitStack() as stack:
                self._open_sources(session, watchers)
                stack.enter_context(self._ending())
                view = stack.enter_context(self._view())
                for record in session.outcomes():
                    summary.write(record)
                    outputs.write(record)
                    view(record)
                    self._judge(record, watchers)
        for watcher in watchers:
            if getattr(watcher, "dropped", 0):
                note(f"{args.annotate}: {watcher.dropped} frames are left out: too slow for them")
        if args.json:
            emit(summary.to_dict())
        else:
            print_lines(*summary.lines(), *(f"written: {name}" for name in written(args)))
        if self._failed or outputs.failed or summary.errors:
            return exit_codes.SOME_FAILED
        # To interrupt is how a camera is ended; a recording was to be scored whole.
        cut = self._interrupted and not self._what.live
        return exit_codes.INTERRUPTED if cut else exit_codes.FINE

    def _session(self) -> Any:
        import emonet_edge as ee

        models = self._models
        return ee.stream.LiveSession(
            models.face,
            models.voice,
            models.detector,
            options=_live_options(self._args),
            inline=self._args.fast,
        )

    def _open_sources(self, session: Any, watchers: list[Any]) -> None:
        from emonet_edge.cli.live_sources import open_sources
        from emonet_edge.stream.output import TappedVideo

        video, audio = open_sources(self._what, self._args, session.clock, session.notify)
        self._sources = [source for source in (video, audio) if source is not None]
        if video is not None:
            for watcher in watchers:
                video = TappedVideo(video, watcher.add_frame)
            session.add_video(video)
        if audio is not None:
            session.add_audio(audio)

    @contextmanager
    def _view(self) -> Iterator[Callable[[Any], None]]:
        """Give what shows records: NDJSON, a board, or lines; and how far a recording is."""
        import sys

        from emonet_edge.cli.live_view import Board, Lines
        from emonet_edge.cli.progress import progress_bar
        from emonet_edge.scores import SYNTHETIC_NOTICE

        args, what = self._args, self._what
        if not args.json and sys.stdout.isatty():
            notice = SYNTHETIC_NOTICE if self._models.synthetic else None
            with Board(args.top, what.title, what.duration, notice) as board:
                yield board.write
            return
        show: Callable[[Any], None] = Lines(args.top, args.all, args.fast).write
        if args.json:
            emit({"type": "start", "source": what.title, "models": self._models.to_dict()})
            show = self._emit
        if what.duration is None:
            yield show
            return
        length = what.duration
        with progress_bar(what.title) as report:

            def show_and_report(record: Any) -> None:
                show(record)
                at = getattr(record, "captured_at", None)
                if at is not None:
                    report("", min(0.999, at / length))

            yield show_and_report
            report("", 1.0)

    def _emit(self, record: Any) -> None:
        if self._args.all or getattr(record, "kind", "") != "dropped":
            emit(record.to_dict())

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """End cleanly on Ctrl-C, SIGTERM and after --duration; at once on a second Ctrl-C."""
        timer = None
        if self._args.duration is not None and not self._args.fast:
            timer = threading.Timer(self._args.duration, self._stop)
            timer.start()
        previous = {}
        if threading.current_thread() is threading.main_thread():
            previous = {
                number: signal.signal(number, self._interrupt)
                for number in (signal.SIGINT, signal.SIGTERM)
            }
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            if timer is not None:
                timer.cancel()

    def _interrupt(self, number: int, frame: Any) -> None:
        if self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True
        # In a thread: the handler may have come in the middle of anything, locks in hand.
        threading.Thread(target=self._stop, name="ending").start()

    def _stop(self) -> None:
        for source in self._sources:
            source.close()

    def _judge(self, record: Any, watchers: list[Any]) -> None:
        """Notice a source that failed, a window that was closed, and the end of the time."""
        from emonet_edge.stream.outcomes import FrameOutcome, Notice, UtteranceOutcome

        if isinstance(record, Notice) and record.topic == "source" and "error" in record.details:
            self._failed = True
            note(record.text)
            return
        closed = any(getattr(watcher, "closed", False) for watcher in watchers)
        scored = isinstance(record, (FrameOutcome, UtteranceOutcome))
        if closed or (scored and self._is_late(record)):
            self._stop()

    def _is_late(self, outcome: Any) -> bool:
        """Whether a fast recording has come to the end of --duration in its own time."""
        duration = self._args.duration
        return self._args.fast and duration is not None and outcome.captured_at >= duration


def _live_options(args: argparse.Namespace) -> Any:
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
