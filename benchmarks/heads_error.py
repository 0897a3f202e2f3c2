"""How far are packed heads from FP32, on embeddings of real speech?

    python -m benchmarks.heads_error ENCODER_DIR AUDIO_DIR [--heads 48] [--json]

ENCODER_DIR holds a Whisper encoder as Hugging Face lays it out, AUDIO_DIR clips. Clips are cut into
windows of 3 to 6 s and into whole ones, each padded to 30 s. Voices are split into two halves; mean
and compensation come from one half, errors are judged on both, then the halves change places.

Heads are random: linear ones (one row, whose error is the projection's) and ones of the published
shape (64-64-32-16-1). Unit: root mean square error as a share of the head's spread over the clips,
see emonet_edge/agreement.py; the error of float activations and of the encoder is not in it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emonet_edge import MultiHeadMLP
from emonet_edge.agreement import Agreement, agree
from emonet_edge.heads import Compensation
from emonet_edge.heads.packed_heads import PackedHeadsWriter

__all__ = ["Clips", "embed", "halves", "main", "measure", "table", "voice_of"]

METHODS = (("int8", "nearest"), ("int4", "nearest"), ("int4", "compensated"))
WEIGHTS = ("uniform", "normal")
SHAPES = {"linear": (1,), "64-64-32-16-1": (64, 64, 32, 16, 1)}
SAME_VOICE = (
    ("azure-en-enrollment_katie", "azure-en-katiesteve"),
    ("azure-zh-cn",),
    ("moonshine",),
    ("speechbrain-example1",),
)
"""Beginnings of file names that are one voice; any other file is a voice of its own."""
RATE = 16000
SOUNDS = (".wav", ".flac", ".ogg", ".mp3")


@dataclass(frozen=True)
class Clips:
    """Embeddings [n, positions, width] and the voice of each."""

    embeddings: np.ndarray
    voices: np.ndarray


def embed(encoder_dir: Path, audio_dir: Path, most: int | None = None) -> Clips:
    """Run the encoder, in float32, over every window; at most `most` windows a file."""
    import torch

    from emonet_edge.audio import log_mel_spectrogram
    from emonet_edge_export.upstream.load_encoder import load_module, read_config
    from emonet_edge_export.upstream.repository import LocalRepository

    folder = Path(encoder_dir).resolve()
    repository = LocalRepository(folder.parents[1], f"{folder.parent.name}/{folder.name}")
    module = load_module(repository, read_config(repository, "voice", {}))
    embeddings, voices = [], []
    for path in sorted(p for p in Path(audio_dir).iterdir() if p.suffix.lower() in SOUNDS):
        for window in list(_windows(path))[:most]:
            tensor = torch.from_numpy(log_mel_spectrogram(window)[np.newaxis])
            with torch.inference_mode():
                embeddings.append(module(tensor).numpy()[0])
            voices.append(voice_of(path.name))
    return Clips(np.stack(embeddings), np.array(voices))


def _windows(path: Path) -> Iterator[np.ndarray]:
    """Whole windows of 30 s, then pieces of 3 to 6 s that overlap by half."""
    from emonet_edge.audio import resample
    from emonet_edge.media import load_audio

    samples = resample(*load_audio(path))
    for start in range(0, max(1, len(samples) - 2 * RATE), 30 * RATE):
        yield samples[start : start + 30 * RATE]
    draw, start = np.random.default_rng(len(samples)), 0
    while len(samples) > 6 * RATE and start < len(samples) - 3 * RATE:
        length = int(draw.uniform(3, 6) * RATE)
        yield samples[start : start + length]
        start += length // 2


def voice_of(file: str) -> str:
    """Return the name of the voice of a file."""
    for beginnings in SAME_VOICE:
        if file.startswith(beginnings):
            return beginnings[0]
    return file


def halves(voices: np.ndarray) -> np.ndarray:
    """Split voices into halves of about as many clips: bool [n]."""
    names, counts = np.unique(voices, return_counts=True)
    size, first = [0, 0], []
    for at in np.argsort(-counts, kind="stable"):
        smaller = int(size[1] < size[0])
        size[smaller] += counts[at]
        if smaller == 0:
            first.append(names[at])
    return np.isin(voices, first)


def measure(clips: Clips, n_linear: int = 48, n_heads: int = 8) -> list[dict[str, Any]]:
    """Return a row for each half, shape, distribution of weights and method."""
    from emonet_edge_export.heads.compensate import NeighbourMoments, compensation_from

    first, rows = halves(clips.voices), []
    for calibrating in (first, ~first):
        moments = NeighbourMoments()
        for embedding in clips.embeddings[calibrating]:
            moments.add(embedding)
        compensation = compensation_from(moments.centred())
        mean = clips.embeddings[calibrating].mean(axis=0)
        centred = (clips.embeddings - mean).reshape(len(clips.embeddings), -1)
        for shape, count in zip(SHAPES, (n_linear, n_heads), strict=True):
            for weights in WEIGHTS:
                for row in _errors(
                    clips, calibrating, mean, centred, compensation, shape, weights, count
                ):
                    print(_line(row), file=sys.stderr, flush=True)
                    rows.append(row)
    return rows


def _errors(
    clips: Clips,
    calibrating: np.ndarray,
    mean: np.ndarray,
    centred: np.ndarray,
    compensation: Compensation,
    shape: str,
    weights: str,
    count: int,
) -> Iterator[dict[str, Any]]:
    names = [f"head {number}" for number in range(count)]
    spread = float(np.linalg.norm(centred, axis=1).mean())

    def draw(name: str) -> list[tuple[np.ndarray, np.ndarray]]:
        return _draw_head(int(name.split()[1]), mean.size, SHAPES[shape], weights, spread)

    exact = np.stack([_in_float(draw(name), mean, centred) for name in names], axis=1)
    with tempfile.TemporaryDirectory() as folder:
        for precision, rounding in METHODS:
            path = Path(folder) / f"{precision}-{rounding}.bin"
            chosen = compensation if rounding == "compensated" else None
            with PackedHeadsWriter(path, mean.shape, mean, chosen) as writer:
                for name in names:
                    writer.add_head(name, draw(name), precision)
            found = MultiHeadMLP.open(path).evaluate_batch(clips.embeddings)
            row = {"heads": shape, "weights": weights, "precision": precision, "rounding": rounding}
            for side, chosen_clips in (("calibration", calibrating), ("held_out", ~calibrating)):
                agreed = agree(names, exact[chosen_clips], found[chosen_clips])
                row[side] = {
                    "clips": agreed.samples,
                    **agreed.summary()["error"],
                    "pooled": _pooled(agreed),
                }
            yield row


def _pooled(agreed: Agreement) -> float:
    """Error of all heads as a share of the spread of all: steady with few heads as well."""
    heads = agreed.heads
    squares = sum((head.error * head.spread) ** 2 for head in heads)
    return float((squares / sum(head.spread**2 for head in heads)) ** 0.5)


def _draw_head(
    seed: int, inputs: int, rows: Sequence[int], weights: str, spread: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Layers whose outputs spread by about 1; only the projection's distribution is varied."""
    random, layers = np.random.default_rng(seed), []
    for number, n_rows in enumerate(rows):
        deviation = np.float32(1 / spread if number == 0 else (2 / inputs) ** 0.5)
        if number == 0 and weights == "normal":
            weight = random.standard_normal((n_rows, inputs), np.float32)
        else:
            weight = random.random((n_rows, inputs), np.float32) * np.float32(12**0.5)
            weight -= np.float32(3**0.5)
        layers.append((weight * deviation, np.full(n_rows, 0.1, np.float32)))
        inputs = n_rows
    return layers


