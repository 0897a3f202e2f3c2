"""Sizes in bytes: from text, and for people."""

from __future__ import annotations

import re

from emonet_edge.exceptions import InputError

__all__ = ["bytes_text", "parse_size"]

_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_size(text: str) -> int:
    """Return the bytes that "0", "500MB", "1.5 GiB" or "2g" mean.

    Units are powers of 1000 (kB, MB, GB, TB) or, with an i, of 1024 (KiB, MiB, GiB, TiB), as IEC
    80000-13 has them; the B may be left out and case does not count.

    Raises:
        InputError: anything else.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(I?))?B?", text.strip().upper())
    if not match:
        raise InputError(f"a size is bytes with a unit like 2GiB or 1500MB, not {text!r}")
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** _POWERS[match[2] or ""])


def bytes_text(count: float) -> str:
    """Write a size for people, in decimal units."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"
