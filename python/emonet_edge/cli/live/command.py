"""`emonet-edge live`: score a camera, a microphone or a recording as it goes on."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from emonet_edge.cli import exit_codes, options
from emonet_edge.cli.live import options as live_options
from emonet_edge.cli.output import emit, note, print_lines, print_table

if TYPE_CHECKING:
    from emonet_edge.cli.live.models import LiveModels
    from emonet_edge.cli.live.outputs import Outputs
    from emonet_edge.cli.live.sources import Wanted
    from emonet_edge.cli.live.summary import Summary

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
    live_options.add_source_options(parser)
    live_options.add_model_options(parser)
    live_options.add_output_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Score until the sources end, or somebody ends it."""
    if args.list_devices:
        return _list_devices(args.json)
    live_options.check_usage(args)
    from emonet_edge.cli.live.models import load_models
    from emonet_edge.cli.live.sources import wanted

    what = wanted(args)
    return _Live(args, what, load_models(args, what)).run()


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
        from emonet_edge.cli.live.sources import HeldClock

        self._args, self._what, self._models = args, what, models
        self._failed = self._interrupted = False
        self._sources: list[Any] = []
        self._clock = HeldClock()

    def run(self) -> int:
        from emonet_edge.cli.live.outputs import Outputs, open_outputs, written
        from emonet_edge.cli.live.summary import Summary

        args, summary = self._args, Summary(self._args.fast)
        outputs = Outputs()
        # The sources first: a camera that cannot be opened should leave no empty files behind.
        with self._session() as session:
            try:
                video, audio = self._open_sources(session)
                with outputs, self._ending():
                    watchers = open_outputs(outputs, args, self._what.title)
                    self._clock.start()
                    self._add_sources(session, video, audio, watchers)
                    self._show(session, outputs, summary, watchers)
            finally:
                self._stop()
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

    def _show(self, session: Any, outputs: Outputs, summary: Summary, watchers: list[Any]) -> None:
        with self._view() as view:
            for record in session.outcomes():
                summary.write(record)
                outputs.write(record)
                view(record)
                self._judge(record, watchers)

    def _session(self) -> Any:
        import emonet_edge as ee

        models = self._models
        return ee.stream.LiveSession(
            models.face,
            models.voice,
            models.detector,
            options=live_options.session_options(self._args),
            clock=None if self._args.fast else self._clock,
            inline=self._args.fast,
        )

    def _open_sources(self, session: Any) -> tuple[Any, Any]:
        from emonet_edge.cli.live.sources import open_sources

        found = open_sources(self._what, self._args, session.clock, session.notify)
        self._sources = [source for source in found if source is not None]
        return found

    def _add_sources(self, session: Any, video: Any, audio: Any, watchers: list[Any]) -> None:
        from emonet_edge.stream.output import TappedVideo

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

        from emonet_edge.cli.live.view import Board, Lines
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
        from emonet_edge.stream import FrameOutcome, Notice, UtteranceOutcome

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
