"""Real pictures and clips, prepared by the code that runs on the device.

A set is a list of places (a file and a part of it), prepared one at a time when it is asked for.
Small sets are stretched: a picture also gives its quarters and middle, a clip its pieces of 6 s.

Every input belongs to a group: the folder that its file lies in, or the file itself where it lies
at the top. Halves of a set never share a group, so a person with a folder is never on both sides.
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

from emonet_edge._types import Float32
from emonet_edge.audio import log_mel_spectrogram, resample
from emonet_edge.exceptions import MediaError
from emonet_edge.image import preprocess_image
from emonet_edge.media import load_audio, load_image
from emonet_edge.model_dir.integrity import sha256_of_file
from emonet_edge.synthetic import demo_material
from emonet_edge_export.errors import ExportError

__all__ = ["Samples", "drawn_samples", "from_folder", "spread_out"]

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

    `groups` has one name for each maker. `variations` are the same inputs as another day might have
    brought them (pace, noise, light, mirrored), one for each maker: for ranges, never for judging.
    `sha256` is of the files' contents.
    """

    source: str
    files: tuple[str, ...]
    makers: tuple[Maker, ...]
    representative: bool = True
    groups: tuple[str, ...] = ()
    variations: tuple[Maker, ...] = ()
    sha256: str | None = None

    def __len__(self) -> int:
        return len(self.makers)

    def __iter__(self) -> Iterator[Float32]:
        return (make() for make in self.makers)

    def some(self, count: int) -> Samples:
        """Return at most `count` of them, evenly spread."""
        return self._at(spread_out(len(self.makers), count))

    def halves(self) -> tuple[Samples, Samples]:
        """Return two sets of about the same size that share no group.

        Groups go one by one, the largest first, to the half that is smaller so far.
        """
        sizes: dict[str, int] = {}
        for group in self.groups:
            sizes[group] = sizes.get(group, 0) + 1
        if len(sizes) < 2:
            raise ExportError(
                f"{self.source}: halves that share no source need at least 2 files, or folders of "
                f"them; there is {len(sizes)}; add material of other people"
            )
        halves: tuple[list[str], list[str]] = ([], [])
        loads = [0, 0]
        for group, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
            smaller = int(loads[1] < loads[0])
            halves[smaller].append(group)
            loads[smaller] += size
        first, second = (
            self._at([at for at, group in enumerate(self.groups) if group in half])
            for half in halves
        )
        return first, second

    def widened(self) -> Samples:
        """Return the inputs and their variations: what ranges are taken from."""
        return replace(self, makers=(*self.makers, *self.variations), groups=(), variations=())

    def _at(self, chosen: Sequence[int]) -> Samples:
        return replace(
            self,
            makers=tuple(self.makers[i] for i in chosen),
            groups=tuple(self.groups[i] for i in chosen if self.groups),
            variations=tuple(self.variations[i] for i in chosen if self.variations),
        )

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
        places = split(files, preparation, stretch and len(files) < _FEW)
    except MediaError as error:
        raise ExportError(f"{error} (in the calibration folder; repair or remove it)") from error
    names = tuple(p.name for p in files)
    return Samples(
        what or str(folder),
        names,
        tuple(place.maker for place in places),
        groups=tuple(_group(Path(folder), place.file) for place in places),
        variations=tuple(place.variation for place in places),
        sha256=_contents(files),
    )


@dataclass(frozen=True)
class _Place:
    """A file, and what makes an input of a part of it."""

    file: Path
    maker: Maker
    variation: Maker


def _group(folder: Path, file: Path) -> str:
    inner = file.relative_to(folder)
    return inner.parts[0] if len(inner.parts) > 1 else inner.name


def _contents(files: Sequence[Path]) -> str:
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
    groups = tuple(f"drawn {number}" for number in range(len(makers[:count])))
    return Samples("drawn in code", (), tuple(makers[:count]), False, groups)


def _dimmed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return (image * 0.4).astype(np.uint8)


def _grainy(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grain = np.random.default_rng(0).normal(0, 20, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def _pictures(files: Sequence[Path], how: Mapping[str, Any], stretch: bool) -> list[_Place]:
    places: list[_Place] = []
    for path in files:
        for box in _boxes(load_image(path), stretch):
            varied = partial(_varied_picture, path, box, how, len(places))
            places.append(_Place(path, partial(_picture_of, path, box, how), varied))
    return places


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


def _varied_picture(path: Path, box: Box | None, how: Mapping[str, Any], number: int) -> Float32:
    """Mirrored, in other light and with grain."""
    random = np.random.default_rng(number)
    image = load_image(path).astype(np.float32) / 255
    image = image ** np.float32(random.choice((0.6, 0.8, 1.3, 1.7)))
    image += random.standard_normal(image.shape, np.float32) * random.uniform(0, 0.06)
    if box is not None:
        box = (image.shape[1] - box[0] - box[2], *box[1:])
    light = np.clip(image[:, ::-1] * 255, 0, 255).astype(np.uint8)
    return _picture(np.ascontiguousarray(light), box, how)


def _clips(files: Sequence[Path], how: Mapping[str, Any], stretch: bool) -> list[_Place]:
    del how  # one definition of the log-mel spectrogram; load_encoder has compared it
    places: list[_Place] = []
    for path in files:
        length = len(_mono(path))
        windows = [(s, s + _WINDOW) for s in range(0, max(1, length - _LEAST_PIECE), _WINDOW)]
        if stretch and length > _PIECE:
            windows += [(s, s + _PIECE) for s in range(0, length - _LEAST_PIECE, _PIECE)]
        for window in windows:
            varied = partial(_varied_clip, path, window, len(places))
            places.append(_Place(path, partial(_clip_of, path, window), varied))
    return places


def _clip_of(path: Path, window: tuple[int, int]) -> Float32:
    return log_mel_spectrogram(_mono(path)[window[0] : window[1]])


def _varied_clip(path: Path, window: tuple[int, int], number: int) -> Float32:
    """Another pace and pitch, another length, and noise at 5 to 30 dB below the clip."""
    random = np.random.default_rng(number)
    pace = float(random.choice((0.8, 0.9, 1.12, 1.25)))
    clip = resample(_mono(path)[window[0] : window[1]], _RATE * pace)
    clip = clip[: int(random.choice((2, 4, 6, 12, 30))) * _RATE]
    level = float(np.sqrt(np.mean(clip**2))) * 10 ** (-random.uniform(5, 30) / 20)
    return log_mel_spectrogram(clip + random.standard_normal(len(clip), np.float32) * level)


def _mono(path: Path) -> Float32:
    return resample(*load_audio(path))
