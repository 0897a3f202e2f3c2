"""What the user sees while an export runs: bars with sizes and rates, or lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from emonet_edge._sizes import bytes_text

__all__ = ["Advance", "Progress"]

Advance = Callable[[float], None]
"""Called with how much more is done, in bytes or in things."""


class Progress:
    """Writes to stderr: a bar on a terminal, a line at the end of each step elsewhere."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty() and not quiet

    def say(self, text: str) -> None:
        """Print one line."""
        if not self._quiet:
            sys.stderr.write(f"emonet-edge export: {text}\n")
            sys.stderr.flush()

    @contextmanager
    def bytes(self, title: str, total: int) -> Iterator[Advance]:
        """Follow something that is counted in bytes."""
        with self._follow(title, total, in_bytes=True) as advance:
            yield advance

    @contextmanager
    def count(self, title: str, total: int) -> Iterator[Advance]:
        """Follow something that is counted."""
        with self._follow(title, total, in_bytes=False) as advance:
            yield advance

    @contextmanager
    def waiting(self, title: str) -> Iterator[None]:
        """Follow something of unknown length."""
        began = time.monotonic()
        if self._terminal:
            from rich.console import Console
            from rich.text import Text

            with Console(stderr=True).status(Text(title)):
                yield
        else:
            self.say(f"{title}...")
            yield
        self.say(f"{title}: done in {time.monotonic() - began:.0f} s")

    @contextmanager
    def _follow(self, title: str, total: int, in_bytes: bool) -> Iterator[Advance]:
        began, done = time.monotonic(), 0.0

        def count(amount: float) -> None:
            nonlocal done
            done += amount

        if not self._terminal:
            size = bytes_text(total) if in_bytes else str(total)
            self.say(f"{title} ({size})...")
            yield count
        else:
            with _bar(title, total, in_bytes) as advance:

                def both(amount: float) -> None:
                    count(amount)
                    advance(amount)

                yield both
        self.say(f"{title}: {_summary(done, time.monotonic() - began, in_bytes)}")


def _summary(done: float, seconds: float, in_bytes: bool) -> str:
    seconds = max(seconds, 1e-3)
    if in_bytes:
        return f"{bytes_text(done)} in {seconds:.1f} s, {bytes_text(done / seconds)}/s"
    return f"{done:.0f} in {seconds:.1f} s"


@contextmanager
def _bar(title: str, total: int, in_bytes: bool) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Rich

    sizes: tuple[ProgressColumn, ...] = (
        (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (MofNCompleteColumn(),)
    )
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *sizes,
        TimeRemainingColumn(),
    )
    with Rich(*columns, console=Console(stderr=True), transient=True) as rich:
        task = rich.add_task(title, total=total or None)
        yield lambda amount: rich.update(task, advance=amount)
