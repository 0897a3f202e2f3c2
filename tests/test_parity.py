"""The same random weights through torch and transformers, as LAION's scripts run them."""

from __future__ import annotations

import numpy as np
import pytest

import emonet_edge as ee
from emonet_edge.synthetic.architectures import preset
from emonet_edge.synthetic.random_heads import draw_head, head_shape
from emonet_edge.synthetic.weights import Tensors
from material import FACELESS, LARGER, PORTRAITS, SPEECH, material
from sounds import RATE, VOICES, part

pytestmark = pytest.mark.torch

SEED = 5
NEEDS_TORCH = "needs torch and transformers: pip install '.[export]'"


@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    pytest.importorskip("transformers", reason=NEEDS_TORCH)
    torch.set_num_threads(2)
    return torch


def load_state(torch, module, tensors, prefix):
    """Load the synthetic tensors into a transformers module whose keys lack `prefix`."""
    state = {
        name: torch.from_numpy(np.array(tensors(prefix + name)))
        for name in module.state_dict()
        if "position_ids" not in name
    }
    module.load_state_dict(state, strict=False)
    assert set(module.state_dict()) - set(state) <= {"embeddings.position_ids"}
    return module.eval()


def torch_heads(torch, modality, names, mlp_seed=SEED):
    """One torch module a head, as published."""
    shape = head_shape(preset(modality, "tiny"), "tiny", "small")
    modules = []
    for name in names:
        layers = []
        for weight, bias in draw_head(mlp_seed, name, shape):
            linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
            linear.weight.data = torch.from_numpy(weight)
            linear.bias.data = torch.from_numpy(bias)
            layers += [linear, torch.nn.ReLU()]
        modules.append(torch.nn.Sequential(*layers[:-1]))
    return modules


@pytest.fixture(scope="module")
def torch_face(torch):
    """A function from a prepared picture to the scores of all heads."""
    from transformers import SiglipVisionConfig, SiglipVisionModel

    arch = preset("face", "tiny")
    config = SiglipVisionConfig(
        hidden_size=arch.width,
        intermediate_size=arch.mlp,
        num_hidden_layers=arch.layers,
        num_attention_heads=arch.heads,
        image_size=arch.image,
        patch_size=arch.patch,
    )
    model = SiglipVisionModel(config)
    nested = any(key.startswith("vision_model.") for key in model.state_dict())
    prefix = "" if nested else "vision_model."  # transformers 4 nests, 5 does not
    model = load_state(torch, model, Tensors(arch, SEED), prefix)
    heads = torch_heads(torch, "face", (*ee.taxonomy.EMOTIONS, *ee.taxonomy.DIMENSIONS))

    def score(pixels):
        with torch.inference_mode():
            embedding = model(pixel_values=torch.from_numpy(pixels)[None]).pooler_output
            embedding = torch.nn.functional.normalize(embedding, dim=-1)
            return np.array([float(head(embedding)) for head in heads])

    return score


@pytest.fixture(scope="module")
def torch_voice(torch):
    """A function from log-mel features to the scores of all heads."""
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    arch = preset("voice", "tiny")
    config = WhisperConfig(
        d_model=arch.width,
        encoder_layers=arch.layers,
        encoder_attention_heads=arch.heads,
        encoder_ffn_dim=arch.mlp,
    )
    model = load_state(torch, WhisperEncoder(config), Tensors(arch, SEED), "model.encoder.")
    heads = torch_heads(torch, "voice", (*ee.taxonomy.EMOTIONS, *ee.taxonomy.ATTRIBUTES))

    def score(features):
        with torch.inference_mode():
            embedding = model(torch.from_numpy(features)[None]).last_hidden_state
            return np.array([float(head(embedding.flatten(1))) for head in heads])

    return score


def read_pictures(which):
    """Pictures in rgb; of the packages' few also the quarters, so that there are twenty."""
    if which == "larger set":
        return [ee.media.load_image(path) for path in sorted((LARGER / "faces").iterdir())]
    found = []
    for name in PORTRAITS + FACELESS:
        picture = ee.media.load_image(material(name))
        down, across = picture.shape[0] // 2, picture.shape[1] // 2
        quarters = [
            half[:, cut]
            for half in (picture[:down], picture[down:])
            for cut in (slice(across), slice(across, None))
        ]
        found += [picture, *map(np.ascontiguousarray, quarters)]
    return found


def read_clips(which):
    """Waveforms at 16 kHz; of the packages' two clips pieces of 3 s, so that there are twelve."""
    if which == "larger set":
        paths = sorted((LARGER / "audio").iterdir())
        return [ee.resample(*ee.media.load_audio(path))[: 30 * RATE] for path in paths]
    return [part(name, at, at + 3) for name in SPEECH for at in range(0, 16, 3)]


@pytest.fixture(scope="module", params=VOICES)
def pictures(request):
    """Pictures, and what SigLIP's processor makes of them, in Pillow and NumPy."""
    from PIL import Image

    found = []
    for picture in read_pictures(request.param):
        small = Image.fromarray(picture).resize((384, 384), Image.Resampling.BILINEAR)
        pixels = (np.asarray(small, np.float32) / 255 - 0.5) / 0.5
        found.append((picture, np.ascontiguousarray(pixels.transpose(2, 0, 1))))
    return found


@pytest.fixture(scope="module", params=VOICES)
def clips(request):
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor()
    found = []
    for waveform in read_clips(request.param):
        features = extractor(waveform, sampling_rate=16000, return_tensors="np")
        found.append((waveform, features["input_features"][0]))
    return found


def spread_error(found, expected):
    """Largest error of each head as a share of its spread over the inputs."""
    return np.abs(found - expected).max(axis=0) / expected.std(axis=0)


def mean_pearson(found, expected):
    return np.mean([np.corrcoef(found[:, i], expected[:, i])[0, 1] for i in range(found.shape[1])])


def test_face_scores_are_torchs(torch_face, pictures, tmp_path):
    expected = np.stack([torch_face(pixels) for _, pixels in pictures])
    exact = ee.synthetic.write_face_model(tmp_path / "fp32", precision="fp32", seed=SEED)
    face = ee.FaceEmotionModel.load(exact, cache=False)
    found = np.stack([face(picture).values for picture, _ in pictures])
    assert spread_error(found, expected).max() < 0.01
    int8 = ee.synthetic.write_face_model(tmp_path / "int8", seed=SEED)
    face = ee.FaceEmotionModel.load(int8, cache=False, precision_hint="f32")
    found = np.stack([face(picture).values for picture, _ in pictures])
    assert mean_pearson(found, expected) > 0.98


def test_voice_scores_are_torchs(torch_voice, clips, tmp_path):
    expected = np.stack([torch_voice(features) for _, features in clips])
    exact = ee.synthetic.write_voice_model(tmp_path / "fp32", precision="fp32", seed=SEED)
    voice = ee.VoiceEmotionModel.load(exact, cache=False)
    found = np.stack([voice(waveform).values for waveform, _ in clips])
    assert spread_error(found, expected).max() < 0.01
    int8 = ee.synthetic.write_voice_model(tmp_path / "int8", seed=SEED)
    voice = ee.VoiceEmotionModel.load(int8, cache=False, precision_hint="f32")
    found = np.stack([voice(waveform).values for waveform, _ in clips])
    assert mean_pearson(found, expected) > 0.98
