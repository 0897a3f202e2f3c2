"""The command line. One module per command; each has `add_parser` and `run`.

Only public names of the package are used. Nothing heavy (numpy, openvino, rich, Pillow) is
imported before a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emonet_edge.cli import exit_codes, extensions
from emonet_edge.cli.output import OutputError, one_line
from emonet_edge.cli.parser import build_parser, parse

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code that `emonet-edge --help` documents."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _never_fail_on_encoding()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            code = _run(arguments)
        sys.stdout.flush()
        return code
    except OutputError as error:
        _detach_stdout()
        sys.stderr.write(f"emonet-edge: {one_line(error)}\n")
        return exit_codes.CANNOT_RUN
    except BrokenPipeError:
        _detach_stdout()
        return exit_codes.READER_GONE
    except KeyboardInterrupt:
        sys.stderr.write("\nemonet-edge: interrupted\n")
        return exit_codes.INTERRUPTED


def _run(arguments: list[str]) -> int:
    from emonet_edge.exceptions import EmonetError

    try:
        if not arguments:
            build_parser().print_help(sys.stderr)
            return exit_codes.USAGE
        if extensions.is_extension(arguments):
            return extensions.run(arguments)
        args = parse(arguments)
        code: int = args.run(args)
        return code
    except SystemExit as stop:  # argparse: --help, --version and usage errors
        return stop.code if isinstance(stop.code, int) else exit_codes.USAGE
    except OutputError:
        raise
    except EmonetError as error:
        sys.stderr.write(f"emonet-edge: {one_line(error)}\n")
        return exit_codes.of(error)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning's text for the user, without the line of code that gave it."""
    del category, filename, lineno, line
    (file or sys.stderr).write(f"emonet-edge: warning: {one_line(message)}\n")


def _never_fail_on_encoding() -> None:
    """Write what the terminal's encoding lacks as escapes: a file's name must not end the run."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _detach_stdout() -> None:
    """Let Python flush at exit without complaining: the reader went away (`| head`)."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, sys.stdout.fileno())
    except (OSError, ValueError):  # stdout is not a file (a test's buffer)
        pass
    finally:
        os.close(devnull)
