"""What commands print: NDJSON for programs, tables for people, failures on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emonet_edge.exceptions import EmonetError

if TYPE_CHECKING:
    from rich.console import Console


class OutputError(EmonetError):
    """The results cannot be written to standard output."""


_PLAIN_WIDTH = 110  # columns where the output is no terminal


def emit(record: Mapping[str, Any]) -> None:
    """One JSON object on one line of stdout, flushed: the reader may be a program that waits."""
    write(json_line(record))


def json_line(record: Mapping[str, Any]) -> str:
    """One JSON object on one line.

    ASCII only, because a file's name may hold bytes that are no text; a value that is not finite
    becomes null, because JSON has no NaN.
    """
    from emonet_edge.formats.json_values import jsonable

    return json.dumps(jsonable(record), allow_nan=False) + "\n"


def one_line(error: object) -> str:
    """Put an error's text on one line, so that logs stay one event per line."""
    return printable(" ".join(str(error).split()))


def fail(source: object, error: object) -> None:
    """One line on stderr for an input that could not be scored."""
    text, name = one_line(error), printable(source)
    line = text if text.startswith(name) else f"{name}: {text}"
    sys.stderr.write(f"emonet-edge: {line}\n")
    sys.stderr.flush()


def note(text: str) -> None:
    """One line on stderr that belongs to no input."""
    sys.stderr.write(f"emonet-edge: {printable(text)}\n")
    sys.stderr.flush()


def write(text: str) -> None:
    """Text on stdout, flushed. Raises: OutputError, or BrokenPipeError when the reader left."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:  # a full disk, most often
        raise OutputError(f"the results cannot be written: {error.strerror}") from error


def printable(text: object) -> str:
    """Escape control characters and broken bytes of a file's name: they could move the cursor."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in str(text)
    )


def console() -> Console:
    """Return a rich console on stdout: colours on a terminal only, and never under NO_COLOR."""
    from rich.console import Console

    on_terminal = sys.stdout.isatty()
    return Console(
        highlight=False,
        markup=False,
        emoji=False,
        force_terminal=on_terminal,
        width=None if on_terminal else _PLAIN_WIDTH,
    )


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; columns whose name begins with '>' are aligned right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    result = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        result.add_column(
            column.lstrip(">"), justify="right" if column.startswith(">") else "left",
            overflow="fold",
        )  # fmt: skip
    for row in rows:
        result.add_row(*(Text(printable(cell)) for cell in row))
    screen = console()
    with screen.capture() as capture:
        screen.print(result)
    write(capture.get())


def bar(value: float, scale: float, width: int = 24) -> str:
    """Draw a score as a bar of characters that the terminal's encoding has."""
    if not math.isfinite(value):
        return ""
    filled = round(width * min(1.0, max(0.0, value / scale)))
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
    return ("█" if encoding.startswith("utf") else "#") * filled


def print_lines(*lines: str) -> None:
    """Plain lines on stdout."""
    write("".join(f"{printable(line)}\n" for line in lines))
