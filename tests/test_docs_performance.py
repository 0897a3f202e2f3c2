"""Figures have one home: tables come from benchmarks/results/, and no page repeats another's."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import report  # noqa: E402

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "benchmarks/README.md"]
UNITS = "ms|s|MB|GB|kB|%|px|GB/s|CPU-seconds"
# What is no measured figure: the voice model's window, and settings that several pages name.
NOMINAL = {"30 s"}


@pytest.mark.parametrize("page", ["README.md", "docs/performance.md"])
def test_tables_and_counts_are_those_of_the_committed_results(page):
    text = (ROOT / page).read_text("utf-8")
    assert "<!-- end -->" in text
    assert report.renewed(text) == text, f"python -m benchmarks.report --write {page}"


def test_every_committed_table_is_on_the_page():
    text = (ROOT / "docs/performance.md").read_text("utf-8")
    for path in report.RESULTS.glob("*.json"):
        assert path.stem.endswith("-growth") or f"<!-- table of {path.stem} -->" in text


def test_no_figure_stands_on_two_pages():
    homes = defaultdict(set)
    for page in PAGES:
        for number, unit in re.findall(
            rf"(?<![\w.])(\d+(?:\.\d+)?) ?({UNITS})(?!\w)", page.read_text("utf-8")
        ):
            homes[f"{number} {unit}"].add(page.name)
    assert len(homes) > 50
    assert {
        figure: pages for figure, pages in homes.items() if len(pages) > 1 and figure not in NOMINAL
    } == {}


def test_renewing_fills_a_page_and_leaves_the_rest(tmp_path):
    page = tmp_path / "page.md"
    name = "amd-epyc-family-25-model-1"
    page.write_text(
        f"a\n<!-- table of {name} -->old<!-- end -->\n<!-- count of {name} --><!-- end -->b"
    )
    assert report.main(["--write", str(page)]) == 0
    begin, table, count = page.read_text().split("<!-- end -->")[0:3]
    assert begin.startswith(f"a\n<!-- table of {name} -->\n\n| work |")
    assert "old" not in begin
    assert re.search(r"--> ?\d+ of \d+$", table)
    assert count == "b"


def test_it_wants_either_results_or_pages(capsys):
    with pytest.raises(SystemExit):
        report.main([])
    assert "--write" in capsys.readouterr().err
