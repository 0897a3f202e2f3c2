"""Loading models for commands, and the synthetic ones that demo and bench write and keep."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import emonet_edge as ee
from emonet_edge._sizes import bytes_text
from emonet_edge.cli.output import note, print_lines, printable
from emonet_edge.cli.progress import progress_bar, waiting
from emonet_edge.exceptions import EmonetError, ModelDirectoryError

# Rounded up; said before anything is written. Encoder and certificate, of a face the heads as well.
_FACE_BYTES = {"tiny": 10e6, "full": 450e6}
_VOICE_BYTES = {"tiny": 6e6, "full": 120e6}
_HEAD_BYTES = {"tiny": 0.8e6, "full": 74e6}  # one voice head in INT8
Model: TypeAlias = "ee.FaceEmotionModel | ee.VoiceEmotionModel"

_VOICE_HEADS = 55
_WRITING = {"tiny": "some seconds", "full": "some minutes"}  # said before, like the size


def load_face(model: str | Path | None, device: str, threads: int | None) -> ee.FaceEmotionModel:
    """Load the face model of a directory, or of the default place."""
    path = ee.model_dir.resolve(model, "face")
    with waiting(f"Loading {printable(path)} for {device} (the first time compiles it)"):
        return ee.FaceEmotionModel.load(path, device=device, threads=threads)


def load_voice(
    model: str | Path | None,
    device: str,
    threads: int | None,
    heads: Sequence[str] | None = None,
    memory_budget: int | None = None,
) -> ee.VoiceEmotionModel:
    """Load the voice model of a directory, or of the default place."""
    path = ee.model_dir.resolve(model, "voice")
    with waiting(f"Loading {printable(path)} for {device} (the first time compiles it)"):
        return ee.VoiceEmotionModel.load(
            path, device=device, heads=heads, memory_budget=memory_budget, threads=threads
        )


def model_record(model: Model) -> dict[str, Any]:
    """Return what stands beside every result: which model, on which device, and why there."""
    info = model.info
    return {
        "path": info["path"],
        "suite": info["suite"],
        "left_out": info["heads"]["left_out"],
        **info["encoder"],
    }


def describe(model: Model) -> str:
    """Say which model runs where; a device that AUTO chose or that stands in is never hidden."""
    report = model.report
    asked = "" if report.asked == report.used else f" (asked: {report.asked})"
    reason = f"; {report.reason}" if report.reason else ""
    return (
        f"{model.directory.manifest.suite}, {len(model.heads)} heads, on {report.used}{asked}, "
        f"{report.precision_hint}, {report.threads} threads{reason}"
    )


def introduce(model: Model, as_json: bool) -> None:
    """Print what precedes scores: which model runs where, and that random ones mean nothing."""
    if not as_json:
        print_lines(describe(model))
    if model.synthetic:
        say = note if as_json else print_lines
        say(ee.scores.SYNTHETIC_NOTICE)


def synthetic_model(modality: str, preset: str, heads: Sequence[str] | None = None) -> Path:
    """Return a synthetic model directory: the kept one, or a new one (size and place said first).

    Raises:
        ModelDirectoryError: there is not enough free space.

    """
    path = _synthetic_home() / _synthetic_name(modality, preset, heads)
    if _is_whole(path):
        return path
    size = synthetic_bytes(modality, preset, heads)
    _check_space(path, size)
    note(
        f"writing a synthetic {modality} model ({preset}, about {bytes_text(size)}, "
        f"{_WRITING[preset]}) to {path}; it is kept for the next time, delete it whenever you like"
    )
    write_synthetic(path, modality, preset, heads=heads, overwrite=True)
    return path


def write_synthetic(
    path: Path,
    modality: str,
    preset: str,
    *,
    heads: Sequence[str] | None = None,
    seed: int = 0,
    precision: str = "int8",
    overwrite: bool = False,
) -> None:
    """Write a synthetic directory with a progress bar."""
    common: dict[str, Any] = {
        "preset": preset,
        "precision": precision,
        "seed": seed,
        "overwrite": overwrite,
    }
    with progress_bar(f"Synthetic {modality} model") as report:
        if modality == "face":
            ee.synthetic.write_face_model(path, progress=report, **common)
        else:
            ee.synthetic.write_voice_model(path, progress=report, heads=heads, **common)


def synthetic_bytes(modality: str, preset: str, heads: Sequence[str] | None = None) -> float:
    """About how large a synthetic directory is, in bytes (INT8)."""
    if modality == "face":
        return _FACE_BYTES[preset]
    count = len(heads) if heads else _VOICE_HEADS
    return _VOICE_BYTES[preset] + count * _HEAD_BYTES[preset]


def _synthetic_home() -> Path:
    from emonet_edge.machine import paths

    cache: Path | None = paths.cache_dir()
    if cache is None:  # no home: nothing can be kept
        return Path(tempfile.mkdtemp(prefix="emonet-edge-"))
    # Private from the start: the compiled-model cache beside it refuses a folder others can write.
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    return cache / "synthetic"


def _synthetic_name(modality: str, preset: str, heads: Sequence[str] | None) -> str:
    if not heads:
        return f"{modality}-{preset}"
    import hashlib

    chosen = hashlib.sha256(",".join(heads).encode()).hexdigest()[:8]
    return f"{modality}-{preset}-{len(heads)}-heads-{chosen}"


def _is_whole(path: Path) -> bool:
    """Whether the kept directory can be used; a cut or older one is written anew."""
    if not path.exists():
        return False
    try:
        return bool(ee.model_dir.ModelDir.open(path).manifest.synthetic)
    except EmonetError as error:
        note(f"the kept synthetic model cannot be used ({error}): writing it again")
        return False


def _check_space(path: Path, size: float) -> None:
    """Ask before: writing into a full disk would fail after minutes."""
    place = path
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < 1.05 * size:
        raise ModelDirectoryError(
            f"the synthetic model needs about {bytes_text(size)} and {place} has "
            f"{bytes_text(free)} free: make room, set XDG_CACHE_HOME to another disk, or use "
            "--preset tiny"
        )
