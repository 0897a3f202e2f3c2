"""The two encoders as numbers: shapes, presets, and every tensor's name, shape and scale.

Names are Hugging Face's checkpoint keys (SiglipVisionModel `vision_model.*`, Whisper
`model.encoder.*`), so the same tensors can be loaded into transformers' modules.

The scales are chosen for a random network that is still worth measuring. Projections keep the
variance of what they read (std = gain / sqrt(inputs)), so that nothing fades or explodes with
depth; queries and keys are large enough that attention chooses among positions instead of
averaging them all; both branches of a layer shrink with the depth. What remains is an output that
differs clearly from input to input, by more than 8-bit rounding blurs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

from emonet_edge.exceptions import UnknownNameError

__all__ = [
    "PRESETS",
    "Architecture",
    "TensorSpec",
    "VisionArchitecture",
    "VoiceArchitecture",
    "preset",
]

ATTENTION_GAIN = 1.3  # queries and keys: logits with a standard deviation of 1.7
BIAS_STD = 0.1
NORM_STD = 0.1
BRANCH_GAIN = 1.0  # divided by the square root of the depth


@dataclass(frozen=True)
class TensorSpec:
    """A tensor: its shape, and mean and standard deviation of its normal distribution."""

    shape: tuple[int, ...]
    std: float
    mean: float = 0.0
    sinusoids: bool = False  # Whisper's fixed position table instead of random numbers


def _linear(name: str, out: int, inputs: int, gain: float = 1.0) -> dict[str, TensorSpec]:
    return {
        f"{name}.weight": TensorSpec((out, inputs), gain / sqrt(inputs)),
        f"{name}.bias": TensorSpec((out,), BIAS_STD),
    }


def _norm(name: str, width: int) -> dict[str, TensorSpec]:
    return {
        f"{name}.weight": TensorSpec((width,), NORM_STD, mean=1.0),
        f"{name}.bias": TensorSpec((width,), NORM_STD),
    }


@dataclass(frozen=True)
class _Transformer:
    """What both encoders have: pre-norm layers of self-attention and a two-layer MLP."""

    layers: int
    width: int
    heads: int
    mlp: int

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def branch_gain(self) -> float:
        return BRANCH_GAIN / sqrt(2 * self.layers)

    def _layer(self, prefix: str, norms: tuple[str, str], mlp: str) -> dict[str, TensorSpec]:
        attention, width = f"{prefix}.self_attn", self.width
        return {
            **_norm(f"{prefix}.{norms[0]}", width),
            **_linear(f"{attention}.q_proj", width, width, ATTENTION_GAIN),
            **_linear(f"{attention}.k_proj", width, width, ATTENTION_GAIN),
            **_linear(f"{attention}.v_proj", width, width),
            **_linear(f"{attention}.out_proj", width, width, self.branch_gain),
            **_norm(f"{prefix}.{norms[1]}", width),
            **_linear(f"{prefix}.{mlp}fc1", self.mlp, width),
            **_linear(f"{prefix}.{mlp}fc2", width, self.mlp, self.branch_gain),
        }


@dataclass(frozen=True)
class VisionArchitecture(_Transformer):
    """SigLIP's vision tower: patches, layers with tanh-gelu, an attention-pooling head.

    float32 [1, 3, image, image] -> float32 [1, width] (`SiglipVisionModel`'s pooler_output).
    """

    image: int = 384
    patch: int = 16
    norm_epsilon: float = 1e-6

    @property
    def tokens(self) -> int:
        """Count the patches of a picture."""
        return (self.image // self.patch) ** 2

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Return the shape of the input, with a batch of 1."""
        return (1, 3, self.image, self.image)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Return the shape of the embedding, with a batch of 1."""
        return (1, self.width)

    def layer_prefix(self, index: int) -> str:
        """Return what the keys of layer `index`, from 0, begin with."""
        return f"vision_model.encoder.layers.{index}"

    def tensors(self) -> dict[str, TensorSpec]:
        """Return every tensor of the encoder by its checkpoint key."""
        model, width = "vision_model", self.width
        patch_inputs = 3 * self.patch**2
        table = {
            f"{model}.embeddings.patch_embedding.weight": TensorSpec(
                (width, 3, self.patch, self.patch), 2.0 / sqrt(patch_inputs)
            ),
            f"{model}.embeddings.patch_embedding.bias": TensorSpec((width,), BIAS_STD),
            f"{model}.embeddings.position_embedding.weight": TensorSpec((self.tokens, width), 0.3),
        }
        for index in range(self.layers):
            table |= self._layer(self.layer_prefix(index), ("layer_norm1", "layer_norm2"), "mlp.")
        return table | _norm(f"{model}.post_layernorm", width) | self._head(f"{model}.head")

    def _head(self, head: str) -> dict[str, TensorSpec]:
        width = self.width
        return {
            f"{head}.probe": TensorSpec((1, 1, width), 1.0),
            f"{head}.attention.in_proj_weight": TensorSpec(
                (3 * width, width), ATTENTION_GAIN / sqrt(width)
            ),
            f"{head}.attention.in_proj_bias": TensorSpec((3 * width,), BIAS_STD),
            **_linear(f"{head}.attention.out_proj", width, width),
            **_norm(f"{head}.layernorm", width),
            **_linear(f"{head}.mlp.fc1", self.mlp, width),
            **_linear(f"{head}.mlp.fc2", width, self.mlp),
        }


@dataclass(frozen=True)
class VoiceArchitecture(_Transformer):
    """Whisper's encoder: two convolutions, fixed positions, layers with exact gelu, a last norm.

    float32 [1, mels, 2 * positions] -> float32 [1, positions, width] (last_hidden_state).
    """

    mels: int = 80
    positions: int = 1500
    norm_epsilon: float = 1e-5

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Return the shape of the input, with a batch of 1."""
        return (1, self.mels, 2 * self.positions)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Return the shape of the embedding, with a batch of 1."""
        return (1, self.positions, self.width)

    def layer_prefix(self, index: int) -> str:
        """Return what the keys of layer `index`, from 0, begin with."""
        return f"model.encoder.layers.{index}"

    def tensors(self) -> dict[str, TensorSpec]:
        """Return every tensor by its checkpoint key; key projections have no bias."""
        model, width = "model.encoder", self.width
        table = {
            f"{model}.conv1.weight": TensorSpec((width, self.mels, 3), 2.0 / sqrt(3 * self.mels)),
            f"{model}.conv1.bias": TensorSpec((width,), BIAS_STD),
            f"{model}.conv2.weight": TensorSpec((width, width, 3), 2.0 / sqrt(3 * width)),
            f"{model}.conv2.bias": TensorSpec((width,), BIAS_STD),
            f"{model}.embed_positions.weight": TensorSpec(
                (self.positions, width), 0.0, sinusoids=True
            ),
        }
        for index in range(self.layers):
            prefix = self.layer_prefix(index)
            table |= self._layer(prefix, ("self_attn_layer_norm", "final_layer_norm"), "")
            del table[f"{prefix}.self_attn.k_proj.bias"]
        return table | _norm(f"{model}.layer_norm", width)


Architecture = VisionArchitecture | VoiceArchitecture

PRESETS: dict[tuple[str, str], Architecture] = {
    ("face", "full"): VisionArchitecture(layers=27, width=1152, heads=16, mlp=4304),
    ("face", "tiny"): VisionArchitecture(layers=3, width=96, heads=4, mlp=384),
    ("voice", "full"): VoiceArchitecture(layers=12, width=768, heads=12, mlp=3072),
    # The width also decides the size of the heads: 55 x 1500 x 32 x 16 INT8 weights are 42 MB.
    ("voice", "tiny"): VoiceArchitecture(layers=2, width=32, heads=2, mlp=128),
}


def preset(modality: Literal["face", "voice"], name: str) -> Architecture:
    """Return the architecture of a preset.

    Raises:
        UnknownNameError: no such modality or preset.

    """
    found = PRESETS.get((modality, name))
    if found is None:
        raise UnknownNameError(
            f"a synthetic encoder is a modality and a preset; {(modality, name)!r} is not one of "
            f"{sorted(PRESETS)}"
        )
    return found
