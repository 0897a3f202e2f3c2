"""From a text, as the command line gets it, to a source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from emonet_edge.exceptions import InputError
from emonet_edge.stream.clock import Clock, SystemClock
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.outcomes import Notice
from emonet_edge.stream.sources.byte_stream import is_fifo
from emonet_edge.stream.sources.camera import Camera, CameraWish, FormatMemory
from emonet_edge.stream.sources.container_audio import AudioFile
from emonet_edge.stream.sources.container_video import VideoFile
from emonet_edge.stream.sources.devices import camera_path
from emonet_edge.stream.sources.media_time import Pacer, Playback
from emonet_edge.stream.sources.microphone import Microphone
from emonet_edge.stream.sources.network_camera import NetworkCamera
from emonet_edge.stream.sources.raw_audio import RawAudio, SampleLayout
from emonet_edge.stream.sources.raw_video import RawGeometry, RawVideo
from emonet_edge.stream.sources.reopening import Reopening, ReopenPolicy
from emonet_edge.stream.sources.source import AudioBlock, Source

__all__ = ["SourceOptions", "open_audio", "open_video"]


@dataclass(frozen=True)
class SourceOptions:
    """How sources are opened.

    Args:
        pace: of files: "realtime" (each picture when it is due) or "fast" (as it is decoded, with
            the recording's own times). Pipes and devices are as fast as their writer.
        starts_at: when a file begins in real time, in seconds of the stream's clock; None: with
            its first item. Give picture and sound of one recording the same.
        camera: size and rate that a camera is asked for.
        camera_formats: of pixels, in the order of preference.
        rtsp_transport: "tcp" or "udp".
        network_timeout: to connect to a network camera, and to wait for its data, in seconds.
        stall_after: without data for this long, in seconds, a camera or microphone counts as gone.
        sample_rate: of microphones, in Hz; None: the device's.
        channels: of microphones.
        decoder_threads: of video decoders. One gives every frame at once.
        reopen: the delays between attempts.
    """

    pace: Playback = "realtime"
    starts_at: float | None = None
    camera: CameraWish = field(default_factory=CameraWish)
    camera_formats: tuple[str, ...] = ("yuyv422", "nv12", "mjpeg")
    rtsp_transport: str = "tcp"
    network_timeout: float = 5.0
    stall_after: float = 5.0
    sample_rate: int | None = None
    channels: int = 1
    decoder_threads: int = 1
    reopen: ReopenPolicy = field(default_factory=ReopenPolicy)


def open_video(
    spec: str,
    options: SourceOptions | None = None,
    *,
    clock: Clock | None = None,
    on_notice: Callable[[Notice], None] | None = None,
) -> Reopening[Frame]:
    """Return a source of frames.

    Args:
        spec: one of

            - ``camera:0``, ``camera:NAME``: by place or by part of the name, see `list_devices`;
            - ``/dev/video0``, ``v4l2:/dev/v4l/by-id/...``: by device file;
            - ``rtsp://...``, ``rtsps://...``: a network camera;
            - ``-``: any container (matroska, mpegts, ...) on standard input;
            - ``pipe:FORMAT:WIDTHxHEIGHT[@RATE][:PATH]``: raw pictures ("nv12", "yuyv", "i420",
              "rgb", "bgr") on standard input, in a FIFO or in a file;
            - a path of a video file, or of a FIFO with a container in it.
        options: how it is opened.
        clock: the stream's.
        on_notice: is told when the source opens, is lost, runs again or ends.

    Returns:
        A source. A camera or FIFO is awaited in `read`, and opened again whenever it goes away; a
        file is open already.

    Raises:
        InputError: the text is none of these.
        MediaError: a file that does not exist, is damaged, or holds no picture.
        MissingExtraError: PyAV is not installed.
    """
    options, clock = options or SourceOptions(), clock or SystemClock()
    make, live = _video_maker(spec, options, clock)
    source = Reopening(make, options.reopen if live else None, clock, on_notice)
    if not live:  # so that a wrong name is an error of the caller's line
        source.open()
    return source


def open_audio(
    spec: str,
    options: SourceOptions | None = None,
    *,
    clock: Clock | None = None,
    on_notice: Callable[[Notice], None] | None = None,
) -> Reopening[AudioBlock]:
    """Return a source of sound.

    Args:
        spec: one of

            - ``mic``, ``mic:2``, ``mic:NAME``: the default microphone, or by number or part of the
              name, see `list_devices`;
            - ``-``: a wav or any other container on standard input;
            - ``pipe:FORMAT:RATE[xCHANNELS][:PATH]``: raw samples ("s16le", "f32le") on standard
              input, in a FIFO or in a file;
            - a path of a sound file, of a video file with sound, or of a FIFO with either in it.
        options: how it is opened.
        clock: the stream's.
        on_notice: is told when the source opens, is lost, runs again or ends.

    Returns:
        A source, at its own rate and with its own channels. A microphone or FIFO is awaited in
        `read`, and opened again whenever it goes away; a file is open already.

    Raises:
        InputError: the text is none of these.
        MediaError: a file that does not exist, is damaged, or holds no sound.
        MissingExtraError: PyAV or sounddevice is not installed.
    """
    options, clock = options or SourceOptions(), clock or SystemClock()
    make, live = _audio_maker(spec, options, clock)
    source = Reopening(make, options.reopen if live else None, clock, on_notice)
    if not live:  # so that a wrong name is an error of the caller's line
        source.open()
    return source


def _video_maker(
    spec: str, options: SourceOptions, clock: Clock
) -> tuple[Callable[[], Source[Frame]], bool]:
    """Return what makes the source, and whether it is to be opened again when it ends."""
    kind, _, rest = spec.partition(":")
    if kind == "camera":
        return _camera(partial(camera_path, rest or "0"), spec, options, clock), True
    if kind == "v4l2" or spec.startswith(("/dev/video", "/dev/v4l/")):
        path = rest if kind == "v4l2" else spec
        return _camera(lambda: path, path, options, clock), True
    if kind.lower() in ("rtsp", "rtsps"):
        transport, timeout = options.rtsp_transport, options.network_timeout
        threads = options.decoder_threads
        return partial(NetworkCamera, spec, clock, transport, timeout, threads), True
    if kind == "pipe" and rest:
        geometry, path = _raw_video(spec, rest)
        live = is_fifo(path)
        return partial(RawVideo, path, geometry, clock, _pacer(path, options, clock)), live
    path = _file_path(spec)
    pacer = _pacer(path, options, clock)
    return partial(VideoFile, path, clock, pacer, options.decoder_threads), is_fifo(path)


def _audio_maker(
    spec: str, options: SourceOptions, clock: Clock
) -> tuple[Callable[[], Source[AudioBlock]], bool]:
    kind, _, rest = spec.partition(":")
    if kind == "mic":
        device = int(rest) if rest.isdigit() else rest or None
        rate, channels, stall = options.sample_rate, options.channels, options.stall_after
        return partial(Microphone, device, clock, rate, channels, stall), True
    if kind == "pipe" and rest:
        layout, path = _raw_audio(spec, rest)
        pacer = _pacer(path, options, clock)
        return partial(RawAudio, path, layout, clock, pacer), is_fifo(path)
    path = _file_path(spec)
    return partial(AudioFile, path, clock, _pacer(path, options, clock)), is_fifo(path)


def _camera(
    find: Callable[[], str], name: str, options: SourceOptions, clock: Clock
) -> Callable[[], Source[Frame]]:
    formats = FormatMemory(options.camera_formats)  # one for every opening: it learns
    return partial(Camera, find, name, clock, options.camera, formats, options.stall_after)


def _pacer(path: str, options: SourceOptions, clock: Clock) -> Pacer | None:
    """Return what times a recording; a pipe is timed by its writer."""
    if is_fifo(path) or (path == "-" and options.pace != "fast"):
        return None
    return Pacer(options.pace, clock, options.starts_at)


def _file_path(spec: str) -> str:
    if spec in ("-", "pipe:"):
        return "-"
    kind, separator, rest = spec.partition(":")
    if kind == "file" and separator:
        return rest
    if separator and rest.startswith("//"):
        raise InputError(
            f"only rtsp:// and rtsps:// are opened on the network; got {spec!r}; download the file"
        )
    return spec


def _raw_video(spec: str, text: str) -> tuple[RawGeometry, str]:
    """Parse FORMAT:WIDTHxHEIGHT[@RATE][:PATH]."""
    pixel_format, _, rest = text.partition(":")
    size, _, path = rest.partition(":")
    sides, _, rate = size.partition("@")
    width, _, height = sides.partition("x")
    try:
        return RawGeometry(pixel_format, int(width), int(height), float(rate or 30)), path or "-"
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            "raw pictures must be given as pipe:FORMAT:WIDTHxHEIGHT[@RATE][:PATH]; got "
            f"{spec!r}; for example pipe:nv12:1280x720@30"
        ) from error


def _raw_audio(spec: str, text: str) -> tuple[SampleLayout, str]:
    """Parse FORMAT:RATE[xCHANNELS][:PATH]."""
    sample_format, _, rest = text.partition(":")
    layout, _, path = rest.partition(":")
    rate, _, channels = layout.partition("x")
    try:
        return SampleLayout(sample_format, int(rate), int(channels or 1)), path or "-"
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            "raw samples must be given as pipe:FORMAT:RATE[xCHANNELS][:PATH]; got "
            f"{spec!r}; for example pipe:s16le:16000x1"
        ) from error
