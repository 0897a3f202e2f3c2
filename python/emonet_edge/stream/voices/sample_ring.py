"""The last seconds of a stream's samples, in memory of a fixed size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SampleRing"]


class SampleRing:
    """Keeps the newest `capacity` samples; positions are Python ints, which never wrap."""

    def __init__(self, capacity: int, first_sample: int = 0) -> None:
        self._buffer = np.empty(capacity, np.float32)
        self.restart(first_sample)

    def restart(self, first_sample: int) -> None:
        """Forget everything; the next sample is at `first_sample`."""
        self._origin = self.stop = first_sample

    @property
    def start(self) -> int:
        """The position of the oldest sample that is kept."""
        return max(self._origin, self.stop - len(self._buffer))

    def append(self, samples: NDArray[np.float32]) -> None:
        """Add float32 [n], n at most the capacity."""
        size = len(self._buffer)
        at = self.stop % size
        head = min(len(samples), size - at)
        self._buffer[at : at + head] = samples[:head]
        self._buffer[: len(samples) - head] = samples[head:]
        self.stop += len(samples)

    def copy(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the samples from `start` to `stop`, both within what is kept."""
        size = len(self._buffer)
        at = start % size
        head = min(stop - start, size - at)
        return np.concatenate(
            [self._buffer[at : at + head], self._buffer[: stop - start - head]], dtype=np.float32
        )
