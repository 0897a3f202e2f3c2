"""One dense layer to the bytes of a packed heads file, through the native core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emonet_edge.exceptions import InputError
from emonet_edge.heads.multi_head_mlp import native_core
from emonet_edge.threads import thread_budget

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emonet_edge.heads.multi_head_mlp import HeadsPrecision

__all__ = ["Compensation", "crc32c", "pack_layer"]


@dataclass(frozen=True)
class Compensation:
    """How later weights make up for the INT4 rounding errors of earlier ones.

    The recurrence is in cpp/heads/compensated_rounding.hpp; the export derives both matrices from
    embeddings.

    Attributes:
        next_position: float32 [width, width]; row c is what the weight of column c takes over of
            the errors of all columns at the position before.
        later_columns: float32 [width, width]; the same within a position, of columns below c only.
    """

    next_position: NDArray[np.float32]
    later_columns: NDArray[np.float32]


def pack_layer(
    weights: NDArray[np.float32],
    biases: NDArray[np.float32],
    precision: HeadsPrecision,
    mean: NDArray[np.float32] | None = None,
    compensation: Compensation | None = None,
) -> bytes:
    """Pack one dense layer as cpp/heads/layer_layout.hpp describes.

    Args:
        weights: float32 [rows, positions, width].
        biases: float32 [rows].
        precision: how the weights are stored.
        mean: float32 [positions, width], subtracted from the inputs at run time; its exact product
            with the weights is folded into the biases. None: nothing is subtracted.
        compensation: of INT4's rounding errors. None: each weight is rounded to nearest.

    Raises:
        InputError: weights that are not finite or do not fit the precision; a compensation of
            another precision than "int4", of another width or with values that are not finite.
    """
    if compensation is not None:
        _check_compensation(compensation, precision, weights.shape[-1])
    arrays = (
        weights,
        biases,
        mean,
        compensation and compensation.next_position,
        compensation and compensation.later_columns,
    )
    packed: bytes = native_core().pack_layer(
        precision,
        *(None if a is None else np.ascontiguousarray(a, dtype=np.float32) for a in arrays),
        thread_budget(),
    )
    return packed


def _check_compensation(compensation: Compensation, precision: str, width: int) -> None:
    if precision != "int4":
        raise InputError(
            f"only int4 weights are rounded with compensation; got {precision!r}; pass none"
        )
    for name in ("next_position", "later_columns"):
        matrix = np.asarray(getattr(compensation, name))
        if matrix.shape != (width, width) or not np.isfinite(matrix).all():
            raise InputError(
                f"{name} must be finite and of shape [{width}, {width}], the embedding's width; "
                f"got {list(matrix.shape)}; derive it from this encoder's embeddings"
            )


def crc32c(data: Any, value: int = 0) -> int:
    """CRC-32C (Castagnoli, RFC 3720) of a bytes-like object, continuing from `value`."""
    return int(native_core().crc32c(data, value))
