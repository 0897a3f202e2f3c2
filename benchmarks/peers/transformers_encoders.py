"""The encoders as transformers' modules in FP32, with the synthetic models' weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emonet_edge.synthetic.architectures import VisionArchitecture, preset
from emonet_edge.synthetic.weights import draw_tensor

__all__ = ["encoder"]

SEED = 0


def encoder(modality: Any, size: str = "full") -> Any:
    """A module from prepared input to embedding: the pooled output, or the last hidden state."""
    import torch

    architecture = preset(modality, size)
    with _no_initialisation():
        module, prefix = _empty(modality, architecture)
    with torch.inference_mode():
        state = module.state_dict()
        for name, spec in architecture.tensors().items():
            state[name.removeprefix(prefix)].copy_(torch.from_numpy(draw_tensor(SEED, name, spec)))
    return _with_one_output(module.eval(), modality)


def _empty(modality: str, architecture: Any) -> tuple[Any, str]:
    if isinstance(architecture, VisionArchitecture):
        return _empty_vision(architecture)
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    config = WhisperConfig(
        d_model=architecture.width,
        encoder_layers=architecture.layers,
        encoder_attention_heads=architecture.heads,
        encoder_ffn_dim=architecture.mlp,
        num_mel_bins=architecture.mels,
        max_source_positions=architecture.positions,
    )
    return WhisperEncoder(config), "model.encoder."


def _empty_vision(architecture: VisionArchitecture) -> tuple[Any, str]:
    from transformers import SiglipVisionConfig, SiglipVisionModel

    config = SiglipVisionConfig(
        hidden_size=architecture.width,
        intermediate_size=architecture.mlp,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        image_size=architecture.image,
        patch_size=architecture.patch,
    )
    module = SiglipVisionModel(config)
    # transformers 5 dropped the prefix that checkpoints have.
    bare = "embeddings.patch_embedding.weight" in module.state_dict()
    return module, "vision_model." if bare else ""


def _with_one_output(module: Any, modality: str) -> Any:
    import torch

    class Embedding(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = module

        def forward(self, tensor: Any) -> Any:
            output = self.encoder(tensor)
            return output.pooler_output if modality == "face" else output.last_hidden_state

    return Embedding().eval()


@contextmanager
def _no_initialisation() -> Iterator[None]:
    """Skip transformers' own random weights: they are overwritten at once."""
    try:
        from transformers.initialization import no_init_weights
    except ImportError:
        from transformers.modeling_utils import no_init_weights
    with no_init_weights():
        yield
