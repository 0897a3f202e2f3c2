"""ffmpeg's containers through PyAV, opened so that a hostile one can open nothing else.

Three locks, each enough by itself: ffmpeg gets bytes, not names (`ByteStream`), is allowed no
protocol, and knows only the container formats below, none of which is a playlist. A network camera
is the one thing that ffmpeg connects to, with the one protocol that its URL asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from emonet_edge._extras import pyav
from emonet_edge.exceptions import MediaError
from emonet_edge.stream.sources.byte_stream import ByteStream

__all__ = [
    "MAX_FRAME_PIXELS",
    "check_picture",
    "failure_of",
    "frames_of",
    "nothing_in",
    "open_bytes",
    "packets_of",
    "pick_stream",
]

MAX_FRAME_PIXELS = 8192 * 8192
"""Of a frame of video: twice 8K. More is a damaged or hostile header."""

# What people have. ffmpeg knows 400, and some of them (concat, hls, image2, sdp) open other files.
CONTAINERS = (
    "3gp,aac,ac3,aiff,amr,asf,au,avi,caf,flac,flv,gif,h264,hevc,ivf,m4a,m4v,matroska,mj2,mjpeg,"
    "mov,mp3,mp4,mpeg,mpegts,mpegvideo,mpjpeg,nut,ogg,w64,wav,webm,yuv4mpegpipe"
)
VIDEO_CODECS = (
    "av1,dvvideo,ffv1,flv,gif,h263,h264,hevc,huffyuv,libdav1d,libvpx,libvpx-vp9,mjpeg,mpeg1video,"
    "mpeg2video,mpeg4,msmpeg4,msmpeg4v2,prores,rawvideo,theora,vp8,vp9,wmv2,wmv3"
)
AUDIO_CODECS = (
    "aac,aac_latm,ac3,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,alac,amrnb,amrwb,eac3,flac,gsm,libopus,"
    "libvorbis,mp2,mp2float,mp3,mp3float,opus,vorbis,wmav1,wmav2"
)

_BUFFER_BYTES = 1 << 18
_DAMAGED_IN_A_ROW = 250  # packets; ten seconds of a network camera until its next key frame


def open_bytes(stream: ByteStream) -> Any:
    """Open a container over bytes.

    Raises:
        MediaError: it is no container of a known format, or is damaged.
        MissingExtraError: PyAV is not installed.
    """
    av = pyav()
    closed_world = {"protocol_whitelist": "none", "format_whitelist": CONTAINERS}
    try:
        return av.open(
            stream,
            mode="r",
            container_options=closed_world,
            buffer_size=_BUFFER_BYTES,
            metadata_errors="replace",
        )
    except Exception as error:  # damaged headers make the demuxers raise almost anything
        raise failure_of(error, stream.name) from error


def failure_of(error: Exception, name: str) -> MediaError:
    """Say what ffmpeg's error means to the user."""
    if isinstance(error, MediaError):
        return error
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return MediaError(
        f"{name} cannot be read ({reason}): it is damaged, cut short, or in a format that is not "
        "opened here (playlists are not); convert it to mp4, matroska or wav"
    )


def pick_stream(container: Any, kind: str, name: str, threads: int) -> Any:
    """Choose the picture or sound track to read, and prepare its decoder.

    Args:
        container: an open container.
        kind: "video" or "audio".
        name: what messages call it.
        threads: of the decoder. One frees every frame at once; more keep a frame each back.

    Raises:
        MediaError: there is no such track, or its codec is not one that is opened here.
    """
    stream = container.streams.best(kind)
    if stream is None:
        raise MediaError(f"{name} holds no {kind}: name a file that has some")
    context = stream.codec_context
    codec = "unknown" if context is None else str(context.name)
    known = VIDEO_CODECS if kind == "video" else AUDIO_CODECS
    if codec not in known.split(",") and not (kind == "audio" and codec.startswith("pcm_")):
        raise MediaError(
            f"{name}: its {kind} is in a codec that is not opened here ({codec}): convert it, for "
            "example to H.264 and AAC"
        )
    context.thread_count = threads
    if kind == "video":
        check_picture(context.width, context.height, name)
        context.options = {**context.options, "max_pixels": str(MAX_FRAME_PIXELS)}
    return stream


def packets_of(container: Any, track: Any, name: str) -> Iterator[Any]:
    """Read a track to its end; the last packet is empty and flushes the decoder.

    Raises:
        MediaError: the container is damaged, or its bytes cannot be read.
    """
    try:
        yield from container.demux(track)
    except Exception as error:  # damaged containers make the demuxers raise almost anything
        raise failure_of(error, name) from error


def frames_of(packets: Iterable[Any], name: str) -> Iterator[Any]:
    """Decode packets; single damaged ones are left out, as players do.

    Raises:
        MediaError: too many in a row are damaged, or all of them.
    """
    damaged, any_came = 0, False
    for packet in packets:
        try:
            frames = packet.decode()
        except pyav().FFmpegError as error:
            damaged += 1
            if damaged > _DAMAGED_IN_A_ROW:
                raise failure_of(error, name) from error
            continue
        for frame in frames:
            damaged, any_came = 0, True
            yield frame
    if not any_came:
        raise nothing_in(name)


def nothing_in(name: str) -> MediaError:
    """Say that a track has no frame that can be decoded."""
    return MediaError(f"{name} holds nothing that can be decoded: it is damaged or cut short")


def check_picture(width: int, height: int, name: str) -> None:
    """Refuse a size that no camera has.

    Raises:
        MediaError: a side is 0, or there are more than `MAX_FRAME_PIXELS`.
    """
    if width < 1 or height < 1:
        raise MediaError(f"{name} states no size of its pictures: it is damaged or cut short")
    if width * height > MAX_FRAME_PIXELS:
        raise MediaError(
            f"{name}: a frame may have {MAX_FRAME_PIXELS:,} pixels, its header says "
            f"{width}x{height}: the file is damaged, or scale it down"
        )
