"""Checkpoint folders as the hub has them, with random weights, and what torch makes of them.

The modules have the names and keys of LAION's annotation scripts; sizes are small by default.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="export needs torch")
transformers = pytest.importorskip("transformers", reason="export needs transformers")
pytest.importorskip("emonet_edge_export", reason="needs export/ on the path, or the wheel")

from safetensors.torch import save_file  # noqa: E402
from transformers.models.whisper.modeling_whisper import WhisperEncoder  # noqa: E402

from emonet_edge.taxonomy import describe, names_for  # noqa: E402

FACE_HEADS = "laion/Empathic-Insight-Face-{}"
FACE_ENCODER = "google/siglip2-so400m-patch16-384"
VOICE_HEADS = "laion/Empathic-Insight-Voice-{}"
VOICE_ENCODERS = {
    "Small": "mkrausio/EmoWhisper-AnS-Small-v0.1",
    "Large": "mkrausio/EmoWhisper-AnS-Small-v0.1",
    "Plus": "laion/BUD-E-Whisper",
}
FEW_VOICE_HEADS = ("anger", "sadness", "jealousy_and_envy", "valence", "warm_vs_cold")


class FaceMLP(torch.nn.Module):
    """As in the model card: Linear, ReLU, Dropout, ..., Linear."""

    def __init__(self, inputs, widths):
        super().__init__()
        layers = []
        for width in widths:
            layers += [torch.nn.Linear(inputs, width), torch.nn.ReLU(), torch.nn.Dropout(0.1)]
            inputs = width
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(inputs, 1))

    def forward(self, x):
        return self.layers(x)


class FullEmbeddingMLP(torch.nn.Module):
    """As in LAION-AI/emotion-annotations: flatten, proj, then ReLU, Dropout, Linear, ..."""

    def __init__(self, inputs, projection, widths):
        super().__init__()
        self.flatten = torch.nn.Flatten()
        self.proj = torch.nn.Linear(inputs, projection)
        layers = [torch.nn.ReLU(), torch.nn.Dropout(0.0)]
        for before, width in zip((projection, *widths), widths, strict=False):
            layers += [torch.nn.Linear(before, width), torch.nn.ReLU(), torch.nn.Dropout(0.1)]
        self.mlp = torch.nn.Sequential(*layers, torch.nn.Linear(widths[-1], 1))

    def forward(self, x):
        return self.mlp(self.proj(self.flatten(x)))


@dataclass(frozen=True)
class Suite:
    """A written suite: `source` is for --source, the rest is what torch needs for the truth."""

    source: Path
    encoder: torch.nn.Module
    heads: dict

    @torch.inference_mode()
    def face_scores(self, pixels, norm=True):
        """Scores as in the model card: get_image_features, L2, heads. pixels: [n, 3, s, s]."""
        features = self.encoder.get_image_features(pixel_values=torch.from_numpy(pixels))
        features = getattr(features, "pooler_output", features)
        if norm:
            features = features / features.norm(dim=-1, keepdim=True)
        return self._heads(features)

    @torch.inference_mode()
    def voice_scores(self, features):
        """Scores as in LAION's scripts: last_hidden_state, heads. features: [n, 80, 3000]."""
        hidden = self.encoder(torch.from_numpy(features)).last_hidden_state
        return self._heads(hidden)

    def _heads(self, inputs):
        return {name: head(inputs)[:, 0].numpy() for name, head in self.heads.items()}


