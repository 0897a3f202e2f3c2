"""Picture and sound files to arrays; everything that can be wrong with a file is a `MediaError`.

Files come from strangers, so the limits below are checked on the header, before anything is
allocated, and on what is really decoded, because headers lie.

Pillow reads pictures: its resize is the definition that `preprocess_image` follows, so it is the
reference anyway. soundfile (libsndfile) reads wav, flac, ogg and mp3 in blocks, from one wheel and
without ffmpeg. soxr resamples (in `emonet_edge.audio`). They form the extra `media`, for a robot
that feeds frames and samples needs none of them. More in docs/dependencies.md.
"""

from __future__ import annotations

import io
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np

from emonet_edge._extras import pillow, soundfile
from emonet_edge.exceptions import MediaError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["load_audio", "load_image"]

Source: TypeAlias = "str | Path | bytes"

MAX_PIXELS = 128 * 1024 * 1024  # 134 megapixels: the largest camera sensors, 400 MB as RGB
MAX_SECONDS = 3600.0
MAX_SAMPLES = 3600 * 48_000  # one hour at 48 kHz, 691 MB as float32
MAX_CHANNELS = 64
SAMPLE_RATES = (1_000, 768_000)  # Hz; outside of it a header is damaged, not exotic
MAX_BYTES = 1 << 30  # of a file on stdin or in memory

# The formats that people have. Pillow knows more, and some of them start programs (EPS) or are
# rarely tested: they stay closed for files from strangers.
PICTURE_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM", "JPEG2000")

_BLOCK_FRAMES = 1 << 16
_EXIF_ORIENTATION = 0x0112


def load_image(source: Source) -> NDArray[np.uint8]:
    """Read a picture as upright RGB.

    Args:
        source: a path, ``"-"`` for standard input, or the bytes of a file. PNG, JPEG, WebP, AVIF,
            BMP, GIF, TIFF, PPM and JPEG 2000.

    Returns:
        uint8 [H, W, 3], RGB. The EXIF orientation is applied; grey, palette, CMYK and 16-bit
        pictures are converted; transparent parts lie on white; of an animation it is the first
        frame. An embedded colour profile is not applied, as in the models' own preparation.

    Raises:
        MediaError: the file is missing, damaged, cut short, of another format, or larger than
            `MAX_PIXELS`.
        MissingExtraError: Pillow is not installed.

    """
    image_module = pillow()
    name, file = _open(source)
    with file, warnings.catch_warnings():
        # Pillow warns from 89 megapixels on and of odd metadata; the limit here is `MAX_PIXELS`.
        warnings.simplefilter("ignore")
        try:
            return _decode_picture(image_module, file, name)
        except MediaError:
            raise
        except image_module.DecompressionBombError as error:
            raise MediaError(_too_many_pixels(name, "far more than that")) from error
        except MemoryError as error:
            raise MediaError(f"{name}: the picture does not fit the free memory") from error
        except Exception as error:  # damaged files make Pillow's decoders raise almost anything
            raise MediaError(_unreadable_picture(name, error)) from error


def load_audio(
    source: Source, *, max_seconds: float = MAX_SECONDS
) -> tuple[NDArray[np.float32], int]:
    """Read a sound file as mono.

    Args:
        source: a path, ``"-"`` for standard input, or the bytes of a file. wav, flac, ogg, mp3
            and what else libsndfile reads.
        max_seconds: longer clips are refused, in seconds.

    Returns:
        float32 [n], the mean of the channels, full scale at 1.0; and the sample rate in Hz.

    Raises:
        MediaError: the file is missing, empty, damaged, cut short, not a sound, or longer than
            `max_seconds` or `MAX_SAMPLES`.
        MissingExtraError: soundfile is not installed.

    """
    library = soundfile()
    name, file = _open(source)
    with file:
        try:
            with library.SoundFile(file) as sound:
                limit = _check_sound_header(sound, name, max_seconds)
                waveform = _read_blocks(sound, name, limit)
                _check_complete(sound, len(waveform), name)
                return waveform, int(sound.samplerate)
        except MediaError:
            raise
        except MemoryError as error:
            raise MediaError(f"{name}: the clip does not fit the free memory") from error
        except Exception as error:  # libsndfile's errors, and what cffi makes of odd headers
            raise MediaError(_unreadable_sound(name, error)) from error


def display_name(source: Source) -> str:
    """Return what messages call a source: the path, or where the bytes came from."""
    if isinstance(source, bytes):
        return "picture or sound in memory"
    return "standard input" if str(source) == "-" else str(source)


# Files


def _open(source: Source) -> tuple[str, BinaryIO]:
    name = display_name(source)
    if isinstance(source, bytes):
        return name, io.BytesIO(source)
    if str(source) == "-":
        return name, io.BytesIO(_read_stdin())
    path = Path(source)
    try:
        if path.is_dir():
            raise MediaError(f"{name} is a directory: name the files in it")
        return name, path.open("rb")
    except FileNotFoundError as error:
        raise MediaError(f"{name}: no such file") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"{name} cannot be opened: {reason}") from error


def _read_stdin() -> bytes:
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if not data:
        raise MediaError("standard input is empty: pipe a file into it, or name one")
    if len(data) > MAX_BYTES:
        raise MediaError(
            f"standard input holds more than {MAX_BYTES / 2**30:g} GiB, which is the limit: "
            "cut it into parts, or name a file"
        )
    return data


# Pictures


