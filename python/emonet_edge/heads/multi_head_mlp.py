"""Many small MLPs on one embedding, read in one pass from a packed heads file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from emonet_edge.exceptions import EmbeddingError, InputError, UnknownNameError
from emonet_edge.threads import thread_budget

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emonet_edge import _core

__all__ = [
    "EmbeddingNorm",
    "HeadsMemory",
    "HeadsPrecision",
    "MultiHeadMLP",
    "head_sizes",
]

HeadsPrecision = Literal["int8", "int4", "fp16", "fp32"]
"""How the weights of projections are stored."""
EmbeddingNorm = Literal["none", "l2"]
"""What is done to an embedding before the heads: nothing, or divided by its length."""
HeadsMemory = Literal["map", "copy"]
"""The file's own pages, or a copy of them; see `MultiHeadMLP.open`."""


class MultiHeadMLP:
    """Heads of a packed heads file, evaluated together.

    Thread-safe: several threads may call `evaluate` at once. Scores do not depend on the number of
    threads.
    """

    def __init__(self, native: _core.MultiHeadMLP, threads: int | None) -> None:
        self._native = native
        self._threads = threads
        self._names = tuple(native.names)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        names: Sequence[str] | None = None,
        *,
        embedding_norm: EmbeddingNorm = "none",
        memory: HeadsMemory = "map",
        threads: int | None = None,
        verify: bool = True,
    ) -> MultiHeadMLP:
        """Open a packed heads file.

        Args:
            path: the file, usually heads.bin of a model directory.
            names: only these heads, in this order; no byte of the others is read. None: all.
            embedding_norm: "l2" divides the embedding by its Euclidean norm first, as the
                manifest of the model directory asks.
            memory: "map" uses the file's own pages (shared between processes, given back under
                memory pressure); "copy" reads the heads into private huge pages.
            threads: at most so many threads; None follows `emonet_edge.thread_budget()`.
            verify: compare the checksum of every opened head (reads them once, at disk speed).

        Raises:
            PackedHeadsError: the file is damaged, cut short or no packed heads file.
            FormatVersionError: a newer version wrote it.
            UnknownNameError: a name that the file does not have.
            MemoryBudgetError: "copy" found too little memory.
            InputError: an option has no such value.
        """
        _require_choice("embedding_norm", embedding_norm, ("none", "l2"))
        _require_choice("memory", memory, ("map", "copy"))
        wanted = _name_list(names)
        native = native_core().MultiHeadMLP(
            os.fspath(path),
            wanted,
            embedding_norm == "l2",
            memory == "copy",
            verify,
            threads or thread_budget(),
        )
        return cls(native, threads)

    @property
    def names(self) -> tuple[str, ...]:
        """The opened heads, in the order of the scores."""
        return self._names

    @property
    def embedding_shape(self) -> tuple[int, ...]:
        """Shape of one embedding: (width,) or (positions, width)."""
        if self._native.rank == 1:
            return (self._native.width,)
        return (self._native.positions, self._native.width)

    @property
    def precision(self) -> HeadsPrecision:
        """Precision of the projections: "int8", "int4", "fp16" or "fp32"."""
        return self._native.precision  # type: ignore[return-value]

    @property
    def nbytes(self) -> int:
        """Bytes of the opened heads: what one evaluation reads."""
        return self._native.nbytes

    def evaluate(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score one embedding.

        Args:
            embedding: float32 of `embedding_shape`.

        Returns:
            float32 [n_heads], each on its own scale.

        Raises:
            EmbeddingError: wrong shape or type, or a value that is not finite.
        """
        array = _as_embedding(embedding, self.embedding_shape, "an embedding")
        scores: NDArray[np.float32] = self._evaluate(array[np.newaxis])[0]
        return scores

    def evaluate_batch(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score n embeddings, reading the weights once (once for each 27 voice embeddings).

        Args:
            embeddings: float32 [n, *embedding_shape]; n may be 0.

        Returns:
            float32 [n, n_heads]; row i is what `evaluate(embeddings[i])` returns.

        Raises:
            EmbeddingError: wrong shape or type, or a value that is not finite.
        """
        array = np.asarray(embeddings)
        shape = (array.shape[0] if array.ndim else 0, *self.embedding_shape)
        return self._evaluate(_as_embedding(array, shape, "a batch of embeddings"))

    def _evaluate(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        flat = embeddings.reshape(len(embeddings), int(np.prod(self.embedding_shape)))
        return self._native.evaluate(flat, self._threads or thread_budget())

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return (
            f"MultiHeadMLP({len(self)} heads, {self.precision}, embedding "
            f"{list(self.embedding_shape)}, {self.nbytes / 1e6:.1f} MB)"
        )


def head_sizes(path: str | os.PathLike[str], names: Sequence[str] | None = None) -> dict[str, int]:
    """Bytes of each head of a packed heads file, from its index alone.

    Raises:
        PackedHeadsError, FormatVersionError: as `MultiHeadMLP.open`.
        UnknownNameError: a name in `names` that the file does not have.
    """
    sizes: dict[str, int] = dict(native_core().packed_head_sizes(os.fspath(path)))
    if names is None:
        return sizes
    for name in _name_list(names):
        if name not in sizes:
            raise UnknownNameError(
                f"a head must be one of the file's; {os.fspath(path)} has no {name!r}; "
                f"it has {', '.join(sizes)}"
            )
    return {name: sizes[name] for name in names}


def native_core() -> Any:
    """Return the native core, loaded on first use: the one door of the heads' binding."""
    from emonet_edge import _core

    return _core


def _require_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{option} must be one of {', '.join(choices)}; got {value!r}")


def _name_list(names: Sequence[str] | None) -> list[str]:
    if names is None:
        return []
    if isinstance(names, str) or not names:
        raise InputError(
            f"names must be a sequence of at least one head name; got {names!r}; "
            "pass None for all heads"
        )
    if len(set(names)) != len(names):
        raise InputError(f"names must differ; got {list(names)!r}; name each head once")
    return list(names)


def _as_embedding(array: Any, shape: tuple[int, ...], what: str) -> NDArray[np.float32]:
    array = np.asarray(array)
    if array.dtype != np.float32 or array.shape != shape:
        raise EmbeddingError(
            f"{what} must be float32 {list(shape)}; got {array.dtype} {list(array.shape)}; "
            "use the embedding that this model's embed() returned"
        )
    return np.ascontiguousarray(array)
