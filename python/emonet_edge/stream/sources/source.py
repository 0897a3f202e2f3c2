"""What a source is: something that is read until it ends, and closed from any thread.

A source has no thread of its own: whoever reads it waits in it. `close` ends that wait. What the
source holds (a device, a file, a connection) is freed by whoever leaves last, reader or closer,
because ffmpeg's objects must not go away under a call that uses them.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from emonet_edge.exceptions import EmonetError
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.sources.stop_signal import StopSignal

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["AudioBlock", "AudioSource", "Source", "VideoSource"]

Item = TypeVar("Item")
Self = TypeVar("Self", bound="Source[Any]")


@dataclass(frozen=True)
class AudioBlock:
    """Samples that follow each other.

    Args:
        first_sample: number of the first one in its source, at `sample_rate`; a Python int, so it
            never wraps. It is where the block before ended; a larger number means that the
            samples between were lost.
        captured_at: when the first sample was heard, in seconds of the stream's clock.
        sample_rate: in Hz.
        samples: float32 [n] or [n, channels], full scale at 1.0.
    """

    first_sample: int
    captured_at: float
    sample_rate: int
    samples: NDArray[np.float32]

    @property
    def end_sample(self) -> int:
        """The number that the next sample has."""
        return self.first_sample + len(self.samples)


class VideoSource(Protocol):
    """What a stream reads frames from."""

    def read(self) -> Frame | None:
        """Wait for the next frame; None: it has ended or was closed."""

    def close(self) -> None:
        """End it, and a `read` that waits in another thread."""


class AudioSource(Protocol):
    """What a stream reads sound from."""

    def read(self) -> AudioBlock | None:
        """Wait for the next samples; None: it has ended or was closed."""

    def close(self) -> None:
        """End it, and a `read` that waits in another thread."""


class Source(ABC, Generic[Item]):
    """The life of a source: opened once, read until None, closed from any thread.

    Args:
        name: what messages call it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._stop = StopSignal()
        self._turn = threading.Lock()
        self._is_open = False

    def open(self) -> None:
        """Open it now instead of at the first `read`.

        Raises:
            MediaError, DeviceError: it cannot be opened.
        """
        with self._in_use():
            self._ensure_open()

    def read(self) -> Item | None:
        """Wait for what comes next.

        Returns:
            The next item, or None: the source has ended or was closed.

        Raises:
            MediaError, DeviceError: it cannot be opened, is damaged, or went away.
        """
        with self._in_use():
            try:
                self._ensure_open()
                return None if self.closed else self._read()
            except EmonetError:
                if self.closed:  # what closing interrupts may fail in any way
                    return None
                raise

    def close(self) -> None:
        """End it, and a `read` that waits in another thread; it cannot be opened again."""
        self._stop.set()
        self._free_if_idle()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._stop.is_set()

    def __enter__(self: Self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        try:
            with self._turn:
                yield
        finally:
            if self.closed:
                self._free_if_idle()

    def _free_if_idle(self) -> None:
        # A reader that is at work frees on its way out: it looks at the signal after its turn.
        if self._turn.acquire(blocking=False):
            try:
                self._release()
            finally:
                self._turn.release()

    def _ensure_open(self) -> None:
        if self._is_open or self.closed:
            return
        try:
            self._open()
        except BaseException:
            self._release()
            raise
        self._is_open = True

    @abstractmethod
    def _open(self) -> None:
        """Acquire what reading needs; may wait, but not beyond the stop signal or a timeout."""

    @abstractmethod
    def _read(self) -> Item | None:
        """Wait for what comes next; None at the end or when the stop signal was set."""

    @abstractmethod
    def _release(self) -> None:
        """Give back what `_open` acquired; also after half an `_open`, and more than once."""