def _in_float(
    layers: list[tuple[np.ndarray, np.ndarray]], mean: np.ndarray, centred: np.ndarray
) -> np.ndarray:
    """Scores [n]; the mean's share of the wide sums in float64, the small rest in float32."""
    weight, bias = layers[0]
    constant = np.array([np.vdot(row.astype(np.float64), mean.ravel()) for row in weight])
    values = centred @ weight.T + constant + bias
    for weight, bias in layers[1:]:
        values = np.maximum(values, 0) @ weight.T.astype(np.float64) + bias
    return np.asarray(values[:, 0], np.float64)


def _line(row: dict[str, Any]) -> str:
    def share(side: str) -> str:
        return f"{100 * row[side]['mean']:6.2f} % {100 * row[side]['worst']:6.2f} %"

    return (
        f"{row['heads']:14} {row['weights']:8} {row['precision']:5} {row['rounding']:12}"
        f"{row['calibration']['clips']:5}{row['held_out']['clips']:6}  "
        f"{share('held_out')}   {share('calibration')}"
    )


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as text."""
    title = (
        f"{'heads':14} {'weights':8} {'':5} {'rounding':12}{'cal.':>5}{'held':>6}  "
        f"{'held out':>8} {'worst':>8}   {'calibr.':>8} {'worst':>8}"
    )
    return "\n".join([title, *(_line(row) for row in rows)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", type=Path, help="folder of a Whisper encoder")
    parser.add_argument("audio", type=Path, help="folder of clips")
    parser.add_argument("--heads", type=int, default=48, help="linear heads (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options = parser.parse_args(arguments)
    rows = measure(embed(options.encoder, options.audio), options.heads)
    print(json.dumps(rows, indent=1) if options.json else table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