def write_face_suite(
    source, size="Small", widths=(32, 16), vision=None, names=None, norm_first=True, seed=0
):
    """Write the repositories of a face suite; the encoder is a whole SigLIP with its text tower."""
    torch.manual_seed(seed)
    config = {
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "image_size": 64, "patch_size": 16, **(vision or {}),
    }  # fmt: skip
    text = {"hidden_size": config["hidden_size"], "intermediate_size": 32, "num_hidden_layers": 1,
            "num_attention_heads": 4, "vocab_size": 64, "max_position_embeddings": 16,
            "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}  # fmt: skip
    encoder = transformers.SiglipModel(
        transformers.SiglipConfig(vision_config=config, text_config=text)
    ).eval()
    _liven(encoder)
    folder = Path(source) / FACE_ENCODER
    folder.mkdir(parents=True)
    _write_json(folder / "config.json", {
        "architectures": ["SiglipModel"], "initializer_factor": 1.0, "model_type": "siglip",
        "text_config": {**text, "model_type": "siglip_text_model"},
        "vision_config": {**config, "model_type": "siglip_vision_model"},
        "torch_dtype": "float32", "transformers_version": "4.49.0",
    })  # fmt: skip
    _write_json(folder / "preprocessor_config.json", {
        "do_convert_rgb": None, "do_normalize": True, "do_rescale": True, "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5], "image_processor_type": "SiglipImageProcessor",
        "image_std": [0.5, 0.5, 0.5], "resample": 2, "rescale_factor": 0.00392156862745098,
        "size": {"height": config["image_size"], "width": config["image_size"]},
    })  # fmt: skip
    save_file({k: v.contiguous() for k, v in encoder.state_dict().items()},
              folder / "model.safetensors", metadata={"format": "pt"})  # fmt: skip
    heads = _write_heads(
        Path(source) / FACE_HEADS.format(size),
        "face",
        names or names_for("face"),
        lambda: _gained(FaceMLP(config["hidden_size"], widths), 8.0 if norm_first else 1.0),
    )
    return Suite(Path(source), encoder, heads)


def write_voice_suite(
    source,
    size="Small",
    projection=16,
    widths=(16, 8, 4),
    whisper=None,
    names=FEW_VOICE_HEADS,
    seed=0,
):
    """Write the repositories of a voice suite; the encoder is a whole Whisper with its decoder."""
    torch.manual_seed(seed)
    values = {
        "d_model": 64, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 128,
        "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 64,
        "vocab_size": 64, "num_mel_bins": 80, "pad_token_id": 0, "bos_token_id": 1,
        "eos_token_id": 2, "decoder_start_token_id": 3, **(whisper or {}),
    }  # fmt: skip
    model = transformers.WhisperForConditionalGeneration(
        transformers.WhisperConfig(**values)
    ).eval()
    _liven(model)
    folder = Path(source) / VOICE_ENCODERS[size]
    folder.mkdir(parents=True)
    _write_json(folder / "config.json", {
        "architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper", **values
    })  # fmt: skip
    write_whisper_preprocessor(folder)
    save_file({k: v.contiguous() for k, v in model.state_dict().items() if k != "proj_out.weight"},
              folder / "model.safetensors", metadata={"format": "pt"})  # fmt: skip
    inputs = 1500 * values["d_model"]
    heads = _write_heads(
        Path(source) / VOICE_HEADS.format(size),
        "voice",
        names,
        lambda: _gained(FullEmbeddingMLP(inputs, projection, widths), 8.0),
    )
    return Suite(Path(source), model.model.encoder, heads)


def write_heads_for_real_whisper(source, encoder_folder, names=FEW_VOICE_HEADS, seed=0):
    """Write random voice heads beside a real Whisper encoder (Hugging Face layout)."""
    torch.manual_seed(seed)
    config = json.loads((encoder_folder / "config.json").read_text())
    target = Path(source) / VOICE_ENCODERS["Small"]
    target.parent.mkdir(parents=True)
    target.symlink_to(encoder_folder, target_is_directory=True)
    encoder = WhisperEncoder(transformers.WhisperConfig(**config)).eval()
    from safetensors.torch import load_file

    tensors = load_file(encoder_folder / "model.safetensors")
    encoder.load_state_dict(
        {k.removeprefix("model.encoder."): v.float() for k, v in tensors.items()}
    )
    heads = _write_heads(
        Path(source) / VOICE_HEADS.format("Small"),
        "voice",
        names,
        lambda: _gained(FullEmbeddingMLP(1500 * config["d_model"], 64, (64, 32, 16)), 3.0),
    )
    return Suite(Path(source), encoder, heads)


def write_whisper_preprocessor(folder):
    """The part of preprocessor_config.json that describes the log-mel spectrogram."""
    _write_json(folder / "preprocessor_config.json", {
        "chunk_length": 30, "feature_extractor_type": "WhisperFeatureExtractor",
        "feature_size": 80, "hop_length": 160, "n_fft": 400, "n_samples": 480000,
        "nb_max_frames": 3000, "padding_side": "right", "padding_value": 0.0,
        "processor_class": "WhisperProcessor", "return_attention_mask": False,
        "sampling_rate": 16000,
    })  # fmt: skip


def write_neutral_statistics(suite, pixels, size="Small", norm=True):
    """Write the suite's statistics as they come out on these faces, with a spread."""
    scores = suite.face_scores(pixels, norm)
    path = suite.source / FACE_HEADS.format(size) / "neutral_stats_cache-_human_200+.json"
    _write_json(path, {
        Path(describe(name, "face").face_file).stem: {
            "mean": float(values.mean()), "std": float(values.std() + 0.02)
        }
        for name, values in scores.items()
    })  # fmt: skip
    return path


def _write_heads(folder, modality, names, make):
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    heads = {}
    for number, name in enumerate(names):
        head = make().eval()
        state = head.state_dict()
        if number == 1:  # saved through torch.compile, as some of LAION's are
            state = {f"_orig_mod.{key}": value for key, value in state.items()}
        if number == 2:
            state = {"state_dict": state, "epoch": 3}
        described = describe(name, modality)
        file = described.face_file if modality == "face" else described.voice_file
        torch.save(state, folder / file)
        heads[name] = head
    return heads


def _gained(head, gain):
    """Random heads of torch's default hardly react; a wider projection makes scores differ."""
    with torch.no_grad():
        first = next(m for m in head.modules() if isinstance(m, torch.nn.Linear))
        first.weight.mul_(gain)
    return head


def _liven(model):
    """Larger weights than at initialisation: attention that attends, and inputs that matter."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.ndim >= 2 and "position" not in name and "embed_positions" not in name:
                value.normal_(0, 1.2 / np.sqrt(np.prod(value.shape[1:])))


def _write_json(path, document):
    path.write_text(json.dumps(document, indent=2))
