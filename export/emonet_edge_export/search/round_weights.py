"""Rounding that makes up for itself: the error of one weight is taken over by those that follow.

The method is GPTQ's (Frantar et al., 2022), at 8 bits: columns are rounded one after the other, and
what rounding one of them did to the output is subtracted from the columns that are left, as far as
their inputs go together. That needs the inputs' second moments, and costs nothing at run time.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from emonet_edge._types import Float32

__all__ = ["compensated"]

_DAMPING = 0.01
"""Share of the mean diagonal that is added to it: directions that were not seen count as well."""
_BLOCK = 128


def compensated(weights: Float32, step: Float32, moments: NDArray[np.floating]) -> NDArray[np.int8]:
    """Round weights to whole steps, in the order of the inputs' size.

    Args:
        weights: float32 [outputs, inputs].
        step: float32 [outputs, 1], of the result.
        moments: float [inputs, inputs], the sum of x times x transposed over the layer's inputs.

    Returns:
        int8 [outputs, inputs], -127 to 127.
    """
    second = torch.tensor(moments, dtype=torch.float64)
    second = second + _DAMPING * second.diagonal().mean() * torch.eye(
        len(second), dtype=torch.float64
    )
    order = torch.argsort(second.diagonal(), descending=True)
    left = torch.as_tensor(weights, dtype=torch.float64)[:, order]
    factor = _factor(second[order][:, order])
    steps = torch.as_tensor(step[:, 0], dtype=torch.float64)
    rounded = torch.zeros_like(left)
    for start in range(0, left.shape[1], _BLOCK):
        block = slice(start, min(start + _BLOCK, left.shape[1]))
        errors = _round_block(left[:, block], factor[block, block], steps, rounded[:, block])
        left[:, block.stop :] -= errors @ factor[block, block.stop :]
    result = torch.empty_like(rounded)
    result[:, order] = rounded
    integers: NDArray[np.int8] = result.to(torch.int8).numpy()
    return integers


def _factor(second: torch.Tensor) -> torch.Tensor:
    """Return the upper Cholesky factor of the inverse: row j tells how columns after j make up."""
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(second))
    return torch.linalg.cholesky(inverse, upper=True)


def _round_block(
    columns: torch.Tensor, factor: torch.Tensor, steps: torch.Tensor, rounded: torch.Tensor
) -> torch.Tensor:
    columns = columns.clone()
    errors = torch.zeros_like(columns)
    for at in range(columns.shape[1]):
        rounded[:, at] = torch.clamp(torch.round(columns[:, at] / steps), -127, 127)
        errors[:, at] = (columns[:, at] - rounded[:, at] * steps) / factor[at, at]
        columns[:, at:] -= errors[:, at : at + 1] * factor[at, at:]
    return errors
