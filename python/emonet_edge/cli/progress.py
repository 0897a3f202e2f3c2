"""Progress on stderr: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from emonet_edge._types import Progress

_LINE_EVERY_S = 5.0


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """Show a bar for work that takes longer than a second."""
    if not sys.stderr.isatty():
        yield _line_reporter(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1.0)

        def report(text: str, fraction: float) -> None:
            bar.update(task, completed=fraction, description=f"{title}: {text}" if text else title)

        yield report


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show a turning sign for work of unknown length, such as a compiler's; on terminals only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(text)):
        yield


def _line_reporter(title: str) -> Progress:
    """Give logs a line every few seconds, and one at the end: not one for each of 55 heads."""
    due = time.monotonic() + _LINE_EVERY_S

    def report(text: str, fraction: float) -> None:
        nonlocal due
        now = time.monotonic()
        if now < due and fraction < 1:
            return
        due = now + _LINE_EVERY_S
        sys.stderr.write(f"{title}: {100 * fraction:.0f} % {text}\n")
        sys.stderr.flush()

    return report
