"""Which heads a memory budget allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emonet_edge.exceptions import MemoryBudgetError
from emonet_edge.heads import head_sizes
from emonet_edge.model_dir import loading_bytes

if TYPE_CHECKING:
    from emonet_edge.model_dir import ModelDir

__all__ = ["heads_within"]


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
    left = budget - loading_bytes(directory.manifest)
    kept: list[str] = []
    left_out: list[str] = []
    for name in wanted:
        if sizes[name] <= left:
            kept.append(name)
            left -= sizes[name]
        else:
            left_out.append(name)
    if not kept:
        needed = loading_bytes(directory.manifest) + min(sizes[name] for name in wanted)
        raise MemoryBudgetError(
            f"a memory budget must hold the encoder and one head, {needed / 1e6:.0f} MB for "
            f"{directory.manifest.suite}; got {budget / 1e6:.0f} MB; raise it"
        )
    return kept, tuple(left_out)


def _emotions_first(directory: ModelDir) -> list[str]:
    heads = directory.heads
    emotions = [head.name for head in heads if head.kind == "emotion"]
    return emotions + [head.name for head in heads if head.kind != "emotion"]
