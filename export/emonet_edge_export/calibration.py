"""Real pictures and clips, prepared by the code that runs on the device.

A set is a list of places (a file and a part of it), prepared one at a time when it is asked for.
Small sets are stretched: a picture also gives its quarters and middle, a clip its pieces of 6 s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonet_edge import demo_material
from emonet_edge.audio import log_mel_spectrogram, resample
from emonet_edge.exceptions import MediaError
from emonet_edge.image import preprocess_image
from emonet_edge.integrity import sha256_of_file
from emonet_edge.media import load_audio, load_image
from emonet_edge_export.errors import ExportError

__all__ = ["Samples", "drawn_samples", "from_folder", "spread_out"]

Float32 = NDArray[np.float32]
Maker = Callable[[], Float32]
Box = tuple[int, int, int, int]
_RATE = 16000
_WINDOW = 30 * _RATE
_PIECE = 6 * _RATE
_LEAST_PIECE = 2 * _RATE
_FEW = 64
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
SOUNDS = (".wav", ".flac", ".ogg", ".mp3")


@dataclass(frozen=True)
class Samples:
    """Prepared inputs of the encoder, made when they are asked for: each float32 without batch.

    `sha256` stands for the contents of the files; None where there are none.
    """

    source: str
    files: tuple[str, ...]
    makers: tuple[Maker, ...]
    representative: bool = True
    sha256: str | None = None

    def __len__(self) -> int:
        return len(self.makers)

    def __iter__(self) -> Iterator[Float32]:
        return (make() for make in self.makers)

    def some(self, count: int) -> Samples:
        """Return at most `count` of them, evenly spread."""
        chosen = tuple(self.makers[i] for i in spread_out(len(self.makers), count))
        return replace(self, makers=chosen)

    def described(self) -> dict[str, Any]:
        """Return what report.json says of them."""
        return {
            "source": self.source,
            "files": len(self.files),
            "sha256": self.sha256,
            "inputs": len(self.makers),
            "representative": self.representative,
        }


def spread_out(total: int, count: int) -> list[int]:
    """Return at most `count` indices of `total`, evenly spread and in order."""
    count = min(total, count)
    return [index * total // count for index in range(count)]


def from_folder(
    folder: Path,
    modality: str,
    preparation: Mapping[str, Any],
    what: str = "",
    stretch: bool = True,
) -> Samples:
    """Take every picture or clip below a folder; `stretch` allows parts of them as well.

    Raises:
        ExportError: there is none, or one cannot be read.
    """
    suffixes = PICTURES if modality == "face" else SOUNDS
    files = sorted(
        p for p in Path(folder).rglob("*") if p.suffix.lower() in suffixes and p.is_file()
    )
    if not files:
        raise ExportError(
            f"{folder}: a calibration folder needs {modality} material ({', '.join(suffixes)}); "
            "there is none"
        )
    split = _pictures if modality == "face" else _clips
    try:
        makers = split(files, preparation, stretch and len(files) < _FEW)
    except MediaError as error:
        raise ExportError(f"{error} (in the calibration folder; repair or remove it)") from error
    names = tuple(p.name for p in files)
    return Samples(what or str(folder), names, tuple(makers), sha256=_contents_sha256(files))


def _contents_sha256(files: Sequence[Path]) -> str:
    """Hash the files' sha256 in hex, a line each in order of path, as sha256sum would list them."""
    lines = "".join(f"{sha256_of_file(path)}\n" for path in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def drawn_samples(modality: str, preparation: Mapping[str, Any], count: int = 8) -> Samples:
    """Make pictures and sounds in code: enough to compare conversions, not to calibrate on."""
    makers: list[Maker] = []
    if modality == "face":
        face = demo_material.draw_face()
        for image in (face, np.ascontiguousarray(face[:, ::-1]), _dimmed(face), _grainy(face)):
            makers += [partial(_picture, image, box, preparation) for box in _boxes(image, True)]
    else:
        voice = demo_material.synthesize_voice(32.0)
        for number in range(8):
            start, seconds = round(number * 2.5 * _RATE), 2 + number % 5
            makers.append(partial(log_mel_spectrogram, voice[start : start + seconds * _RATE]))
    return Samples("drawn in code", (), tuple(makers[:count]), representative=False)


def _dimmed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return (image * 0.4).astype(np.uint8)


def _grainy(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grain = np.random.default_rng(0).normal(0, 20, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def _pictures(files: Sequence[Path], how: Mapping[str, Any], stretch: bool) -> list[Maker]:
    makers: list[Maker] = []
    for path in files:
        boxes = _boxes(load_image(path), stretch)
        makers += [partial(_picture_of, path, box, how) for box in boxes]
    return makers


def _boxes(image: NDArray[np.uint8], stretch: bool) -> list[Box | None]:
    height, width = image.shape[:2]
    if not stretch or min(height, width) < 64:
        return [None]
    w, h = width * 2 // 3, height * 2 // 3
    corners = [(0, 0), (width - w, 0), (0, height - h), (width - w, height - h)]
    middle = ((width - w) // 2, (height - h) // 2)
    return [None, *((x, y, w, h) for x, y in (middle, *corners))]


def _picture(image: NDArray[np.uint8], box: Box | None, how: Mapping[str, Any]) -> Float32:
    return preprocess_image(image, box, mean=how["mean"], std=how["std"], size=how["size"])


def _picture_of(path: Path, box: Box | None, how: Mapping[str, Any]) -> Float32:
    return _picture(load_image(path), box, how)


def _clips(files: Sequence[Path], how: Mapping[str, Any], stretch: bool) -> list[Maker]:
    del how  # one definition of the log-mel spectrogram; load_encoder has compared it
    makers: list[Maker] = []
    for path in files:
        length = len(_mono(path))
        windows = [(s, s + _WINDOW) for s in range(0, max(1, length - _LEAST_PIECE), _WINDOW)]
        if stretch and length > _PIECE:
            windows += [(s, s + _PIECE) for s in range(0, length - _LEAST_PIECE, _PIECE)]
        makers += [partial(_clip_of, path, window) for window in windows]
    return makers


def _clip_of(path: Path, window: tuple[int, int]) -> Float32:
    return log_mel_spectrogram(_mono(path)[window[0] : window[1]])


def _mono(path: Path) -> Float32:
    return resample(*load_audio(path))
