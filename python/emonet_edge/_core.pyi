from typing import Any

import numpy as np
from numpy.typing import NDArray

# image
def resize_image(
    data: NDArray[np.uint8],
    chroma: NDArray[np.uint8] | None,
    width: int,
    *,
    color: str,
    matrix: str,
    range: str,  # noqa: A002
    box: tuple[Any, ...] | None,
    size: int,
    isa: str = "",
) -> NDArray[np.uint8]: ...
def preprocess_image(
    data: NDArray[np.uint8],
    chroma: NDArray[np.uint8] | None,
    width: int,
    *,
    color: str,
    matrix: str,
    range: str,  # noqa: A002
    box: tuple[Any, ...] | None,
    size: int,
    mean: tuple[Any, ...],
    std: tuple[Any, ...],
    isa: str = "",
) -> NDArray[np.float32]: ...
