"""Which heads a memory budget allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emonet_edge.exceptions import MemoryBudgetError
from emonet_edge.heads import head_sizes

if TYPE_CHECKING:
    from emonet_edge.model_dir import ModelDir

__all__ = ["encoder_bytes", "heads_within"]

# What a process takes beside the weights: interpreter, NumPy, OpenVINO, activations. Measured as
# 190 MB for the full voice encoder (peak resident size minus twice encoder.bin); rounded up.
_BASE_BYTES = 250_000_000


def encoder_bytes(directory: ModelDir) -> int:
    """Bytes that everything but the heads takes: the encoder mapped, compiled and running."""
    return 2 * directory.manifest.files["encoder.bin"].size + _BASE_BYTES


def heads_within(
    directory: ModelDir, names: Sequence[str] | None, budget: int | None
) -> tuple[Sequence[str] | None, tuple[str, ...]]:
    """Choose the heads that fit.

    Args:
        directory: whose encoder counts as well.
        names: the heads that are wanted, the most wanted first; None is all, emotions first.
        budget: bytes, or None for no limit.

    Returns:
        The names to open (None: all of them) and the names left out.

    Raises:
        MemoryBudgetError: not even the first head fits.
    """
    if budget is None:
        return names, ()
    sizes = head_sizes(directory.heads_bin, names)
    wanted = list(names) if names is not None else _emotions_first(directory)
    left = budget - encoder_bytes(directory)
    kept: list[str] = []
    left_out: list[str] = []
    for name in wanted:
        if sizes[name] <= left:
            kept.append(name)
            left -= sizes[name]
        else:
            left_out.append(name)
    if not kept:
        needed = encoder_bytes(directory) + min(sizes[name] for name in wanted)
        raise MemoryBudgetError(
            f"a memory budget must hold the encoder and one head, {needed / 1e6:.0f} MB for "
            f"{directory.manifest.suite}; got {budget / 1e6:.0f} MB; raise it"
        )
    return kept, tuple(left_out)


def _emotions_first(directory: ModelDir) -> list[str]:
    heads = directory.heads
    emotions = [head.name for head in heads if head.kind == "emotion"]
    return emotions + [head.name for head in heads if head.kind != "emotion"]
