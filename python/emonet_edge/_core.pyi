"""The native core, called through audio, image, heads.multi_head_mlp, which check and explain."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# runtime
def active_isa() -> str: ...
def available_isas() -> list[str]: ...

# audio
def log_mel_spectrogram(waveform: NDArray[np.float32], isa: str = "") -> NDArray[np.float32]: ...
def check_waveform(waveform: NDArray[np.float32]) -> None: ...

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
    size: tuple[int, int],
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
    size: tuple[int, int],
    mean: tuple[Any, ...],
    std: tuple[Any, ...],
    isa: str = "",
) -> NDArray[np.float32]: ...

# heads
class MultiHeadMLP:
    def __init__(
        self,
        path: str,
        names: list[str],
        l2_normalize: bool,
        copy: bool,
        verify: bool,
        threads: int,
    ) -> None: ...
    def evaluate(self, embeddings: NDArray[np.float32], threads: int) -> NDArray[np.float32]: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def rank(self) -> int: ...
    @property
    def positions(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def precision(self) -> str: ...

def packed_head_sizes(path: str) -> list[tuple[str, int]]: ...
def pack_layer(
    precision: str,
    weights: NDArray[np.float32],
    biases: NDArray[np.float32],
    mean: NDArray[np.float32] | None,
    next_position: NDArray[np.float32] | None,
    later_columns: NDArray[np.float32] | None,
    threads: int,
) -> bytes: ...
def crc32c(data: Any, value: int = 0) -> int: ...
