"""The README is short, and every page's links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    path.relative_to(ROOT).as_posix()
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "benchmarks/README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    )
]
README = (ROOT / "README.md").read_text("utf-8")


def without_code(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(path):
    """The anchors of a page's headings, as forges and the site make them."""
    for heading in re.findall(r"^#+ (.+)$", without_code(path.read_text("utf-8")), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(page):
    here = ROOT / page
    text = without_code(here.read_text("utf-8"))
    for link, anchor in re.findall(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)", text):
        if link.startswith(("https://", "mailto:")):
            continue
        there = (here.parent / link).resolve() if link else here
        assert there.is_file(), f"{page}: {link} is no file: folders are no pages of the site"
        assert ROOT in there.parents
        assert not anchor or anchor in set(anchors(there)), f"{link}#{anchor}"


def test_what_stands_above_the_links_is_short():
    above, more, links = README.partition("\n## More\n")
    assert more
    assert links.count("](") > 8
    assert len(above.encode()) <= 4096


def test_the_two_commands_stand_as_ci_runs_them():
    blocks = "".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    for command in (
        "python3 -m venv .venv && .venv/bin/pip install '.[test]' && .venv/bin/emonet-edge demo",
        ".venv/bin/python -m pytest",
    ):
        assert re.search(rf"^{re.escape(command)}$", blocks, re.MULTILINE)


def test_every_command_has_its_row():
    from emonet_edge.cli.parser import build_parser

    table = (ROOT / "docs/commands.md").read_text("utf-8")
    (commands,) = [action for action in build_parser()._actions if action.dest == "command"]
    for name in commands.choices:
        assert f"`emonet-edge {name}" in table, name


def test_the_exit_codes_are_the_stated_ones():
    from emonet_edge.cli import exit_codes

    table = (ROOT / "docs/commands.md").read_text("utf-8")
    stated = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert stated == {value for value in vars(exit_codes).values() if type(value) is int}
