"""Named float32 arrays in one file: the safetensors format, and only what is needed of it here.

    8 bytes   length of the header, little-endian
    header    JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...,
              "__metadata__": {"key": "text"}}, padded with spaces to a multiple of 8
    values    little-endian, row-major, one array after the other in the order of the header

Nothing in such a file can run. Nothing is allocated for what a header claims before the claim was
compared with the bytes that are there, and their number is limited by the caller.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from emonet_edge.exceptions import IntegrityError, ManifestError
from emonet_edge.formats.json_reader import JsonNode, parse_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_tensors", "write_tensors"]

_METADATA = "__metadata__"
_LENGTH = struct.Struct("<Q")
_MAX_HEADER = 1 << 16
_MAX_DIMENSION = 1 << 24
_ALIGNMENT = 8


def write_tensors(
    path: Path, tensors: Mapping[str, NDArray[np.float32]], metadata: Mapping[str, str]
) -> None:
    """Write arrays and texts; a file of that name is replaced."""
    header: dict[str, object] = {_METADATA: dict(metadata)}
    offset = 0
    for name, array in tensors.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [offset, offset + 4 * array.size],
        }
        offset += 4 * array.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with path.open("wb") as file:
        file.write(_LENGTH.pack(len(text)) + text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array, dtype="<f4").data)


def read_tensors(
    path: Path, max_bytes: int
) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """Read the arrays (read-only) and the texts of a file.

    Raises:
        IntegrityError: it cannot be read, has more than `max_bytes`, or is not such a file.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > max_bytes:
                _refuse(path, f"has {size} bytes, at most {max_bytes} are read")
            data = file.read(max_bytes)
    except OSError as error:
        raise IntegrityError(
            f"{path}: cannot be read: {error.strerror}; check its rights"
        ) from None
    try:
        return _parse(path, data)
    except ManifestError as error:
        _refuse(path, str(error).removeprefix(f"{path}: ").removeprefix(str(path)))


def _parse(path: Path, data: bytes) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    if len(data) < _LENGTH.size:
        _refuse(path, f"has {len(data)} bytes, a header alone has more")
    (length,) = _LENGTH.unpack_from(data)
    start = _LENGTH.size + length
    if length > _MAX_HEADER or length % _ALIGNMENT or start > len(data):
        _refuse(
            path,
            f"claims a header of {length} bytes; it has to be a multiple of {_ALIGNMENT}, at most "
            f"{_MAX_HEADER}, and the file has {len(data)} bytes",
        )
    root = JsonNode(parse_json(data[_LENGTH.size : start], str(path)), str(path))
    tensors: dict[str, NDArray[np.float32]] = {}
    texts: dict[str, str] = {}
    end = 0
    for name, node in root.items():
        if name == _METADATA:
            texts = {key: text.text() for key, text in node.items()}
            continue
        shape, begin, end = _claim(node, end)
        if start + end > len(data):
            _refuse(
                path, f"ends within {name[:80]!r}: {len(data) - start} bytes of values are there"
            )
        values = np.frombuffer(data, "<f4", (end - begin) // 4, start + begin)
        tensors[name] = values.reshape(shape)
    if start + end != len(data):
        _refuse(path, f"has {len(data) - start} bytes of values, its header lists {end}")
    return tensors, texts


def _claim(node: JsonNode, expected_begin: int) -> tuple[tuple[int, ...], int, int]:
    """Return shape, first byte and end of an array, which have to belong together."""
    node["dtype"].one_of(("F32",))
    shape = tuple(item.integer(1, _MAX_DIMENSION) for item in node["shape"].elements(1, 8))
    expected = [expected_begin, expected_begin + 4 * math.prod(shape)]
    if node["data_offsets"].value != expected:
        node["data_offsets"].fail(f"{expected}, behind the array before and as long as its shape")
    return shape, expected[0], expected[1]


def _refuse(path: Path, problem: str) -> NoReturn:
    raise IntegrityError(f"{path}: {problem}; export or copy the model directory again")
