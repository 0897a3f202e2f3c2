"""The synthetic encoders: reproducible, sized as asked, dependent on their input."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import emonet_edge as ee
from emonet_edge.exceptions import UnknownNameError
from emonet_edge.inference.openvino_core import openvino
from emonet_edge.synthetic.architectures import Architecture, preset
from emonet_edge.synthetic.calibration_inputs import calibration_inputs
from emonet_edge.synthetic.encoder_ir import write_encoder
from emonet_edge.synthetic.quantization import (
    ActivationRange,
    activation_limits,
    quantize_weight,
    smooth_scale,
)
from emonet_edge.synthetic.weights import Tensors, draw_tensor
from material import FACELESS, PORTRAITS, SPEECH, material, needs_larger

MODALITIES = ("face", "voice")
PRECISIONS = ("int8", "fp32")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """A tiny encoder of seed 0 for each modality and precision."""
    written = {}
    for modality in MODALITIES:
        for precision in PRECISIONS:
            folder = tmp_path_factory.mktemp(f"{modality}-{precision}")
            write_encoder(folder, preset(modality, "tiny"), 0, precision)
            written[modality, precision] = folder
    return written


def run(folder: Path, inputs: np.ndarray, batch: int = 1) -> np.ndarray:
    """The embeddings of inputs [n, ...], batch by batch, in float32 arithmetic."""
    core = openvino().Core()
    model = core.read_model(folder / "encoder.xml")
    model.reshape([batch, *inputs.shape[1:]])
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    parts = np.split(inputs, len(inputs) // batch)
    return np.concatenate([np.array(compiled([part])[0]) for part in parts])


def unseen_inputs(architecture: Architecture, count: int = 8) -> np.ndarray:
    """Inputs that the encoders were not calibrated on."""
    return np.concatenate(calibration_inputs(architecture, 8 + count)[8:])


def test_a_tensor_depends_on_seed_and_name_alone():
    architecture = preset("face", "tiny")
    names = list(architecture.tensors())
    forward, backward = Tensors(architecture, 7), Tensors(architecture, 7)
    first = {name: forward(name) for name in names}
    second = {name: backward(name) for name in reversed(names)}
    assert all(np.array_equal(first[name], second[name]) for name in names)
    spec = architecture.tensors()[names[0]]
    assert not np.array_equal(draw_tensor(8, names[0], spec), first[names[0]])


@pytest.mark.parametrize(("modality", "parameters"), [("face", 428e6), ("voice", 88e6)])
def test_the_full_presets_have_the_published_number_of_parameters(modality, parameters):
    specs = preset(modality, "full").tensors().values()
    assert sum(np.prod(spec.shape) for spec in specs) == pytest.approx(parameters, rel=0.01)


def test_the_tiny_voice_heads_stay_small():
    positions, width = preset("voice", "tiny").output_shape[1:]
    assert 55 * positions * width * 16 < 45e6


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_shapes_are_what_the_facts_say(modality, precision, tmp_path):
    facts = write_encoder(tmp_path, preset(modality, "tiny"), 0, precision)
    model = openvino().Core().read_model(tmp_path / "encoder.xml")
    assert tuple(model.inputs[0].shape) == facts.input_shape
    assert tuple(model.outputs[0].shape) == facts.output_shape
    assert facts.recipe["seed"] == 0


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_seed_reproduces_the_files_byte_for_byte(folders, modality, precision, tmp_path):
    write_encoder(tmp_path, preset(modality, "tiny"), 0, precision)
    for name in ("encoder.xml", "encoder.bin"):
        again, before = (tmp_path / name).read_bytes(), (folders[modality, precision] / name)
        assert again == before.read_bytes(), f"{name} differs"


def test_another_seed_gives_other_weights(folders, tmp_path):
    write_encoder(tmp_path, preset("voice", "tiny"), 1, "fp32")
    before = (folders["voice", "fp32"] / "encoder.bin").read_bytes()
    assert (tmp_path / "encoder.bin").read_bytes() != before


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("int8", 0.02)])
def test_a_batch_of_four_gives_the_same_as_one_by_one(folders, modality, precision, tolerance):
    inputs = unseen_inputs(preset(modality, "tiny"), 4)
    folder = folders[modality, precision]
    singly, together = run(folder, inputs), run(folder, inputs, batch=4)
    # Other kernels may serve the larger batch: a last bit that differs can flip an INT8 rounding.
    assert np.abs(together - singly).mean() <= tolerance * singly.std()


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_different_inputs_give_clearly_different_embeddings(folders, modality, precision):
    embeddings = run(folders[modality, precision], unseen_inputs(preset(modality, "tiny")))
    flat = embeddings.reshape(len(embeddings), -1)
    varying = np.square(flat - flat.mean(axis=0)).mean() / np.square(flat).mean()
    assert np.isfinite(flat).all()
    assert varying > 0.05


@pytest.mark.parametrize("modality", MODALITIES)
def test_int8_follows_fp32_over_unseen_inputs(folders, modality):
    inputs = unseen_inputs(preset(modality, "tiny"), 16)
    assert mean_pearson(*(run(folders[modality, p], inputs) for p in PRECISIONS)) >= 0.98


@pytest.mark.parametrize("modality", MODALITIES)
def test_int8_follows_fp32_over_parts_of_real_pictures_and_clips(folders, modality):
    inputs = parts_of_pictures() if modality == "face" else parts_of_clips()
    assert len(inputs) >= 12
    int8, fp32 = (run(folders[modality, precision], inputs) for precision in PRECISIONS)
    assert mean_pearson(int8, fp32) >= 0.98


@pytest.mark.torch
@needs_larger("pictures and clips")
@pytest.mark.parametrize("modality", MODALITIES)
def test_int8_follows_fp32_over_real_pictures_and_clips(folders, modality, shared_data):
    inputs = real_pictures(shared_data) if modality == "face" else real_clips(shared_data)
    int8, fp32 = (run(folders[modality, precision], inputs) for precision in PRECISIONS)
    assert mean_pearson(int8, fp32) >= 0.98


def mean_pearson(some: np.ndarray, others: np.ndarray, heads: int = 64) -> float:
    """The correlation over inputs at random linear heads on the whole embedding, mean of heads."""
    some, others = (e.reshape(len(e), -1).astype(np.float64) for e in (some, others))
    weights = np.random.default_rng(0).standard_normal((some.shape[1], heads))
    pairs = zip((some @ weights).T, (others @ weights).T, strict=True)
    return float(np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs]))


def parts_of_pictures() -> np.ndarray:
    """The packages' four pictures, each whole and as its left, middle and right half."""
    image = pytest.importorskip("PIL.Image")
    parts = []
    for name in (*PORTRAITS, *FACELESS):
        with image.open(material(name)) as opened:
            picture = opened.convert("RGB")
        width, height = picture.size
        spans = ((0, width), *((at * width // 4, at * width // 4 + width // 2) for at in range(3)))
        for left, right in spans:
            part = picture.crop((left, 0, right, height)).resize((384, 384))
            parts.append(np.asarray(part, np.float32).transpose(2, 0, 1) / 127.5 - 1)
    return np.stack(parts).astype(np.float32)


def parts_of_clips() -> np.ndarray:
    """The packages' two clips in pieces of 2.5 s."""
    soundfile = pytest.importorskip("soundfile")
    parts = []
    for name in SPEECH:
        samples, rate = soundfile.read(material(name), dtype="float32")
        mono = ee.resample(samples, rate)
        pieces = np.split(mono, range(40000, len(mono), 40000))
        parts += [ee.log_mel_spectrogram(piece) for piece in pieces if len(piece) == 40000]
    return np.stack(parts)


def real_pictures(shared_data: Path) -> np.ndarray:
    image = pytest.importorskip("PIL.Image")
    pictures = []
    for path in sorted((shared_data / "faces").iterdir()):
        with image.open(path) as opened:
            picture = opened.convert("RGB").resize((384, 384), image.Resampling.BILINEAR)
        pictures.append(np.asarray(picture, np.float32).transpose(2, 0, 1) / 127.5 - 1)
    return np.stack(pictures).astype(np.float32)


def real_clips(shared_data: Path) -> np.ndarray:
    pytest.importorskip("torch")
    soundfile, soxr = pytest.importorskip("soundfile"), pytest.importorskip("soxr")
    extractor = pytest.importorskip("transformers").WhisperFeatureExtractor()
    clips = []
    for path in sorted((shared_data / "audio").iterdir()):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono = soxr.resample(samples.mean(axis=1), rate, 16000)
        features = extractor(mono, sampling_rate=16000, return_tensors="np").input_features
        clips.append(features[0])
    return np.stack(clips).astype(np.float32)


def test_progress_rises_from_zero_to_one(tmp_path):
    seen: list[tuple[str, float]] = []
    write_encoder(tmp_path, preset("voice", "tiny"), 0, "fp32", lambda *step: seen.append(step))
    fractions = [fraction for _, fraction in seen]
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert fractions == sorted(fractions)
    assert all(text for text, _ in seen)


def test_an_unknown_precision_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'int8' or 'fp32', not 'int4'"):
        write_encoder(tmp_path, preset("voice", "tiny"), 0, "int4")


def test_an_unknown_preset_is_refused_and_the_known_ones_are_named():
    with pytest.raises(UnknownNameError, match=r"huge.*'tiny'"):
        preset("face", "huge")


def test_writing_loads_neither_torch_nor_nncf(tmp_path):
    program = (
        "import sys, pathlib\n"
        "from emonet_edge.synthetic.architectures import preset\n"
        "from emonet_edge.synthetic.encoder_ir import write_encoder\n"
        "write_encoder(pathlib.Path(sys.argv[1]), preset('voice', 'tiny'), 0)\n"
        "print([m for m in ('torch', 'nncf', 'onnx', 'transformers') if m in sys.modules])\n"
    )
    assert run_python(program, str(tmp_path)) == "[]"


@pytest.mark.full
@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_writing_a_full_encoder_holds_less_than_three_gigabytes(modality, precision, tmp_path):
    program = (
        "import sys, pathlib, resource\n"
        "from emonet_edge.synthetic.architectures import preset\n"
        "from emonet_edge.synthetic.encoder_ir import write_encoder\n"
        "folder, modality, precision = sys.argv[1:]\n"
        "write_encoder(pathlib.Path(folder), preset(modality, 'full'), 0, precision)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    kibibytes = int(run_python(program, str(tmp_path), modality, precision))
    assert kibibytes / 2**20 < 3.0


def run_python(program: str, *arguments: str) -> str:
    """What a fresh interpreter prints; it imports the package from where this one did."""
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{program}"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


# The arithmetic of quantization


def seen(*rows: tuple[float, float]) -> ActivationRange:
    """A range of one channel and one input for each (low, high)."""
    low, high = np.array(rows, dtype=np.float32).T
    return ActivationRange(low[:, None], high[:, None])


@pytest.mark.parametrize(
    "limits", [(-1.0, 2.0), (0.3, 5.0), (-4.0, -1.0), (0.0, 0.0), (-0.17, 6.0)]
)
def test_zero_is_one_of_the_levels(limits):
    low, high = activation_limits(seen(limits))
    level = -low / (high - low) * 255
    assert level == pytest.approx(round(float(level)), abs=1e-3)
    assert low <= limits[0]
    assert high >= limits[1]


@pytest.mark.parametrize("limits", [(-1.0, 2.0), (-3.0, 2.0), (0.0, 0.0)])
def test_a_symmetric_range_has_zero_in_the_middle(limits):
    low, high = activation_limits(seen(limits), symmetric=True)
    assert float(low) == pytest.approx(-128 / 127 * float(high))
    assert high >= max(map(abs, limits))


def test_the_range_covers_the_extremes_of_every_input():
    low, high = activation_limits(seen((-1.0, 1.0), (-2.0, 0.5), (-0.1, 3.0)))
    assert low <= -2.0
    assert high >= 3.0


@pytest.mark.parametrize("half_range", [False, True])
@pytest.mark.parametrize("shape", [(5, 7), (4, 3, 2, 2), (3, 8, 3)])
def test_a_quantized_weight_is_within_half_a_step(half_range, shape):
    weight = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    values, scale = quantize_weight(weight, half_range)
    assert values.dtype == np.int8
    assert scale.shape == (shape[0],) + (1,) * (len(shape) - 1)
    assert np.abs(values).max() == (64 if half_range else 127)
    # In 7 bits the lowest level is -63: one step is lost there, as in NNCF.
    steps = 1.001 if half_range else 0.501
    assert (np.abs(values * scale - weight) <= steps * scale).all()


def test_smoothing_evens_out_the_channels_and_keeps_the_product():
    random = np.random.default_rng(0)
    weight = random.standard_normal((6, 5)).astype(np.float32)
    inputs = random.standard_normal((4, 5)).astype(np.float32) * [1, 2, 5, 20, 50]
    wide = ActivationRange(inputs.min(axis=0)[None], inputs.max(axis=0)[None])
    scale = smooth_scale(wide, [weight])
    largest = np.abs(inputs / scale).max(axis=0)
    assert largest.max() / largest.min() < 3
    assert (inputs / scale) @ (weight * scale).T == pytest.approx(inputs @ weight.T, rel=1e-4)
