"""The encoder's configuration, its conversion and its recipes."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="export needs torch")
pytest.importorskip("emonet_edge_export", reason="needs export/ on the path, or the wheel")

from emonet_edge.inference.openvino_core import core  # noqa: E402
from emonet_edge_export.calibration import drawn_samples, from_folder, spread_out  # noqa: E402
from emonet_edge_export.encoder.convert import (  # noqa: E402
    check_onnx,
    save_ir,
    to_ir,
    write_onnx,
)
from emonet_edge_export.encoder.quantize import Recipe, default_recipe, quantize  # noqa: E402
from emonet_edge_export.errors import CheckpointError, ExportError  # noqa: E402
from emonet_edge_export.upstream.load_encoder import load_module, read_config  # noqa: E402
from emonet_edge_export.upstream.repository import LocalRepository  # noqa: E402
from export_fixtures import (  # noqa: E402
    FACE_ENCODER,
    VOICE_ENCODERS,
    write_face_suite,
    write_voice_suite,
)

WRITE = {"face": write_face_suite, "voice": write_voice_suite}
ENCODER = {"face": FACE_ENCODER, "voice": VOICE_ENCODERS["Small"]}


@pytest.fixture(scope="module", params=["face", "voice"])
def encoder(request, tmp_path_factory):
    """(modality, suite, repository, config, module) of a small encoder."""
    modality = request.param
    suite = WRITE[modality](tmp_path_factory.mktemp(modality))
    repository = LocalRepository(suite.source, ENCODER[modality])
    config = read_config(repository, modality, {})
    return modality, suite, repository, config, load_module(repository, config)


def truth(modality, suite, batch):
    with torch.inference_mode():
        if modality == "face":
            found = suite.encoder.get_image_features(pixel_values=torch.from_numpy(batch))
            return getattr(found, "pooler_output", found).numpy()
        return suite.encoder(torch.from_numpy(batch)).last_hidden_state.numpy()


def draw(config, count, seed=0):
    shape = (count, *config.input_shape[1:])
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


# Loading


def test_the_part_that_is_loaded_is_the_whole_model_s(encoder):
    modality, suite, _, config, module = encoder
    batch = draw(config, 2)
    with torch.inference_mode():
        found = module(torch.from_numpy(batch)).numpy()
    expected = truth(modality, suite, batch)
    np.testing.assert_allclose(found, expected, atol=1e-5 * abs(expected).max())
    assert found.shape == (2, *config.embedding_shape)


def test_half_precision_and_sharded_weights_are_read(encoder, tmp_path):
    from safetensors.torch import load_file, save_file

    _, _, repository, config, _ = encoder
    whole = load_file(repository.fetch("model.safetensors"))
    folder = tmp_path / "owner" / "name"
    folder.mkdir(parents=True)
    for name in ("config.json", "preprocessor_config.json"):
        (folder / name).write_bytes(repository.fetch(name).read_bytes())
    shards: dict[str, dict] = {"a.safetensors": {}, "b.safetensors": {}}
    where = {}
    for number, (key, value) in enumerate(sorted(whole.items())):
        shard = sorted(shards)[number % 2]
        shards[shard][key] = value.to(torch.bfloat16 if number % 3 else torch.float16)
        where[key] = shard
    for shard, tensors in shards.items():
        save_file(tensors, folder / shard)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    module = load_module(LocalRepository(tmp_path, "owner/name"), config)
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    with torch.inference_mode():
        assert module(torch.from_numpy(draw(config, 1))).isfinite().all()


@pytest.fixture
def altered(encoder, tmp_path):
    """Copy the encoder's repository with changes to its JSON files or tensors."""
    modality, _, repository, _, _ = encoder

    def make(file, change):
        from safetensors.torch import load_file, save_file

        folder = tmp_path / "owner" / "name"
        folder.mkdir(parents=True)
        for name in repository.files:
            path = repository.fetch(name)
            if name != file:
                (folder / name).symlink_to(path)
            elif name.endswith(".json"):
                document = json.loads(path.read_text())
                change(document)
                (folder / name).write_text(json.dumps(document))
            else:
                tensors = load_file(path)
                change(tensors)
                save_file(tensors, folder / name)
        found = LocalRepository(tmp_path, "owner/name")
        return load_module(found, read_config(found, modality, {}))

    return make


