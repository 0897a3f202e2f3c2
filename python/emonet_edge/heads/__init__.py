"""Packed heads: many small MLPs on one embedding, read in one pass.

`multi_head_mlp` evaluates them, `packed_heads` writes the file. The format is described in
cpp/heads/packed_heads.hpp, the kernels in cpp/kernels/.
"""

from emonet_edge.heads.multi_head_mlp import (
    EmbeddingNorm,
    HeadsMemory,
    HeadsPrecision,
    MultiHeadMLP,
    head_sizes,
)
from emonet_edge.heads.pack_layer import Compensation, crc32c, pack_layer

__all__ = [
    "Compensation",
    "EmbeddingNorm",
    "HeadsMemory",
    "HeadsPrecision",
    "MultiHeadMLP",
    "crc32c",
    "head_sizes",
    "pack_layer",
]
