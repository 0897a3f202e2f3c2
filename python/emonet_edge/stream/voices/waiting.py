"""Two bounded queues: sound that waits to be heard, utterances that wait for the encoder."""

from __future__ import annotations

import threading
from collections import deque

from emonet_edge.stream.voices.lane import UtteranceWork
from emonet_edge.stream.voices.listener import SampleBlock

__all__ = ["WaitingSound", "WaitingUtterances"]


class WaitingSound:
    """Blocks of sound on their way to the listener, at most `limit_s` seconds of it.

    Beyond that the oldest are lost and counted: the listener sees the gap by their numbers.

    They are taken some at a time. An encoder that runs beside it has emptied the CPU's caches, so
    that the first block of a batch costs as much as the seven that follow.

    Args:
        limit_s: how much may wait, in seconds.
        batch_s: how much is worth to be taken, in seconds: by so much a block may wait.
    """

    def __init__(self, limit_s: float, batch_s: float = 0.0) -> None:
        self._changed = threading.Condition()
        self._blocks: deque[SampleBlock | None] = deque()
        self._limit_s, self._batch_s = limit_s, min(batch_s, limit_s / 2)
        self._waiting_s = 0.0
        self._flush = False
        self._closed = False
        self.lost_s = 0.0

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def put(self, block: SampleBlock | None) -> float:
        """Add a block, or None to ask for a flush; return the seconds that were lost for it."""
        with self._changed:
            if self._closed:
                return 0.0
            self._blocks.append(block)
            self._waiting_s += _seconds(block)
            self._flush |= block is None
            lost_s = self._shorten()
            self._changed.notify_all()
            return lost_s

    def _shorten(self) -> float:
        lost_s = 0.0
        flushes: list[None] = []
        while self._waiting_s > self._limit_s and len(self._blocks) > 1:
            block = self._blocks.popleft()
            if block is None:
                flushes.append(block)
            self._waiting_s -= _seconds(block)
            lost_s += _seconds(block)
        self._blocks.extendleft(flushes)
        self.lost_s += lost_s
        return lost_s

    def take(self) -> list[SampleBlock | None] | None:
        """Wait for a batch of blocks, or for a flush; None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._worth_it())
            if self._closed:
                return None
            batch = list(self._blocks)
            self._blocks.clear()
            self._waiting_s, self._flush = 0.0, False
            return batch

    def _worth_it(self) -> bool:
        return self._flush or bool(self._blocks and self._waiting_s >= self._batch_s)

    def close(self) -> None:
        """Refuse more, and throw away what waits."""
        with self._changed:
            self._closed = True
            self._blocks.clear()
            self._changed.notify_all()


def _seconds(block: SampleBlock | None) -> float:
    return 0.0 if block is None else len(block.samples) / float(block.sample_rate)


class WaitingUtterances:
    """Jobs that wait for the voice encoder: the newest of each utterance, at most `limit` of them.

    An update that has become old before it ran is of no use; the final job of an utterance waits
    as long as there is room.
    """

    def __init__(self, limit: int) -> None:
        self._changed = threading.Condition()
        self._works: deque[UtteranceWork] = deque()
        self._limit = limit
        self._closed = False

    def put(self, work: UtteranceWork) -> list[tuple[UtteranceWork, str]]:
        """Add work; return what has to go for it, with the reasons."""
        with self._changed:
            if self._closed:
                return [(work, "closed")]
            older = [other for other in self._works if other.job.seq == work.job.seq]
            for other in older:
                self._works.remove(other)
            self._works.append(work)
            gone = [(other, "a newer part of the utterance came first") for other in older]
            while len(self._works) > self._limit:
                gone.append((self._works.popleft(), f"more than {self._limit} utterances waited"))
            self._changed.notify_all()
            return gone

    def take(self) -> UtteranceWork | None:
        """Wait for the oldest; None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._works or self._closed)
            return None if self._closed else self._works.popleft()

    def close(self) -> list[UtteranceWork]:
        """Refuse more, and return what waits."""
        with self._changed:
            self._closed = True
            left = list(self._works)
            self._works.clear()
            self._changed.notify_all()
            return left