@pytest.mark.parametrize("encoder", ["face"], indirect=True)
@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("config.json", lambda d: d.update(model_type="siglip2"), "model_type must be siglip"),
        ("preprocessor_config.json", lambda d: d.update(resample=3), "resample must be 2"),
        ("preprocessor_config.json", lambda d: d.pop("resample"), "resample must be 2.*None"),
        ("preprocessor_config.json", lambda d: d.update(image_mean=0.5), "must be three numbers"),
        (
            "preprocessor_config.json",
            lambda d: d.update(size={"shortest_edge": 64}),
            "size must be",
        ),
        (
            "model.safetensors",
            lambda d: d.pop("vision_model.post_layernorm.weight"),
            r"vision_model\.post_layernorm\.weight: missing",
        ),
        (
            "model.safetensors",
            lambda d: d.update({"vision_model.extra": torch.ones(2)}),
            r"vision_model\.extra: unknown tensor",
        ),
        (
            "model.safetensors",
            lambda d: d.update({"vision_model.post_layernorm.bias": torch.ones(3)}),
            r"vision_model\.post_layernorm\.bias: must be \[64\].*\[3\]",
        ),
    ],
)
def test_a_vision_tower_of_another_kind_is_refused(altered, file, change, message):
    with pytest.raises(CheckpointError, match=message):
        altered(file, change)


@pytest.mark.parametrize("encoder", ["voice"], indirect=True)
@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("config.json", lambda d: d.update(model_type="wav2vec2"), "model_type must be whisper"),
        ("config.json", lambda d: d.update(num_mel_bins=128), "80 mel bands"),
        ("config.json", lambda d: d.update(d_model=128), r"must be \[.*128.*\] by config\.json"),
        ("preprocessor_config.json", lambda d: d.update(n_fft=512), "n_fft must be 400"),
    ],
)
def test_a_whisper_of_another_kind_is_refused(altered, file, change, message):
    with pytest.raises(CheckpointError, match=message):
        altered(file, change)


def test_dimensions_of_the_published_suite_are_compared_when_they_are_expected(encoder):
    modality, _, repository, _, _ = encoder
    key = "num_hidden_layers" if modality == "face" else "encoder_layers"
    with pytest.raises(CheckpointError, match=f"{key} is 2 in config.json, 27 in the published"):
        read_config(repository, modality, {key: 27})


# Conversion


def test_the_ir_is_torch_s_result_at_batch_1_and_reshapes_to_4(encoder, tmp_path):
    modality, suite, _, config, module = encoder
    save_ir(to_ir(module, config.input_shape), tmp_path / "encoder.xml", config.preparation)
    model = core().read_model(tmp_path / "encoder.xml")
    assert list(model.inputs[0].shape) == list(config.input_shape)
    for batch in (1, 4):
        model.reshape([batch, *config.input_shape[1:]])
        compiled = core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        inputs = draw(config, batch, seed=batch)
        expected = truth(modality, suite, inputs)
        np.testing.assert_allclose(compiled(inputs)[0], expected, atol=2e-5 * abs(expected).max())
    recorded = model.get_rt_info(["emonet_edge", "preparation", "kind"]).astype(str)
    assert recorded == config.preparation["kind"]


def test_onnx_gives_torch_s_result_in_onnx_runtime(encoder, tmp_path):
    modality, suite, _, config, module = encoder
    write_onnx(module, config.input_shape, tmp_path / "encoder.onnx")
    inputs = draw(config, 2)
    expected = truth(modality, suite, inputs)
    assert check_onnx(tmp_path / "encoder.onnx", list(inputs), list(expected)) < 1e-5
    with pytest.raises(ExportError, match="ONNX Runtime must reproduce torch"):
        check_onnx(tmp_path / "encoder.onnx", list(inputs), list(expected[::-1]))


# Recipes


@pytest.fixture(scope="module")
def ir(encoder, tmp_path_factory):
    _, _, _, config, module = encoder
    path = tmp_path_factory.mktemp("ir") / "fp32.xml"
    save_ir(to_ir(module, config.input_shape), path, config.preparation)
    return path


def int8_types(model):
    """Types of the operations whose inputs were put through FakeQuantize."""
    return {
        target.get_node().get_type_name()
        for op in model.get_ops()
        if op.get_type_name() == "FakeQuantize"
        for target in op.output(0).get_target_inputs()
    }


RECIPES = [
    Recipe("fp32"),
    Recipe("fp16"),
    Recipe("int8-weights"),
    Recipe("int8", samples=4),
    Recipe("int8", samples=4, keep_float=("convolutions", "fc2"), smooth_quant_alpha=0.5),
    Recipe("int8", samples=4, no_vnni=True, bias_correction=False),
    Recipe("int8", "npu", samples=4),
    Recipe("int8", "gpu", samples=4, keep_float=("layer:0",)),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: f"{r.name}-{r.target}-{r.keep_float}")
