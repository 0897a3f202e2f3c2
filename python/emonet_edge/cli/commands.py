"""The built-in commands and the modules that hold them: the one list of them."""

from __future__ import annotations

HOMES = {
    "demo": "demo",
    "face": "face",
    "voice": "voice",
    "live": "live.command",
    "info": "info",
    "verify": "verify",
    "bench": "bench.command",
    "bench compare": "bench.compare",
    "synthesize": "synthesize",
}
"""For each command its module below `emonet_edge.cli`, in the order of the help text."""
