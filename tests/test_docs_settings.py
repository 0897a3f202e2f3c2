"""docs/settings.md has every environment variable that the code reads, and no other of ours."""

from __future__ import annotations

import ast
import re
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/settings.md").read_text("utf-8")
NAME = re.compile(r"(?:EMONET|XDG|HF)_[A-Z0-9_]+")

# A name is read from the environment where it stands alone in a string of Python, or in C++'s
# getenv. So these are no variables: what docstrings and messages mention, the options of
# CMakeLists.txt (EMONET_WERROR, ...), the macros of cpp/kernels (EMONET_INLINE, EMONET_X86, ...).
_GETENV = re.compile(r'getenv\("(\w+)"\)')


def read_in(folder):
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and NAME.fullmatch(str(node.value)):
                yield node.value, path.relative_to(ROOT)
    for path in chain((ROOT / folder).rglob("*.cpp"), (ROOT / folder).rglob("*.hpp")):
        for name in _GETENV.findall(path.read_text("utf-8")):
            yield name, path.relative_to(ROOT)


SHIPPED = sorted({found for folder in ("python", "export", "cpp") for found in read_in(folder)})
OTHER = sorted({found for folder in ("benchmarks", "tests") for found in read_in(folder)})
ROWS = {name: line for line in PAGE.splitlines() for name in re.findall(r"^\| `(\w+)`", line)}


@pytest.mark.parametrize(("name", "path"), SHIPPED)
def test_every_variable_that_the_code_reads_has_its_row_and_its_file(name, path):
    assert name in ROWS
    inside = path.as_posix().removeprefix("python/emonet_edge/")
    assert f"`{inside}`" in ROWS[name]


def test_the_code_reads_variables_at_all():
    names = {name for name, _ in SHIPPED}
    assert {"EMONET_ISA", "EMONET_MODELS", "XDG_CACHE_HOME"} <= names


def test_every_variable_of_the_page_is_read_somewhere():
    ours = {name for name in NAME.findall(PAGE) if name.startswith("EMONET_")}
    assert ours <= {name for name, _ in SHIPPED + OTHER}


def test_every_file_of_the_page_exists():
    files = re.findall(r"`([\w/]+\.(?:py|cpp|hpp))`", PAGE)
    assert files
    for file in files:
        assert (ROOT / file).is_file() or (ROOT / "python/emonet_edge" / file).is_file(), file


def test_every_variable_that_messages_and_docstrings_mention_is_one_that_is_read():
    names = {name for name, _ in SHIPPED}
    for path in chain((ROOT / "python").rglob("*.py"), (ROOT / "export").rglob("*.py")):
        assert set(re.findall(r"\bEMONET_[A-Z_]+", path.read_text("utf-8"))) <= names, path


def test_the_default_of_the_cache_is_the_stated_one():
    from emonet_edge._sizes import parse_size
    from emonet_edge.inference.compile_cache import DEFAULT_LIMIT

    default = ROWS["EMONET_CACHE_SIZE"].split("|")[2].strip()
    assert parse_size(default) == DEFAULT_LIMIT
    for text, size in re.findall(r"`(500\w+)` is ([\d ]+\d)", ROWS["EMONET_CACHE_SIZE"]):
        assert parse_size(text) == int(size.replace(" ", ""))
