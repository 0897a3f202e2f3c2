"""The packed heads file: what the writer refuses, and what a damaged or hostile file does."""

from __future__ import annotations

import os
import resource
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emonet_edge.exceptions import FormatVersionError, InputError, PackedHeadsError
from emonet_edge.heads import MultiHeadMLP, crc32c, head_sizes
from emonet_edge.heads.packed_heads import PackedHeadsWriter

WIDTH = 64


def layers(value=0.5, width=WIDTH, rows=8):
    return [
        (np.full((rows, width), value, np.float32), np.zeros(rows, np.float32)),
        (np.ones((1, rows), np.float32), np.zeros(1, np.float32)),
    ]


@pytest.fixture
def packed(tmp_path):
    path = tmp_path / "heads.bin"
    with PackedHeadsWriter(path, (WIDTH,), np.ones(WIDTH, np.float32)) as writer:
        writer.add_head("anger", layers())
        writer.add_head("fear", layers(-0.5))
    return path


def change(path, offset, data, reseal=True):
    """Overwrite bytes and make the checksums right again: a hostile file, not a broken one."""
    content = bytearray(path.read_bytes())
    content[offset : offset + len(data)] = data
    if reseal:
        index_offset, index_size = struct.unpack_from("<QQ", content, 40)
        if index_offset + index_size <= len(content):
            index = bytes(content[index_offset : index_offset + index_size])
            struct.pack_into("<I", content, 56, crc32c(index))
        struct.pack_into("<I", content, 12, crc32c(bytes(content[16:128])))
    path.write_bytes(content)


def index_offset(path):
    return struct.unpack_from("<Q", path.read_bytes(), 40)[0]


def write_heads_of_one_name(path):
    with PackedHeadsWriter(path, (WIDTH,)) as writer:
        writer.add_head("anger", layers())
        writer.add_head("anger", layers())


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "heads.bin"
    path.write_bytes(b"what the user had")
    with pytest.raises(InputError, match="must be new"):
        write_heads_of_one_name(path)
    assert path.read_bytes() == b"what the user had"
    assert [file.name for file in tmp_path.iterdir()] == ["heads.bin"]


@pytest.mark.parametrize(
    ("name", "head", "precision", "rule"),
    [
        ("", layers(), "int8", "1 to 95 printable"),
        ("x" * 96, layers(), "int8", "1 to 95 printable"),
        ("Z\u00fcge", layers(), "int8", "1 to 95 printable"),
        ("anger", layers(), "int8", "must be new"),
        ("joy", layers(width=WIDTH + 1), "int8", "must have 64 inputs"),
        ("joy", layers()[:1], "int8", "the last with one row"),
        ("joy", [], "int8", "1 to 8 layers"),
        ("joy", layers(), "int2", "a precision must be one of"),
        ("joy", layers(np.nan), "int8", "must be finite"),
        ("joy", layers(1e6), "fp16", "fit fp16"),
    ],
)
def test_the_writer_names_what_it_refuses(name, head, precision, rule, tmp_path):
    with PackedHeadsWriter(tmp_path / "heads.bin", (WIDTH,)) as writer:
        writer.add_head("anger", layers())
        with pytest.raises(InputError, match=rule):
            writer.add_head(name, head, precision)


