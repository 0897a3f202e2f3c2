"""Try an installed wheel as a stranger would: import, command line, API, native core.

Runs in an environment that holds the wheel and what the wheel asks for, from outside the checkout.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

import emonet_edge as ee
from emonet_edge.heads.packed_heads import PackedHeadsWriter


def check_import() -> None:
    """The package is the installed one, and every public name is there."""
    home = Path(ee.__file__).resolve()
    assert home.is_relative_to(Path(sys.prefix).resolve()), f"{home} is not in {sys.prefix}"
    assert ee.__version__ == version("emonet-edge")
    for name in ee.__all__:
        assert getattr(ee, name) is not None, name


def check_command_line(model: Path) -> None:
    """The commands that need no extra; `demo` needs Pillow."""
    command = str(Path(sys.executable).with_name("emonet-edge"))
    for arguments in (["--version"], ["info"], ["verify", str(model)]):
        done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stderr}"


def check_face(model: Path) -> None:
    """A face directory scores a picture, the same from rgb and bgr."""
    face = ee.FaceEmotionModel.load(model)
    picture = np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8)
    scores = face(picture, box=(80, 40, 160, 160), color="rgb")
    assert len(scores.names) == 44  # 40 emotions, 4 dimensions
    assert np.isfinite(scores["amusement"])
    again = face(np.ascontiguousarray(picture[..., ::-1]), box=(80, 40, 160, 160), color="bgr")
    assert again["amusement"] == scores["amusement"]


def check_voice(model: Path) -> None:
    """A voice directory scores a second of a tone at a microphone's usual rate."""
    voice = ee.VoiceEmotionModel.load(model)
    tone = np.sin(np.arange(16000) * (2 * np.pi * 220 / 16000)).astype(np.float32) / 4
    scores = voice(tone, sample_rate=16000)
    assert np.isfinite(scores["anger"])
    assert scores.level("anger") in ("absent", "slight", "strong")


def check_heads(folder: Path) -> None:
    """Heads from the native core are Linear and ReLU in turn, as NumPy computes them."""
    rng = np.random.default_rng(7)
    shape, widths = (20, 192), (64, 32, 16, 1)
    heads: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for name in ("anger", "fear", "joy"):
        sizes = (int(np.prod(shape)), *widths)
        heads[name] = [
            (
                (rng.normal(size=(rows, columns)) / np.sqrt(columns)).astype(np.float32),
                rng.normal(size=rows).astype(np.float32),
            )
            for columns, rows in itertools.pairwise(sizes)
        ]
    embedding = rng.normal(size=shape).astype(np.float32)
    expected = []
    for layers in heads.values():
        values = embedding.reshape(-1).astype(np.float64)
        for number, (weight, bias) in enumerate(layers):
            values = weight.astype(np.float64) @ (np.maximum(values, 0) if number else values)
            values += bias
        expected.append(values[0])
    for precision, tolerance in (("fp32", 1e-4), ("int8", 0.05)):
        path = folder / f"heads-{precision}.bin"
        with PackedHeadsWriter(path, shape) as writer:
            for name, layers in heads.items():
                writer.add_head(name, layers, precision)
        scores = ee.heads.MultiHeadMLP.open(path).evaluate(embedding)
        np.testing.assert_allclose(scores, expected, atol=tolerance, rtol=tolerance)


def main() -> None:
    """Run every check; an assertion names the first that does not hold."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        check_import()
        face = ee.synthetic.write_face_model(folder / "face")
        voice = ee.synthetic.write_voice_model(folder / "voice", heads=["anger", "fear"])
        check_command_line(face)
        check_face(face)
        check_voice(voice)
        check_heads(folder)
    python = ".".join(map(str, sys.version_info[:3]))
    print(f"emonet-edge {ee.__version__} works from {sys.prefix} on Python {python}")


if __name__ == "__main__":
    main()
