"""A live session: camera and microphone in, outcomes and events out.

::

    face = ee.FaceEmotionModel.load("models/face")
    voice = ee.VoiceEmotionModel.load("models/voice", heads=["anger", "fear"])
    detector = ee.FaceDetector.load("models/face")
    with ee.stream.LiveSession(face, voice, detector) as session:
        session.add_video(ee.stream.open_video("/dev/video0", clock=session.clock))
        session.add_audio(ee.stream.open_audio("default", clock=session.clock))
        for record in session.outcomes():
            print(record.to_dict())

Nothing that is seen or heard is stored or logged. What leaves a session are its records.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from emonet_edge.exceptions import AudioError, InputError
from emonet_edge.image import Color, YuvMatrix, YuvRange
from emonet_edge.stream.clock import Clock, ManualClock, SystemClock
from emonet_edge.stream.faces.lane import FaceLane
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.fusion import Fusion
from emonet_edge.stream.governor import Governor
from emonet_edge.stream.lanes import Faces, inline_lanes, threaded_lanes
from emonet_edge.stream.options import LiveOptions
from emonet_edge.stream.outcomes import Notice, StreamRecord
from emonet_edge.stream.publisher import Publisher
from emonet_edge.stream.readers import Readers, read_in_turn
from emonet_edge.stream.records import Callback, Delivery, Records
from emonet_edge.stream.sources.push import frame_of_array
from emonet_edge.stream.sources.source import AudioBlock, AudioSource, VideoSource
from emonet_edge.stream.stages import Timer
from emonet_edge.stream.voices.lane import VoiceLane
from emonet_edge.stream.voices.listener import Listener

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from emonet_edge.models.emotion_model import EmotionModel
    from emonet_edge.models.face import FaceEmotionModel
    from emonet_edge.models.face_detector import FaceDetector
    from emonet_edge.models.voice import VoiceEmotionModel

__all__ = ["LiveSession"]

Self = TypeVar("Self", bound="LiveSession")
_Lane = TypeVar("_Lane")


class LiveSession:
    """Scores a camera, a microphone, or both, for as long as it is open.

    Every frame and every part of an utterance that is submitted has exactly one outcome, also when
    something fails or the session is closed. The latest frame wins and nothing queues up; a reader
    of records who is slow loses the oldest ones and is told how many.

    Args:
        face: scores faces; needs `detector`. None: no frames are taken.
        voice: scores voices. None: no sound is taken.
        detector: finds faces.
        options: how; the defaults suit a kiosk.
        clock: the stream's time; by default a `SystemClock`, with `inline` a `ManualClock`.
        on_record: is called with every record, in a thread of its own (with `inline` in the
            caller's), instead of `outcomes()`. What it raises is counted and logged once.
        inline: do everything in the thread that calls, at once, without dropping frames: for
            recordings at full speed, simulations and tests.
        timer: for the durations in `stages_ms`.

    Raises:
        InputError: neither face nor voice, or a face model without a detector.
        UnknownNameError: an event for a head that the model does not have.
        DeviceError, IntegrityError: voice activity detection cannot run.
    """

    def __init__(
        self,
        face: FaceEmotionModel | None = None,
        voice: VoiceEmotionModel | None = None,
        detector: FaceDetector | None = None,
        options: LiveOptions | None = None,
        clock: Clock | None = None,
        *,
        on_record: Callable[[StreamRecord], None] | None = None,
        inline: bool = False,
        timer: Timer = time.perf_counter,
    ) -> None:
        _check_models(face, voice, detector)
        self.options = options or LiveOptions()
        self.clock: Clock = clock or (ManualClock() if inline else SystemClock())
        self._inline = inline
        self._state = threading.RLock()  # guards what follows; again, in an inline callback
        self._closed = self._pushed = self._awaited = False
        self._seq, self._sample = -1, 0
        self._sources: dict[str, Any] = {}
        self._ended = threading.Event()

        self._callback = None if on_record is None else Callback(on_record)
        self._records = Records(self.options.max_waiting_records, self.clock.now)
        self._listener = Listener(self.options.voice) if voice else None
        governor = Governor(
            self.options.governor, self.options.face.rate_hz, self.options.face.max_faces
        )
        deliver = self._callback if inline and self._callback else self._records.put
        self._publisher = Publisher(
            deliver, self.clock, Fusion(self.options.fusion), governor, lambda: self.speaking
        )
        faces = voices = None
        if face is not None and detector is not None:
            how = self.options.face, self.options.events
            faces = FaceLane(face, detector, *how, governor, timer)
        if voice is not None and self._listener is not None:
            voices = self._listener, VoiceLane(voice, self.options.events, timer)
        into = faces, voices, self._publisher, self.clock
        # From here on there are threads: nothing below may raise.
        self._lanes = inline_lanes(*into) if inline else threaded_lanes(*into, self.options)
        self._readers = Readers(self._tell_error, self._end_with_the_sources)
        self._delivery = None
        if self._callback and not inline:
            self._delivery = Delivery(self._records, self._callback)
        for model in (face, voice):
            if model is not None:
                self.notify(_device_notice(model, self.clock.now()))

    @property
    def speaking(self) -> bool:
        """Whether somebody is speaking, as far as is known."""
        return self._listener is not None and self._listener.speaking

    @property
    def counts(self) -> dict[str, Any]:
        """What was counted so far, JSON-ready.

        "frames" and "utterances": submitted, waiting, and each kind of outcome. "records_lost": by
        a slow reader. "sound_lost_s": seconds of sound that came faster than they could be heard.
        "callback_errors": how often `on_record` raised.
        """
        return {
            **self._publisher.counts(),
            "records_lost": self._records.lost,
            "sound_lost_s": self._lanes.lost_s,
            "callback_errors": self._callback.errors if self._callback else 0,
        }

    def push_frame(
        self,
        image: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
        color: Color = "rgb",
        *,
        captured_at: float | None = None,
        width: int | None = None,
        matrix: YuvMatrix = "bt601",
        range: YuvRange = "limited",  # noqa: A002 - the word that video tags use
        copy: bool = True,
    ) -> int:
        """Submit a frame of your own capture; returns at once.

        Args:
            image: as `preprocess_image` takes it, with `color`, `width`, `matrix` and `range`.
            color: "rgb", "bgr", "nv12" or "yuyv".
            captured_at: when it was taken, in seconds of the stream's clock; None is now.
            width: pixels per row of nv12 and yuyv, where the rows are padded.
            matrix: of nv12 and yuyv.
            range: of nv12 and yuyv.
            copy: False saves 0.3 ms for a 1080p frame: then nobody may write to the array any
                more.

        Returns:
            The number of the frame: `seq` of its outcome.

        Raises:
            ImageError: it is no picture.
            InputError: the session has no face model, or is closed.
        """
        faces = self._open(self._lanes.faces, "frames", "face")
        at = self.clock.now() if captured_at is None else captured_at
        if not math.isfinite(at):
            raise InputError(f"captured_at must be a time in seconds; got {at!r}: leave it out")
        if copy:
            planes = isinstance(image, (tuple, list))
            image = [np.array(plane) for plane in image] if planes else np.array(image)
        frame = frame_of_array(
            image, seq=0, captured_at=at, color=color, width=width, matrix=matrix, range=range
        )
        self._pushed = True
        return self._take_frame(faces, replace(frame, seq=-1))

    def push_samples(
        self, samples: NDArray[Any], sample_rate: float, *, captured_at: float | None = None
    ) -> None:
        """Submit the next samples of your own capture; returns at once. They are copied.

        Args:
            samples: float32 [n] or [n, channels], full scale at 1.0; int16 will do as well.
            sample_rate: in Hz, 1000 to 768000.
            captured_at: when the first of them was heard, in seconds of the stream's clock; None:
                such that the last one is heard now.

        Raises:
            AudioError: no array, or of another rank or type.
            InputError: the session has no voice model, or is closed.
        """
        voices = self._open(self._lanes.voices, "sound", "voice")
        block, rate = np.array(samples), int(sample_rate)
        if block.ndim not in (1, 2) or block.dtype.kind not in "fi" or rate != sample_rate:
            raise AudioError(
                "samples must be float32 [n] or [n, channels] at a whole number of Hz; got "
                f"{block.dtype} of shape {list(block.shape)} at {sample_rate!r} Hz; convert them"
            )
        if rate <= 0:
            raise AudioError(f"a sample rate must be above 0 Hz; got {sample_rate!r}: check it")
        if captured_at is None:
            captured_at = self.clock.now() - len(block) / rate
        if not math.isfinite(captured_at):
            raise InputError(
                f"captured_at must be a time in seconds; got {captured_at!r}: leave it out"
            )
        self._pushed = True
        with self._state:
            first, self._sample = self._sample, self._sample + len(block)
            voices.submit(AudioBlock(first, captured_at, rate, block))

    def add_video(self, source: VideoSource) -> None:
        """Read frames from a source until it ends; the session closes it.

        Raises:
            InputError: the session has no face model, has a camera already, or is closed.
        """
        faces = self._open(self._lanes.faces, "frames", "face")
        self._add("video", source, partial(self._take_frame, faces))

    def add_audio(self, source: AudioSource) -> None:
        """Read sound from a source until it ends; the session closes it.

        Raises:
            InputError: the session has no voice model, has a microphone already, or is closed.
        """
        voices = self._open(self._lanes.voices, "sound", "voice")
        self._add("audio", source, voices.submit)

    def _add(self, kind: str, source: Any, take: Callable[[Any], Any]) -> None:
        with self._state:
            if kind in self._sources:
                raise InputError(
                    f"a session reads one {kind} source; it has one: make another session, models "
                    "may be shared"
                )
            self._sources[kind] = (source, take)
        if not self._inline:
            self._readers.add(source, take, f"emonet-{kind}")

    def _take_frame(self, faces: Faces, frame: Frame) -> int:
        with self._state:
            # Numbers are the source's own, unless it counts anew: each frame has one of its own.
            self._seq = max(frame.seq, self._seq + 1)
            if frame.seq != self._seq:
                frame = replace(frame, seq=self._seq)
            faces.submit(frame)
            return frame.seq

    def _open(self, lane: _Lane | None, what: str, modality: str) -> _Lane:
        """Return the lane that takes `what`. Raises: InputError: there is none, or no more."""
        if lane is None:
            raise InputError(
                f"{what} need a {modality} model; this session has none: pass {modality}="
            )
        if self._closed:
            raise InputError(f"the session is closed and takes no {what}: make another one")
        return lane

    def notify(self, notice: Notice) -> None:
        """Add a notice to the records: what sources call with their changes of state."""
        self._publisher.notice(notice)

    def _tell_error(self, source: Any, error: Exception) -> None:
        name = getattr(source, "name", type(source).__name__)
        text = f"{name} failed: {error}"
        details = {"source": str(name), "error": type(error).__name__}
        self.notify(Notice(self.clock.now(), "source", text, details))

    def outcomes(self) -> Iterator[StreamRecord]:
        """Yield records as they come: outcomes, events, states and notices.

        It ends when the session is closed, or when all its sources have ended (unless frames or
        sound are pushed as well): add them before. With `inline` it reads the sources itself, the
        one that is behind in time first, and ends with them.

        Raises:
            InputError: the records go to `on_record`.
        """
        if self._callback is not None:
            raise InputError("the records of this session go to on_record; call wait() instead")
        if self._inline:
            return self._read_inline()
        self._await_the_end()
        return iter(self._records.take, None)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all sources have ended and everything has its outcome, or until `close`.

        With `inline` it reads them meanwhile. `timeout` is in seconds.

        Returns:
            False if it took longer.
        """
        if self._inline:
            for _ in self._read_inline():
                pass
            return True
        self._await_the_end()
        return self._ended.wait(timeout)

    def _read_inline(self) -> Iterator[StreamRecord]:
        step = read_in_turn(list(self._sources.values()), self._tell_error)
        going_on = True
        while going_on:
            going_on = step()
            if not going_on and self._sources:
                self._lanes.flush()
            while (record := self._records.take(wait=False)) is not None:
                yield record
        self._sources.clear()

    def _await_the_end(self) -> None:
        """From now on the session is over when its sources are: there will be no other ones."""
        self._awaited = True
        self._end_with_the_sources()

    def _end_with_the_sources(self) -> None:
        if self._awaited and self._sources and self._readers.over and not self._pushed:
            self._lanes.flush()
            self._records.close()
            self._ended.set()

    def flush(self, timeout: float | None = None) -> bool:
        """End the utterance that goes on, and wait for the outcomes of all that was submitted.

        `timeout` is in seconds. Returns False if it took longer.
        """
        return self._lanes.flush(timeout)

    def close(self, *, flush: bool = False) -> None:
        """End sources and threads; what still waits is dropped, with the reason "closed".

        It takes as long as the run of the encoder that is under way. Records can still be read.

        Args:
            flush: see everything through first, as leaving the `with` without an error does.
        """
        with self._state:
            if self._closed:
                return
            self._closed = True
        self._readers.close_sources()
        for source, _ in self._sources.values():
            source.close()
        if flush:
            self._lanes.flush()
        self._lanes.close()
        self._readers.join()
        self._records.close()
        self._ended.set()
        if self._delivery is not None:
            self._delivery.join()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(flush=kind is None)


def _check_models(
    face: FaceEmotionModel | None, voice: VoiceEmotionModel | None, detector: FaceDetector | None
) -> None:
    if face is None and voice is None:
        raise InputError("a session needs a model; got neither face nor voice: pass one")
    if face is not None and detector is None:
        raise InputError(
            "a session with a face model needs a detector; got None: pass FaceDetector.load(path)"
        )


def _device_notice(model: EmotionModel, at: float) -> Notice:
    report = model.report
    why = f" ({report.reason})" if report.reason else ""
    text = f"{model.modality}: {report.asked} was asked for, {report.used} runs{why}"
    keys = ("asked", "used", "device_name", "reason", "precision_hint", "threads")
    details = {"modality": model.modality, **{key: getattr(report, key) for key in keys}}
    return Notice(at, "device", text, details)