def test_a_file_without_heads_is_refused(tmp_path):
    with (
        pytest.raises(InputError, match="at least one head"),
        PackedHeadsWriter(tmp_path / "heads.bin", (WIDTH,)),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_sizes_come_from_the_index(packed):
    assert head_sizes(packed) == {"anger": 896, "fear": 896}
    assert list(head_sizes(packed, ["fear"])) == ["fear"]


@pytest.mark.parametrize("size", [0, 7, 127, 4095, 4096, 5000, -1])
def test_a_file_cut_short_is_refused(size, packed):
    content = packed.read_bytes()
    packed.write_bytes(content[:size])
    with pytest.raises(PackedHeadsError, match="damaged or incomplete"):
        MultiHeadMLP.open(packed)


def test_a_changed_weight_is_found_and_its_head_named(packed):
    change(packed, 4096 + 200, b"\x55", reseal=False)
    with pytest.raises(PackedHeadsError, match="another one for 'anger'"):
        MultiHeadMLP.open(packed)
    assert MultiHeadMLP.open(packed, names=["fear"]).names == ("fear",)
    assert MultiHeadMLP.open(packed, verify=False).names == ("anger", "fear")


def test_a_changed_mean_or_index_is_found(packed):
    pristine = packed.read_bytes()
    mean_offset = struct.unpack_from("<Q", pristine, 64)[0]
    change(packed, mean_offset, b"\x55", reseal=False)
    with pytest.raises(PackedHeadsError, match="the mean embedding's checksum"):
        MultiHeadMLP.open(packed)
    packed.write_bytes(pristine)
    change(packed, index_offset(packed), b"A", reseal=False)
    with pytest.raises(PackedHeadsError, match="the index's checksum"):
        MultiHeadMLP.open(packed)


def test_a_newer_version_asks_for_an_upgrade(packed):
    change(packed, 8, struct.pack("<I", 2))
    with pytest.raises(FormatVersionError, match="upgrade emonet-edge"):
        MultiHeadMLP.open(packed)


HUGE = 2**32 - 1
HEADER_LIES = {
    "magic": (0, b"NOTHEADS", "must begin with EMOHEADS"),
    "file size": (16, struct.pack("<Q", 2**60), "size must be the header's"),
    "no heads": (24, struct.pack("<I", 0), "1 to 4096 heads"),
    "heads": (24, struct.pack("<I", HUGE), "1 to 4096 heads"),
    "rank": (28, struct.pack("<I", 3), "rank must be 1 or 2"),
    "positions at rank 1": (32, struct.pack("<I", 2), "positions"),
    "width": (36, struct.pack("<I", HUGE), "width must be 1 to 65536"),
    "another width": (36, struct.pack("<I", WIDTH * 2), "mean embedding must lie within"),
    "index offset": (40, struct.pack("<Q", 2**64 - 4096), "index must lie within"),
    "odd index offset": (40, struct.pack("<Q", 4097), "index must lie within"),
    "index size": (48, struct.pack("<Q", 2**63), "512 bytes a head"),
    "mean offset": (64, struct.pack("<Q", 2**64 - 4096), "mean embedding must lie within"),
    "mean size": (72, struct.pack("<Q", 2**62), "mean embedding must lie within"),
}


@pytest.mark.parametrize("lie", HEADER_LIES)
def test_a_header_that_lies_is_refused(lie, packed):
    offset, data, rule = HEADER_LIES[lie]
    change(packed, offset, data)
    with pytest.raises(PackedHeadsError, match=rule):
        MultiHeadMLP.open(packed)


INDEX_LIES = {
    "no name": (0, bytes(96), "1 to 95 bytes"),
    "endless name": (0, b"x" * 96, "1 to 95 bytes"),
    "bytes for a name": (0, b"\xff\xfe\0", "printable ASCII"),
    "the other's name": (0, b"fear\0", "names must differ"),
    "block offset": (96, struct.pack("<Q", 2**64 - 4096), "page of its own"),
    "block in the header": (96, struct.pack("<Q", 0), "page of its own"),
    "block size": (104, struct.pack("<Q", 2**50), "size must be that of its layers"),
    "no layers": (116, struct.pack("<I", 0), "1 to 8 layers"),
    "layers": (116, struct.pack("<I", HUGE), "1 to 8 layers"),
    "precision": (128, struct.pack("<I", 9), "precision must be 1 to 4"),
    "rows": (132, struct.pack("<I", HUGE), "1 to 65536 rows"),
    "more rows": (132, struct.pack("<I", 16), "columns must be"),
    "columns": (136, struct.pack("<I", HUGE), "columns must be"),
    "two scores": (148, struct.pack("<I", 2), "must have one row"),
}


@pytest.mark.parametrize("lie", INDEX_LIES)
def test_an_index_that_lies_is_refused(lie, packed):
    offset, data, rule = INDEX_LIES[lie]
    change(packed, index_offset(packed) + offset, data)
    with pytest.raises(PackedHeadsError, match=rule):
        MultiHeadMLP.open(packed)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    offset=st.integers(0, 1151),
    data=st.binary(min_size=1, max_size=8),
    reseal=st.booleans(),
)
def test_no_change_of_header_or_index_crashes_or_allocates(offset, data, reseal, packed):
    pristine = packed.read_bytes()
    at = offset if offset < 128 else index_offset(packed) + offset - 128
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    change(packed, at, data, reseal)
    try:
        opened = MultiHeadMLP.open(packed)
        opened.evaluate(np.zeros(opened.embedding_shape, np.float32))
    except (PackedHeadsError, FormatVersionError):
        pass
    finally:
        packed.write_bytes(pristine)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(PackedHeadsError, match="No such file"):
        MultiHeadMLP.open(tmp_path / "absent.bin")
    with pytest.raises(PackedHeadsError, match="not a regular file"):
        MultiHeadMLP.open(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PackedHeadsError, match="not a regular file"):
        MultiHeadMLP.open(tmp_path / "pipe")
