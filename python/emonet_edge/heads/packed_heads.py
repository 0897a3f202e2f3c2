"""Writing packed heads files, one head at a time.

The format is described in cpp/heads/packed_heads.hpp and cpp/heads/layer_layout.hpp.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from emonet_edge._files import commit
from emonet_edge.exceptions import InputError
from emonet_edge.heads.multi_head_mlp import HeadsPrecision
from emonet_edge.heads.pack_layer import Compensation, crc32c, pack_layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Layer", "PackedHeadsWriter"]

Layer = tuple["NDArray[np.float32]", "NDArray[np.float32]"]

_VERSION = 1
_PAGE = 4096
_ENTRY = 512
_NAME = 96
_PRECISION_CODES: dict[HeadsPrecision, int] = {"int8": 1, "int4": 2, "fp16": 3, "fp32": 4}
# A layer behind the projection stays exact unless it is large enough for its bytes to be time:
# 64 Ki weights are 256 KiB in float32. Those of Face Large (1024 x 512, 512 x 256) are larger.
_SMALL_LAYER = 1 << 16


class PackedHeadsWriter:
    """Write a packed heads file head by head; memory stays at one head.

    Use it as a context manager. The file appears under its name when it is complete; an exception
    leaves nothing behind.

    Args:
        path: the file to write; its folder must exist.
        embedding_shape: shape of one embedding, (width,) or (positions, width).
        mean: float32 of `embedding_shape`, the mean embedding of the calibration set (after L2
            normalisation where the model normalises). INT8 and INT4 projections are fed with the
            embedding minus this mean, which is most of its energy.
        compensation: of the rounding errors of INT4 projections. None: round to nearest.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        embedding_shape: tuple[int, ...],
        mean: NDArray[np.float32] | None = None,
        compensation: Compensation | None = None,
    ) -> None:
        if len(embedding_shape) not in (1, 2):
            raise InputError(
                f"an embedding must have rank 1 or 2; got shape {list(embedding_shape)}; "
                "remove the batch axis"
            )
        if mean is not None and mean.shape != tuple(embedding_shape):
            raise InputError(
                f"the mean embedding must have the embedding's shape {list(embedding_shape)}; "
                f"got {list(mean.shape)}; average over the calibration set only"
            )
        self._path = Path(path)
        self._part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        self._shape = tuple(embedding_shape)
        self._mean = None if mean is None else np.ascontiguousarray(mean, dtype=np.float32)
        self._compensation = compensation
        self._entries: list[bytes] = []
        self._names: set[str] = set()
        self._file: BinaryIO | None = None

    def __enter__(self) -> PackedHeadsWriter:
        self._file = self._part.open("wb")
        self._file.write(bytes(_PAGE))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._opened().close()
            self._part.unlink(missing_ok=True)

    def add_head(
        self, name: str, layers: Sequence[Layer], precision: HeadsPrecision = "int8"
    ) -> None:
        """Append one head.

        Args:
            name: canonical name, at most 95 characters of ASCII, different from the others.
            layers: (weight [rows, inputs], bias [rows]) from the projection to the score, as
                torch.nn.Linear stores them; ReLU stands between them. The projection's inputs are
                the flattened embedding.
            precision: of the projection. Later layers stay float32 below 64 Ki weights, and take
                INT8 (fp16 behind an fp16 projection) above.

        Raises:
            InputError: shapes that do not fit together, or weights that do not fit the precision.
        """
        encoded = self._check_name(name)
        self._check_shapes(name, layers)
        if precision not in _PRECISION_CODES:
            raise InputError(
                f"a precision must be one of {', '.join(_PRECISION_CODES)}; got {precision!r}"
            )
        offset, crc, size, described = self._align(), 0, 0, b""
        for number, (weight, bias) in enumerate(layers):
            kind = precision if number == 0 else _later_precision(precision, weight.size)
            packed = self._pack(number, weight, bias, kind)
            crc, size = crc32c(packed, crc), size + len(packed)
            self._opened().write(packed)
            columns = self._shape[-1] if number == 0 else weight.shape[1]
            described += struct.pack("<4I", _PRECISION_CODES[kind], len(bias), columns, 0)
        entry = struct.pack(f"<{_NAME}sQQII8x", encoded, offset, size, crc, len(layers))
        self._entries.append((entry + described).ljust(_ENTRY, b"\0"))
        self._names.add(name)

    def _pack(
        self,
        number: int,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32],
        precision: HeadsPrecision,
    ) -> bytes:
        if number > 0:
            return pack_layer(weight[:, np.newaxis, :], bias, precision)
        positions, width = self._positions_and_width()
        projection = np.asarray(weight).reshape(len(bias), positions, width)
        mean = self._mean if precision in ("int8", "int4") else None
        return pack_layer(
            projection,
            bias,
            precision,
            None if mean is None else mean.reshape(positions, width),
            self._compensation if precision == "int4" else None,
        )

    def _check_name(self, name: str) -> bytes:
        printable = name.isascii() and name.isprintable()
        if not printable or not 0 < len(name) < _NAME or name in self._names:
            raise InputError(
                f"a head's name must be new and have 1 to {_NAME - 1} printable ASCII "
                f"characters; got {name!r}"
            )
        return name.encode()

    def _check_shapes(self, name: str, layers: Sequence[Layer]) -> None:
        inputs = int(np.prod(self._shape))
        for number, (weight, bias) in enumerate(layers):
            if weight.ndim != 2 or weight.shape != (len(bias), inputs):
                raise InputError(
                    f"layer {number} of head {name!r} must have {inputs} inputs and one bias a "
                    f"row; got weight {list(weight.shape)} and bias {list(bias.shape)}"
                )
            inputs = len(bias)
        if not 1 <= len(layers) <= 8 or inputs != 1:
            raise InputError(
                f"head {name!r} must have 1 to 8 layers, the last with one row; "
                f"got {len(layers)} layers, the last with {inputs} rows"
            )

    def _positions_and_width(self) -> tuple[int, int]:
        return (1, self._shape[0]) if len(self._shape) == 1 else (self._shape[0], self._shape[1])

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise InputError("a PackedHeadsWriter must be used as a context manager: with ... as w")
        return self._file

    def _align(self) -> int:
        file = self._opened()
        file.write(bytes(-file.tell() % _PAGE))
        return file.tell()

    def _finish(self) -> None:
        if not self._entries:
            raise InputError("a packed heads file must have at least one head; got none")
        file = self._opened()
        index = b"".join(self._entries)
        index_offset = self._align()
        file.write(index)
        mean = b"" if self._mean is None else self._mean.tobytes()
        mean_offset = self._align() if mean else 0
        file.write(mean)
        size = self._align()
        positions, width = self._positions_and_width()
        body = struct.pack(
            "<Q4IQQIIQQ48x",
            size,
            len(self._entries),
            len(self._shape),
            positions,
            width,
            index_offset,
            len(index),
            crc32c(index),
            crc32c(mean),
            mean_offset,
            len(mean),
        )
        file.seek(0)
        file.write(struct.pack("<8sII", b"EMOHEADS", _VERSION, crc32c(body)) + body)
        file.flush()
        commit(self._part, self._path)


def _later_precision(projection: HeadsPrecision, weights: int) -> HeadsPrecision:
    if projection == "fp32" or weights <= _SMALL_LAYER:
        return "fp32"
    return "fp16" if projection == "fp16" else "int8"
