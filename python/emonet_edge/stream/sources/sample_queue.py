"""Between a sound card, which never waits, and a reader, which may be late."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from emonet_edge.stream.sources.source import AudioBlock

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SampleQueue"]


class SampleQueue:
    """The newest `capacity` samples; older ones that nobody read are lost, counted and skipped.

    One thread writes and never waits for the reader, one reads.

    Args:
        capacity: in samples. One block is kept even if it is larger.
        sample_rate: in Hz.
        first_sample: number of the first one.
    """

    def __init__(self, capacity: int, sample_rate: int, first_sample: int = 0) -> None:
        self._capacity = capacity
        self._sample_rate = sample_rate
        self._next = first_sample
        self._blocks: deque[AudioBlock] = deque()
        self._waiting = 0
        self._lost = 0
        self._ended = False
        self._changed = threading.Condition()

    @property
    def lost(self) -> int:
        """How many samples were lost so far, here or before they came here."""
        return self._lost

    @property
    def waiting(self) -> int:
        """How many samples wait for the reader."""
        return self._waiting

    @property
    def ended(self) -> bool:
        """Whether nothing comes any more; what was heard may still wait."""
        return self._ended

    def write(self, samples: NDArray[np.float32], captured_at: float) -> None:
        """Append samples.

        Args:
            samples: float32 [n] or [n, channels]; kept, not copied.
            captured_at: when the first one was heard, in seconds of the stream's clock.
        """
        with self._changed:
            self._blocks.append(AudioBlock(self._next, captured_at, self._sample_rate, samples))
            self._next += len(samples)
            self._waiting += len(samples)
            while self._waiting > self._capacity and len(self._blocks) > 1:
                oldest = len(self._blocks.popleft().samples)
                self._waiting -= oldest
                self._lost += oldest
            self._changed.notify()

    def skip(self, samples: int) -> None:
        """Leave out samples that the device lost: the next ones are numbered beyond them."""
        with self._changed:
            self._lost += samples
            self._next += samples

    def end(self) -> None:
        """Say that nothing comes any more, and wake the reader."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def read(self, timeout: float) -> AudioBlock | None:
        """Wait for samples and take what there is, up to the next gap.

        Args:
            timeout: in seconds.

        Returns:
            Samples without a gap; None: nothing came in time, or it has ended.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._blocks or self._ended, timeout)
            if not self._blocks:
                return None
            taken = [self._blocks.popleft()]
            while self._blocks and self._blocks[0].first_sample == taken[-1].end_sample:
                taken.append(self._blocks.popleft())
            self._waiting -= sum(len(block.samples) for block in taken)
        if len(taken) == 1:
            return taken[0]
        return replace(taken[0], samples=np.concatenate([block.samples for block in taken]))
