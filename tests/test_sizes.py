"""Sizes: one meaning of every unit, wherever a size is read."""

from __future__ import annotations

import pytest

from emonet_edge._sizes import bytes_text, parse_size
from emonet_edge.cli import options
from emonet_edge.exceptions import InputError
from emonet_edge.inference.compile_cache import CompileCache


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000", 1000),
        ("500MB", 500_000_000),
        ("500MiB", 524_288_000),
        ("2GiB", 2 << 30),
        ("1.5 mb", 1_500_000),
        ("4k", 4000),
        ("4ki", 4096),
        ("1T", 10**12),
        (" 7 B ", 7),
    ],
)
def test_decimal_units_are_decimal_and_binary_ones_binary(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1", "2GiBs", "GiB", "1e9", "i", "3iB", "1_0"])
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(InputError, match="2GiB or 1500MB"):
        parse_size(text)


@pytest.mark.parametrize("text", ["500MB", "500MiB", "2G"])
def test_the_command_line_and_the_environment_mean_the_same(tmp_path, text):
    cache = CompileCache.open({"XDG_CACHE_HOME": str(tmp_path), "EMONET_CACHE_SIZE": text})
    assert cache.limit == options.size(text) == parse_size(text)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (5_100_000, "5 MB"), (4.51e9, "4.51 GB")],
)
def test_sizes_for_people_are_decimal(count, text):
    assert bytes_text(count) == text
