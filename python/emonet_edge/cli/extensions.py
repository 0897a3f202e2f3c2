"""Commands that other packages bring, found by the entry-point group and loaded on use.

An entry point of the group "emonet_edge.commands" names a function `main(argv: list[str]) -> int`,
where argv is what follows the command's name.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from emonet_edge.cli.commands import HOMES
from emonet_edge.exceptions import MissingExtraError

if TYPE_CHECKING:
    import importlib.metadata

GROUP = "emonet_edge.commands"

# Known commands that live outside the core, with the extra that brings what they need.
KNOWN = {"export": "export", "tune": "export", "verify-against": "export"}

HELP = """\
further commands:
  export      make a model directory from the published checkpoints
  tune        search the fastest recipe of a model directory on this machine
              (both need pip install 'emonet-edge[export]')
"""


def is_extension(arguments: list[str]) -> bool:
    """Whether the first word is no built-in command and somebody else offers it."""
    if not arguments or arguments[0].startswith("-") or arguments[0] in HOMES:
        return False
    return arguments[0] in KNOWN or bool(_find(arguments[0]))


def run(arguments: list[str]) -> int:
    """Load the command and hand it the rest of the line.

    Raises:
        MissingExtraError: it is not installed, or something that it imports is not.

    """
    name, rest = arguments[0], arguments[1:]
    found = _find(name)
    if not found:
        raise MissingExtraError(_remedy(name, "is not installed"))
    sys.argv[0] = f"emonet-edge {name}"
    try:
        return int(found[0].load()(rest) or 0)
    except ModuleNotFoundError as error:  # at once, or when a step of the command needs it
        missing = error.name or str(error)
        raise MissingExtraError(
            _remedy(name, f"needs {missing}, which is not installed")
        ) from error


def _find(name: str) -> list[importlib.metadata.EntryPoint]:
    import importlib.metadata

    return list(importlib.metadata.entry_points(group=GROUP, name=name))


def _remedy(name: str, fault: str) -> str:
    extra = KNOWN.get(name, name)
    return f"the command {name} {fault}: pip install 'emonet-edge[{extra}]'"
