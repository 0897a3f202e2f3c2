"""Whether an sdist holds what a build needs and nothing that only the repository does."""

from __future__ import annotations

import sys
import tarfile

NEEDED = (
    "CMakeLists.txt",
    "LICENSE",
    "README.md",
    "cpp/kernels/dispatch.cpp",
    "export/emonet_edge_export/__init__.py",
    "pyproject.toml",
    "python/emonet_edge/_version.py",
    "python/emonet_edge/py.typed",
    "tests/conftest.py",
)
UNWANTED = (".ci/", ".git/", ".nox/", ".venv/", "benchmarks/results/", "build/", "dist/")
LARGEST_FILE, LARGEST_SUM = 2_000_000, 6_000_000  # bytes; the voice activity model is 1.3 MB


def problems(path: str) -> list[str]:
    """What is wrong with the sdist, in words."""
    with tarfile.open(path) as archive:
        sizes = {m.name.partition("/")[2]: m.size for m in archive.getmembers() if m.isfile()}
    found = [f"an sdist must hold {name}; it is missing" for name in NEEDED if name not in sizes]
    found += [
        f"an sdist must hold nothing below {start}; got {name}; add it to sdist.exclude"
        for name in sizes
        for start in UNWANTED
        if name.startswith(start)
    ]
    found += [
        f"a file of an sdist must have at most {LARGEST_FILE} bytes; {name} has {size}; exclude it"
        for name, size in sizes.items()
        if size > LARGEST_FILE
    ]
    if (total := sum(sizes.values())) > LARGEST_SUM:
        found.append(f"an sdist must unpack to at most {LARGEST_SUM} bytes; got {total}")
    return found


if __name__ == "__main__":
    sys.exit("\n".join(problems(sys.argv[1])) or None)
