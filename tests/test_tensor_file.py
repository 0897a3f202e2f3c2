"""Files of named arrays: what safetensors reads, and nothing that a hostile header asks for."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tracemalloc

import numpy as np
import pytest

from emonet_edge.exceptions import IntegrityError
from emonet_edge.formats.tensor_file import read_tensors, write_tensors

LIMIT = 10_000


def arrays():
    rng = np.random.default_rng(0)
    return {
        "small": rng.standard_normal(3, dtype=np.float32),
        "wide": rng.standard_normal((2, 3, 4), dtype=np.float32),
    }


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "arrays.safetensors"
    write_tensors(file, arrays(), {"what": "drawn", "more": "text"})
    return file


def raw(header: bytes, values: bytes = b"", length: int | None = None) -> bytes:
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header) if length is None else length) + header + values


def one(dtype="F32", shape=(2,), offsets=(0, 8), values=bytes(8), name="a") -> bytes:
    entry = {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}
    return raw(json.dumps({name: entry}).encode(), values)


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.zeros(2, np.float32))
    return stream.getvalue()


def test_what_is_written_is_read(path):
    found, texts = read_tensors(path, LIMIT)
    assert texts == {"what": "drawn", "more": "text"}
    assert list(found) == ["small", "wide"]
    for name, expected in arrays().items():
        np.testing.assert_array_equal(found[name], expected)
        assert found[name].dtype == np.float32
        assert found[name].flags.aligned
        assert not found[name].flags.writeable


def test_safetensors_reads_the_same(path):
    safetensors = pytest.importorskip("safetensors.numpy")
    found = safetensors.load_file(path)
    for name, expected in arrays().items():
        np.testing.assert_array_equal(found[name], expected)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "has 0 bytes"),
        (b"1234567", "has 7 bytes"),
        (raw(b"{}", length=1 << 63), "claims a header of 9223372036854775808 bytes"),
        (raw(b"{}", length=1 << 15), "claims a header of 32768 bytes"),
        (raw(b"{}", length=7), "claims a header of 7 bytes"),
        (raw(b"no json"), "valid JSON"),
        (raw(b"[" * 8000), "levels of nesting"),
        (raw(b"[]"), "expected an object"),
        (raw(b'{"a": 1, "a": 2}'), "stands twice"),
        (raw(b'{"__metadata__": {"a": 1}}'), "expected a string"),
        (pickle.dumps({"a": [1, 2, 3]}), "claims a header of"),
        (npz(), "claims a header of"),
        (one(dtype="F64"), "dtype: expected"),
        (one(dtype="O"), "dtype: expected"),
        (one(shape=(-1,)), "an integer from 1"),
        (one(shape=(0,), offsets=(0, 0), values=b""), "an integer from 1"),
        (one(shape=(1.0, 2)), "an integer from 1"),
        (one(shape=(1,) * 9), "a list of 1 to 8 elements"),
        (one(shape=()), "a list of 1 to 8 elements"),
        (one(shape=(1 << 24,) * 8, offsets=(0, 1 << 58)), "data_offsets: expected"),
        (one(shape=(1 << 22, 1), offsets=(0, 1 << 24)), "ends within 'a'"),
        (one(offsets=(4, 12), values=bytes(12)), "data_offsets: expected [0, 8]"),
        (one(offsets=(0, 4)), "data_offsets: expected [0, 8]"),
        (one(offsets=("0", "8")), "data_offsets: expected [0, 8]"),
        (one(values=bytes(7)), "ends within 'a'"),
        (one(values=bytes(12)), "has 12 bytes of values, its header lists 8"),
        (bytes(LIMIT + 1), "at most 10000 are read"),
    ],
)
def test_a_hostile_file_is_one_clear_error(tmp_path, data, rule):
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(data)
    with pytest.raises(IntegrityError) as caught:
        read_tensors(path, LIMIT)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert rule in text
    assert text.endswith("export or copy the model directory again")
    assert "\n" not in text
    assert len(text) < 600


def test_every_cut_of_a_file_is_refused(path):
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(IntegrityError):
            read_tensors(path, LIMIT)


def test_no_altered_byte_does_more_than_be_refused_or_change_a_value(path):
    whole = path.read_bytes()
    for at in range(len(whole)):
        altered = bytearray(whole)
        altered[at] ^= 0x15
        path.write_bytes(altered)
        try:
            found, _ = read_tensors(path, LIMIT)
        except IntegrityError:
            continue
        assert sum(array.nbytes for array in found.values()) == 4 * (3 + 24)


def test_a_claim_allocates_nothing(tmp_path):
    path = tmp_path / "claims.safetensors"
    path.write_bytes(one(shape=(1 << 20, 1 << 10), offsets=(0, 1 << 32)))
    tracemalloc.start()
    try:
        with pytest.raises(IntegrityError):
            read_tensors(path, LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    with pytest.raises(IntegrityError, match=f"cannot be read: {os.strerror(2)}"):
        read_tensors(tmp_path / "none", LIMIT)
