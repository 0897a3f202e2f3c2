"""Memory of this process, from Linux' /proc/self/status."""

from __future__ import annotations

from pathlib import Path

_STATUS = Path("/proc/self/status")

# Linux' names and ours. Mapped heads count as file pages: resident, but given back under pressure.
_FIELDS = {
    "VmHWM": "peak_bytes",
    "VmRSS": "resident_bytes",
    "RssAnon": "anonymous_bytes",
    "RssFile": "mapped_files_bytes",
}


def memory() -> dict[str, int | None]:
    """Peak and present resident memory in bytes, None where the system does not tell.

    Keys: peak_bytes (since the process began), resident_bytes, and its parts anonymous_bytes and
    mapped_files_bytes.
    """
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        lines = []
    return _parse(lines)


def _parse(lines: list[str]) -> dict[str, int | None]:
    stated = {}
    for line in lines:
        key, _, rest = line.partition(":")
        words = rest.split()
        if key in _FIELDS and len(words) == 2 and words[1] == "kB":  # kB here means 1024 bytes
            stated[key] = 1024 * int(words[0])
    return {ours: stated.get(theirs) for theirs, ours in _FIELDS.items()}
