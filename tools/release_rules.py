"""What must hold before a version is released: release_rules.py TAG [--dry-run].

Prints every rule that does not hold, with the value that broke it and the remedy. Without --dry-run
any of them ends it with exit code 1.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSION_FILE = "python/emonet_edge/_version.py"


def main() -> int:
    """Check the rules and say what follows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tag", help="the release's tag, v and the version")
    parser.add_argument("--dry-run", action="store_true", help="say it, refuse nothing")
    arguments = parser.parse_args()
    broken = broken_rules(arguments.tag)
    for rule in broken:
        print(f"{'would refuse' if arguments.dry_run else 'refused'}: {rule}")
    if not broken:
        print(f"{arguments.tag} may be released")
    return 1 if broken and not arguments.dry_run else 0


def broken_rules(tag: str) -> list[str]:
    """Every rule that the checkout breaks, in words."""
    version = re.findall(r'^__version__ = "(.+)"$', (ROOT / VERSION_FILE).read_text(), re.M)[0]
    broken = []
    if changed := git("status", "--porcelain").splitlines():
        broken.append(
            f"the working tree must be clean; got {len(changed)} changed or new files, "
            f"first {changed[0]!r}; commit or remove them"
        )
    if tag != f"v{version}":
        broken.append(
            f"the tag must be v and the version in {VERSION_FILE}, v{version}; got {tag!r}; "
            "change the one or the other"
        )
    head, tagged = git("rev-parse", "HEAD"), git("rev-parse", "-q", "--verify", f"{tag}^{{commit}}")
    if not head or tagged != head:
        broken.append(
            f"the tag must name the commit that is released, {head[:10]}; {tag!r} names "
            f"{tagged[:10] or 'nothing'}; make it with `git tag -a {tag}` once the rest holds"
        )
    return broken + broken_changelog_rules((ROOT / "CHANGELOG.md").read_text(), version)


def broken_changelog_rules(changelog: str, version: str) -> list[str]:
    """What the version's section of CHANGELOG.md lacks: itself, a date, content."""
    sections = re.split(r"^## ", changelog, flags=re.M)[1:]
    titles = [section.partition("\n")[0].strip() for section in sections]
    section = next(
        (text for text in sections if re.match(rf"\[?{re.escape(version)}\]?(\s|$)", text)), None
    )
    if section is None:
        return [
            f"CHANGELOG.md must have a section '## {version} - YYYY-MM-DD'; it has "
            f"{', '.join(titles) or 'none'}; move what is released from Unreleased into it"
        ]
    title, _, content = section.partition("\n")
    broken = []
    if not re.search(r" - \d{4}-\d{2}-\d{2}$", title.rstrip()):
        broken.append(
            f"the section of {version} in CHANGELOG.md must carry its date; got '## {title}'; "
            f"write '## {version} - YYYY-MM-DD'"
        )
    if not re.search(r"^- \S", content, re.M):
        broken.append(
            f"the section of {version} in CHANGELOG.md must say what changed; it has no line "
            "that starts with '- '; write at least one"
        )
    return broken


def git(*arguments: str) -> str:
    """Return what git prints, or nothing where it has no answer."""
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
