"""Pages of the documentation site that are files of the repository, and the links to them.

The README is the home page. A link that leaves docs/ (to a header, to CONTRIBUTING.md) works where
the repository is looked at; for the site its target becomes a page below `repository/`, and the
link is turned to it. So the pages hold one kind of link, and no address of the repository.

MkDocs calls the two functions at the end; see `hooks` in mkdocs.yml.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["links_of", "on_files", "on_page_markdown", "page_of", "target_of"]

ROOT = Path(__file__).parents[1]
HOME = "README.md"
_LINK = re.compile(r"(\]\()([^)\s#]+)?(#[^)\s]+)?(\))")
_FENCE = re.compile(r"^(```.*?^```|~~~.*?^~~~)", re.MULTILINE | re.DOTALL)
_LANGUAGES = {".hpp": "cpp", ".cpp": "cpp", ".py": "python", ".json": "json", ".c": "c"}


def links_of(markdown: str) -> list[str]:
    """List the targets of a page's links to other files, without their anchors."""
    text = _FENCE.sub("", markdown)
    found = (match[2] for match in _LINK.finditer(text) if match[2])
    return [link for link in found if "://" not in link and not link.startswith("mailto:")]


def target_of(origin: str, link: str) -> str:
    """Return the file of the repository that a link in the file `origin` leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(origin), link))


def page_of(file: str) -> str:
    """Return the site's source page of a file of the repository."""
    if file == HOME:
        return "index.md"
    if file.startswith("docs/"):
        return file.removeprefix("docs/")
    return "repository/" + (file if file.endswith(".md") else f"{file}.md")


def _origin_of(page: str) -> str:
    if page == "index.md":
        return HOME
    if page.startswith("repository/"):
        return page.removeprefix("repository/")
    return f"docs/{page}"


def _linked(files: list[str]) -> list[str]:
    """List what the files link to outside of docs/, and what that links to in turn."""
    found: list[str] = []
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        for link in links_of((ROOT / file).read_text("utf-8")):
            target = target_of(file, link)
            if not target.startswith(("docs/", "..")) and target not in (HOME, *found):
                found.append(target)
                waiting += [target] if target.endswith(".md") else []
    return sorted(found)


def _content(file: str) -> str:
    text = (ROOT / file).read_text("utf-8")
    if file.endswith(".md"):
        return text
    language = _LANGUAGES.get(Path(file).suffix, "text")
    return f"# `{file}`\n\n````{language}\n{text}\n````\n"


def _turned(page: str) -> Callable[[re.Match[str]], str]:
    origin = _origin_of(page)

    def turn(match: re.Match[str]) -> str:
        begin, link, anchor, end = match.groups()
        if not link or "://" in link:
            return match[0]
        there = page_of(target_of(origin, link))
        return f"{begin}{posixpath.relpath(there, posixpath.dirname(page))}{anchor or ''}{end}"

    return turn


def on_files(files: Any, config: Any) -> Any:
    """Add the README and what the pages link to outside of docs/."""
    from mkdocs.structure.files import File

    pages = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    for name in (HOME, *_linked([HOME, *pages])):
        files.append(File.generated(config, page_of(name), content=_content(name)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn the links of a page to the pages of the site."""
    turn = _turned(page.file.src_uri)
    outside, last = [], 0
    for fence in _FENCE.finditer(markdown):  # what is in a block of code is no link
        outside += [_LINK.sub(turn, markdown[last : fence.start()]), fence[0]]
        last = fence.end()
    return "".join((*outside, _LINK.sub(turn, markdown[last:])))
