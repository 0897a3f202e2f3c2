"""Numbers of frames and samples that go on when a source was lost and opened again."""

from __future__ import annotations

from dataclasses import replace
from typing import overload

from emonet_edge.stream.frames import Frame
from emonet_edge.stream.sources.source import AudioBlock

__all__ = ["Numbering"]


class Numbering:
    """Frames are numbered without a gap; of sound, the time of a loss is one."""

    def __init__(self) -> None:
        self._seq = 0
        self._after: AudioBlock | None = None
        self._shift: int | None = 0

    def reopened(self) -> None:
        """Say that the next item comes from a source that counts from its own beginning."""
        self._shift = None

    @overload
    def numbered(self, item: Frame) -> Frame: ...
    @overload
    def numbered(self, item: AudioBlock) -> AudioBlock: ...
    def numbered(self, item: Frame | AudioBlock) -> Frame | AudioBlock:
        """Return an item with its number in all that was ever read."""
        if isinstance(item, Frame):
            return self._frame(item)
        return self._block(item)

    def _frame(self, frame: Frame) -> Frame:
        if self._shift is None:
            self._shift = self._seq - frame.seq
        numbered = replace(frame, seq=frame.seq + self._shift) if self._shift else frame
        self._seq = numbered.seq + 1
        return numbered

    def _block(self, block: AudioBlock) -> AudioBlock:
        if self._shift is None:
            self._shift = self._next_sample(block) - block.first_sample
        if self._shift:
            block = replace(block, first_sample=block.first_sample + self._shift)
        self._after = block
        return block

    def _next_sample(self, block: AudioBlock) -> int:
        """Number the first sample after a loss as if the sound had gone on meanwhile."""
        if self._after is None:
            return block.first_sample
        before = self._after
        ended_at = before.captured_at + len(before.samples) / before.sample_rate
        silent = max(0.0, block.captured_at - ended_at)
        return round((before.end_sample / before.sample_rate + silent) * block.sample_rate)
