"""Names for types that many signatures share; importing them loads nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Float32", "Progress", "StrPath"]

Float32: TypeAlias = "NDArray[np.float32]"

Progress: TypeAlias = Callable[[str, float], None]
"""Called with what is being done and the share of it that is done, 0 to 1."""

StrPath: TypeAlias = "str | os.PathLike[str]"