def _decode_picture(image_module: Any, file: BinaryIO, name: str) -> NDArray[np.uint8]:
    image_module.init()
    formats = [known for known in PICTURE_FORMATS if known in image_module.OPEN]
    with image_module.open(file, formats=formats) as picture:
        width, height = picture.size
        if width < 1 or height < 1:
            raise MediaError(f"{name} is {width}x{height} pixels: there is nothing to see")
        if width * height > MAX_PIXELS:
            raise MediaError(_too_many_pixels(name, f"{width}x{height}"))
        orientation = _orientation(picture)
        rgb = np.array(_to_rgb(picture, name), dtype=np.uint8)
    return np.ascontiguousarray(_upright(rgb, orientation))


def _orientation(picture: Any) -> int:
    try:
        return int(picture.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # an EXIF block that cannot be read states no orientation
        return 1


def _upright(rgb: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo the eight EXIF orientations (EXIF 2.3, tag 0x0112)."""
    if orientation in (5, 6, 7, 8):
        rgb = rgb.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        rgb = rgb[::-1]
    if orientation in (2, 3, 6, 7):
        rgb = rgb[:, ::-1]
    return rgb


def _to_rgb(picture: Any, name: str) -> Any:
    mode = picture.mode
    if mode in ("I", "F") or mode.startswith("I;16"):
        return _from_deep_grey(picture, name)
    if mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in picture.info:
        return _on_white(picture)
    return picture.convert("RGB")


def _from_deep_grey(picture: Any, name: str) -> Any:
    """16-bit grey to 8 bits by its high byte; Pillow's own conversion clips on some versions."""
    grey = np.asarray(picture)
    if grey.dtype.kind == "f" or grey.min() < 0 or grey.max() > 0xFFFF:
        raise MediaError(
            f"{name} has 32-bit grey values ({picture.mode}), whose white is not defined: "
            "convert it to 8 or 16 bits"
        )
    return pillow().fromarray((grey.astype(np.int32) >> 8).astype(np.uint8)).convert("RGB")


def _on_white(picture: Any) -> Any:
    """Lay it on white, as viewers do: what lies under full transparency is arbitrary."""
    picture = picture.convert("RGBA")
    white = pillow().new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return white.convert("RGB")


def _too_many_pixels(name: str, size: str) -> str:
    return f"{name}: a picture may have {MAX_PIXELS:,} pixels, this one has {size}: scale it down"


def _unreadable_picture(name: str, error: Exception) -> str:
    if type(error).__name__ == "UnidentifiedImageError":
        known = ", ".join(PICTURE_FORMATS)
        return f"{name} is not a picture in a known format ({known}): convert it"
    return f"{name} is damaged or cut short ({error}): get the file again"


# Sounds


def _check_sound_header(sound: Any, name: str, max_seconds: float) -> int:
    """Refuse what no real clip has; return how many frames may be read."""
    low, high = SAMPLE_RATES
    if not low <= sound.samplerate <= high:
        raise MediaError(
            f"{name}: the sample rate must lie in {low:,} to {high:,} Hz, its header says "
            f"{sound.samplerate:,}: the file is damaged"
        )
    if not 1 <= sound.channels <= MAX_CHANNELS:
        raise MediaError(
            f"{name}: a clip may have {MAX_CHANNELS} channels, this one has {sound.channels}: "
            "mix it down"
        )
    return min(MAX_SAMPLES, int(max_seconds * sound.samplerate))


def _read_blocks(sound: Any, name: str, limit: int) -> NDArray[np.float32]:
    """Grow with what is decoded, never with what the header promises."""
    waveform = np.empty(_BLOCK_FRAMES, dtype=np.float32)
    filled = 0
    while True:
        block = sound.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)
        if not len(block):
            break
        if filled + len(block) > limit:
            raise MediaError(
                f"{name}: a clip may last {limit / sound.samplerate:,.0f} s at "
                f"{sound.samplerate:,} Hz, and this one goes on: cut it into parts"
            )
        if filled + len(block) > len(waveform):
            # In place: a large block is moved by the kernel's page tables, not copied.
            waveform.resize(max(2 * len(waveform), filled + len(block)), refcheck=False)
        block.mean(axis=1, out=waveform[filled : filled + len(block)])
        filled += len(block)
    if not filled:
        raise MediaError(f"{name} holds no samples: record it again")
    waveform.resize(filled, refcheck=False)
    return waveform


def _check_complete(sound: Any, frames: int, name: str) -> None:
    """Refuse a clip that was cut while it was copied: it must not be scored as if it were whole.

    FLAC states its length; of a wav libsndfile notes in its log what the header promised. Formats
    that state no length (ogg, mp3) cannot be checked.
    """
    promised = int(sound.frames) if sound.format == "FLAC" else frames
    cut_wav = sound.format in ("WAV", "WAVEX") and _data_chunk_is_short(sound.extra_info)
    if frames < promised or cut_wav:
        raise MediaError(
            f"{name} is cut short: it ends after {frames / sound.samplerate:.2f} s, and its "
            "header promises more: get the file again"
        )


def _data_chunk_is_short(log: str) -> bool:
    """Whether the data chunk was to be longer; streamed wavs (length 0 or near 2^32) are whole."""
    for line in log.splitlines():
        label, _, rest = line.partition(":")
        if label.strip(" *") == "data" and "should be" in rest:
            stated = rest.split("(")[0].strip()
            return stated.isdigit() and 0 < int(stated) < 0x7FFF_0000
    return False


def _unreadable_sound(name: str, error: Exception) -> str:
    reason = getattr(error, "error_string", None) or str(error)
    return f"{name} is not a sound file that can be read ({str(reason).strip()}): convert it to wav"
