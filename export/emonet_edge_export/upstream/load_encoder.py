"""The encoder as a torch module: the vision tower of SigLIP 2, or the encoder of Whisper, alone.

Only the tensors of that part are read from the file; the text tower and the decoder never are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from emonet_edge_export.errors import CheckpointError
from emonet_edge_export.upstream.checkpoints import read_tensors
from emonet_edge_export.upstream.repository import Repository

__all__ = ["EncoderConfig", "load_module", "read_config", "weight_bytes"]

_BILINEAR = 2  # PIL.Image.Resampling.BILINEAR
# What emonet_edge.audio computes; a checkpoint that wants another cannot run on it.
_LOG_MEL = {
    "sampling_rate": 16000,
    "n_fft": 400,
    "hop_length": 160,
    "feature_size": 80,
    "chunk_length": 30,
}
_PREFIXES = {"face": ("vision_model.",), "voice": ("model.encoder.", "encoder.")}
_WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")


@dataclass(frozen=True)
class EncoderConfig:
    """What config.json and preprocessor_config.json say of the part that is exported."""

    modality: str
    values: Mapping[str, Any]
    preparation: Mapping[str, Any]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one input with its batch of 1."""
        if self.modality == "face":
            return (1, 3, self.preparation["size"], self.preparation["size"])
        return (1, 80, 3000)

    @property
    def parameters(self) -> int:
        """About how many weights the part has; its layers are nearly all of them."""
        whisper = ("d_model", "encoder_ffn_dim", "encoder_layers")
        siglip = ("hidden_size", "intermediate_size", "num_hidden_layers")
        keys = siglip if self.modality == "face" else whisper
        width, inner, layers = (self.values[key] for key in keys)
        return int((layers + 2) * (4 * width * width + 2 * width * inner))

    @property
    def embedding_shape(self) -> tuple[int, ...]:
        """Of one embedding: [width] for faces, [positions, width] for voices."""
        if self.modality == "face":
            return (self.values["hidden_size"],)
        return (self.values["max_source_positions"], self.values["d_model"])


def read_config(
    repository: Repository, modality: str, expected: Mapping[str, int]
) -> EncoderConfig:
    """Read the configuration; `expected` (may be empty) is compared with it.

    Raises:
        CheckpointError: another architecture, another preparation, or dimensions that differ.
    """
    path = repository.fetch("config.json")
    config = _json(path)
    values = _vision(config, path) if modality == "face" else _whisper(config, path)
    for key, value in expected.items():
        if values[key] != value:
            raise CheckpointError(
                f"{repository.name}: {key} is {values[key]} in config.json, {value} in the "
                "published suite: this revision holds another model; name the one you mean with "
                "--encoder OWNER/NAME@REVISION"
            )
    how = _image(repository, values) if modality == "face" else _log_mel(repository)
    return EncoderConfig(modality, values, how)


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: must be JSON ({error}); get it again") from error
    if not isinstance(document, dict):
        raise CheckpointError(f"{path}: must be a JSON object; get it again")
    return document


def _vision(config: dict[str, Any], path: Path) -> dict[str, Any]:
    from transformers import SiglipVisionConfig

    kind = config.get("model_type")
    if kind not in ("siglip", "siglip_vision_model"):
        raise CheckpointError(
            f"{path}: model_type must be siglip (SigLIP, and SigLIP 2 of a fixed resolution); it "
            f"is {kind!r}: encoders of other kinds are not supported"
        )
    part = config.get("vision_config", {}) if kind == "siglip" else config
    return dict(SiglipVisionConfig(**part).to_dict())


def _whisper(config: dict[str, Any], path: Path) -> dict[str, Any]:
    from transformers import WhisperConfig

    if config.get("model_type") != "whisper":
        raise CheckpointError(
            f"{path}: model_type must be whisper; it is {config.get('model_type')!r}"
        )
    values = dict(WhisperConfig(**config).to_dict())
    if values["num_mel_bins"] != 80 or values["max_source_positions"] != 1500:
        raise CheckpointError(
            f"{path}: the encoder must take 80 mel bands and give 1500 positions; it has "
            f"{values['num_mel_bins']} and {values['max_source_positions']}"
        )
    return values


def _image(repository: Repository, values: Mapping[str, Any]) -> dict[str, Any]:
    path = repository.fetch("preprocessor_config.json")
    found = _json(path)
    size = found.get("size", {})
    sides = {size} if isinstance(size, int) else {size.get("height"), size.get("width")}
    if sides != {values["image_size"]}:
        raise CheckpointError(
            f"{path}: size must be the encoder's {values['image_size']} in both directions; got "
            f"{size}"
        )
    # transformers' own default differs between its versions, so only what is written counts.
    if found.get("resample") != _BILINEAR:
        raise CheckpointError(
            f"{path}: resample must be {_BILINEAR} (bilinear), which is what runs on the device; "
            f"got {found.get('resample')}"
        )
    mean, std = found.get("image_mean"), found.get("image_std")
    if not _triple(mean) or not _triple(std) or found.get("rescale_factor", 1 / 255) != 1 / 255:
        raise CheckpointError(
            f"{path}: image_mean and image_std must be three numbers after x / 255; got {mean}, "
            f"{std}, rescale_factor {found.get('rescale_factor')}"
        )
    return {
        "kind": "image",
        "size": values["image_size"],
        "resample": "bilinear",
        "mean": mean,
        "std": std,
    }


