"""docs/architecture.md: every path that it names is there, and every test that holds a rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")
# Outside of blocks of code, which hold drawings.
NAMED = sorted(set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))))
# Where a path may begin: the repository, or the package that a table is about.
BASES = (ROOT, ROOT / "python/emonet_edge", ROOT / "export/emonet_edge_export")
SUFFIXES = (".py", ".pyi", ".cpp", ".hpp", ".md", ".toml", ".yml", ".json")

PATHS = [name for name in NAMED if "::" not in name and ("/" in name or name.endswith(SUFFIXES))]
TESTS = [name for name in NAMED if "::" in name]


@pytest.mark.parametrize("path", PATHS)
def test_every_path_that_is_named_exists(path):
    assert re.fullmatch(r"[\w./*-]+", path), "a path and nothing else belongs between backticks"
    found = [place for base in BASES for place in base.glob(path.rstrip("/"))]
    assert found, path
    assert all(place.is_dir() for place in found) or not path.endswith("/")


@pytest.mark.parametrize("test", TESTS)
def test_every_test_that_is_named_exists(test):
    file, name = test.split("::")
    text = (ROOT / file).read_text("utf-8")
    assert re.search(rf"^def {re.escape(name)}\(", text, re.MULTILINE), test


def test_every_invariant_names_what_holds_it():
    rules = [part for part in PAGE.split("\n\n") if part.startswith("*Invariant:*")]
    assert len(rules) > 20
    for rule in rules:
        _, held, by = rule.partition("Held by")
        assert held, rule
        assert re.search(r"`(tests/\S+::test_\w+|cpp/tests/\S+)`", by), rule


def test_every_room_of_the_packages_is_on_the_map():
    for base in BASES[1:]:
        rooms = {path.name for path in base.iterdir() if (path / "__init__.py").is_file()}
        missing = {room for room in rooms if f"`{room}/`" not in PAGE}
        assert not missing, base
    stream = ROOT / "python/emonet_edge/stream"
    for path in stream.iterdir():
        if path.name[0] != "_":
            name = f"stream/{path.name}" + ("/" if path.is_dir() else "")
            assert f"`{name}`" in PAGE, name


def test_every_public_module_is_on_the_map():
    for path in (ROOT / "python/emonet_edge").glob("*.py"):
        if path.name not in ("__init__.py", "__main__.py", "_version.py"):
            assert f"`{path.name}`" in PAGE, path.name