def test_every_recipe_runs_on_the_cpu_at_batch_1_and_4(encoder, ir, tmp_path, recipe):
    modality, suite, _, config, _ = encoder
    samples = drawn_samples(modality, config.preparation)
    made = quantize(core().read_model(ir), recipe, samples)
    save_ir(made, tmp_path / "encoder.xml", config.preparation, half=recipe.name == "fp16")
    model = core().read_model(tmp_path / "encoder.xml")
    inputs = np.stack(list(samples.some(4)))
    expected = truth(modality, suite, inputs)
    errors = []
    for batch in (1, 4):
        model.reshape([batch, *config.input_shape[1:]])
        compiled = core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found = compiled(inputs[:batch])[0]
        errors.append(np.linalg.norm(found - expected[:batch]) / np.linalg.norm(expected[:batch]))
    limit = {"fp32": 1e-5, "fp16": 5e-3, "int8-weights": 0.05, "int8": 0.5}[recipe.name]
    assert max(errors) < limit
    if recipe.name.startswith("int8"):
        assert min(errors) > 1e-4  # it really is quantized


def test_convolutions_stay_in_float_when_they_are_kept(encoder, ir):
    modality, _, _, config, _ = encoder
    samples = drawn_samples(modality, config.preparation)
    everything = quantize(core().read_model(ir), Recipe(samples=2), samples)
    kept = quantize(core().read_model(ir), Recipe(samples=2, keep_float=("convolutions",)), samples)
    assert "Convolution" in int8_types(everything)
    assert "Convolution" not in int8_types(kept)
    assert "MatMul" in int8_types(kept)


@pytest.mark.parametrize("encoder", ["voice"], indirect=True)
def test_a_wish_that_matches_no_node_is_refused(encoder, ir):
    samples = drawn_samples("voice", encoder[3].preparation)
    with pytest.raises(ExportError, match="layer:7: no node of the encoder is called so"):
        quantize(core().read_model(ir), Recipe(keep_float=("layer:7",)), samples)


def test_int8_without_samples_is_refused():
    with pytest.raises(ExportError, match="needs calibration data"):
        quantize(None, Recipe("int8"), None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "int3"}, "a recipe is one of fp32, fp16, int8-weights, int8, auto; got 'int3'"),
        ({"target": "tpu"}, "a target is one of cpu, gpu, npu"),
        ({"smooth_quant_alpha": 1.5}, "SmoothQuant alpha lies in 0 to 1; got 1.5"),
        ({"samples": 0}, "at least one sample"),
        ({"target": "gpu", "no_vnni": True}, "no_vnni is for --target cpu"),
        ({"keep_float": ("(",)}, "no regular expression"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(options, message):
    with pytest.raises(ExportError, match=message):
        Recipe(**options)


def test_a_recipe_describes_itself_with_its_calibration():
    samples = drawn_samples("voice", {})
    described = default_recipe("voice").described(samples)
    assert described["keep_float"] == ["convolutions", "fc2"]
    assert described["calibration"]["representative"] is False
    assert json.loads(json.dumps(described)) == described
    assert Recipe("fp16").described(samples) == {"name": "fp16", "target": "cpu"}


# Samples


def test_samples_come_from_the_shipped_preparation(shared_data):
    from emonet_edge import log_mel_spectrogram, preprocess_image
    from emonet_edge.media import load_image

    how = {"size": 96, "mean": [0.5] * 3, "std": [0.5] * 3}
    faces = from_folder(shared_data / "faces", "face", how)
    first = sorted(faces.files)[0]
    expected = preprocess_image(load_image(shared_data / "faces" / first), size=96)
    np.testing.assert_array_equal(next(iter(faces)), expected)
    assert len(faces) == 6 * len(faces.files)
    assert len(from_folder(shared_data / "faces", "face", how, stretch=False)) == len(faces.files)
    clips = from_folder(shared_data / "audio", "voice", {})
    assert all(tensor.shape == (80, 3000) for tensor in clips.some(3))
    assert len(clips) > len(clips.files)
    silence = log_mel_spectrogram(np.zeros(16000, np.float32))
    assert all(np.ptp(tensor) > np.ptp(silence) for tensor in clips.some(8))


def test_a_folder_without_material_is_refused(tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(ExportError, match=r"needs face material \(\.png"):
        from_folder(tmp_path, "face", {})


def test_a_broken_picture_in_the_folder_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG no")
    with pytest.raises(ExportError, match=r"a\.png .*calibration folder"):
        from_folder(tmp_path, "face", {})


@pytest.mark.parametrize(("total", "count"), [(10, 3), (3, 10), (64, 64), (1, 1)])
def test_samples_are_spread_evenly(total, count):
    chosen = spread_out(total, count)
    assert len(chosen) == len(set(chosen)) == min(total, count)
    assert chosen == sorted(chosen)
    assert set(chosen) <= set(range(total))