def _triple(values: Any) -> bool:
    return (
        isinstance(values, list)
        and len(values) == 3
        and all(isinstance(value, (int, float)) for value in values)
    )


def _log_mel(repository: Repository) -> dict[str, Any]:
    path = repository.fetch("preprocessor_config.json")
    found = _json(path)
    for key, value in _LOG_MEL.items():
        if found.get(key, value) != value:
            raise CheckpointError(
                f"{path}: {key} must be {value}, as the device computes it; got {found[key]}"
            )
    return {
        "kind": "log_mel",
        "sample_rate": 16000,
        "window_s": 30,
        "n_fft": 400,
        "hop_length": 160,
        "n_mels": 80,
    }


class _Faces(torch.nn.Module):  # type: ignore[misc]
    """[n, 3, size, size] to [n, width]: get_image_features of the whole model."""

    def __init__(self, tower: torch.nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.tower(pixel_values=pixels).pooler_output
        return output


class _Voices(torch.nn.Module):  # type: ignore[misc]
    """[n, 80, 3000] to [n, 1500, width]: last_hidden_state of the encoder."""

    def __init__(self, encoder: torch.nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.encoder(features).last_hidden_state
        return output


def load_module(repository: Repository, config: EncoderConfig) -> torch.nn.Module:
    """Load the weights into the torch module, in float32 and eval mode.

    Raises:
        CheckpointError: a tensor is missing, unknown or of another shape.
    """
    _quiet_transformers()
    with torch.device("meta"):
        empty, wrap = _empty_module(config)
    wanted = {name: tuple(tensor.shape) for name, tensor in empty.state_dict().items()}
    found: dict[str, torch.Tensor] = {}
    for file in _weight_files(repository):
        found |= _part(repository.fetch(file), config.modality, wanted)
    for name in wanted:
        if name not in found:
            raise CheckpointError(
                f"{repository.name}: {_PREFIXES[config.modality][0]}{name}: missing from the "
                "weights: they are cut short, or of another model"
            )
    # The weights go straight into the empty module: drawing random ones first would double them.
    empty.load_state_dict(found, strict=True, assign=True)
    _fill_buffers(empty)
    return wrap(empty).eval().requires_grad_(False)


def _fill_buffers(module: torch.nn.Module) -> None:
    """Give the module what is computed and not stored: the numbers of the positions."""
    for name, buffer in list(module.named_buffers()):
        if not buffer.is_meta:
            continue
        owner, _, short = name.rpartition(".")
        if short != "position_ids":
            raise CheckpointError(f"this version of transformers has an unknown buffer {name}")
        values = torch.arange(buffer.shape[-1]).expand(buffer.shape).clone()
        module.get_submodule(owner).register_buffer(short, values, persistent=False)


def _quiet_transformers() -> None:
    from transformers.utils import logging

    logging.set_verbosity_error()


def weight_bytes(repository: Repository) -> int:
    """Return the size of the files that `load_module` will fetch."""
    for file in _WEIGHT_FILES:
        if file in repository.files:
            parts = repository.matching("model-*.safetensors")
            return sum(repository.files[name].size for name in (parts if parts else [file]))
    return 0


def _empty_module(config: EncoderConfig) -> tuple[torch.nn.Module, type[torch.nn.Module]]:
    if config.modality == "face":
        from transformers import SiglipVisionConfig, SiglipVisionModel

        model = SiglipVisionModel(SiglipVisionConfig(**config.values))
        # transformers 4 wraps the tower in a second module of the checkpoint's prefix.
        return getattr(model, "vision_model", model), _Faces
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    return WhisperEncoder(WhisperConfig(**config.values)), _Voices


def _weight_files(repository: Repository) -> list[str]:
    for file in _WEIGHT_FILES:
        if file not in repository.files:
            continue
        if file.endswith(".index.json"):
            parts = _json(repository.fetch(file)).get("weight_map", {})
            return sorted(set(parts.values()))
        return [file]
    raise CheckpointError(f"{repository.name}: has none of {', '.join(_WEIGHT_FILES)}")


def _part(
    path: Path, modality: str, wanted: Mapping[str, tuple[int, ...]]
) -> dict[str, torch.Tensor]:
    found = {}
    tensors = read_tensors(path)
    prefix = next((p for p in _PREFIXES[modality] if any(n.startswith(p) for n in tensors)), "")
    for name, tensor in tensors.items():
        if not name.startswith(prefix):
            continue
        short = name[len(prefix) :]
        if short not in wanted:
            if prefix:
                raise CheckpointError(f"{path}: {name}: unknown tensor in the encoder's part")
            continue
        if tuple(tensor.shape) != wanted[short]:
            raise CheckpointError(
                f"{path}: {name}: must be {list(wanted[short])} by config.json; it is "
                f"{list(tensor.shape)}"
            )
        if not tensor.is_floating_point():
            raise CheckpointError(f"{path}: {name}: must be floating point; it is {tensor.dtype}")
        found[short] = tensor.to(torch.float32)
    return found
