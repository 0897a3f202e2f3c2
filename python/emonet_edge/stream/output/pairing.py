"""Frames wait until it is known what became of them, in their order and never for long."""

from __future__ import annotations

from collections import deque

from emonet_edge.stream.frames import Frame
from emonet_edge.stream.outcomes import FrameOutcome, StreamRecord
from emonet_edge.stream.output.overlay import OverlayView

__all__ = ["Pairing"]


class Pairing:
    """Gives each frame the view that holds once its own outcome is known.

    A frame is drawn with its own scores where it has some, and with the last ones before it where
    it was dropped. Plain logic: the caller locks.

    Args:
        held: frames that wait at most; beyond it the oldest goes on with what is known.
        patience: seconds of the stream's clock that a frame waits behind newer frames.
    """

    def __init__(self, held: int = 60, patience: float = 2.0) -> None:
        self.held = held
        self._patience = patience
        self._frames: deque[Frame] = deque()
        self._outcomes: dict[int, FrameOutcome] = {}
        self._view = OverlayView()

    def __len__(self) -> int:
        return len(self._frames)

    def add_frame(self, frame: Frame) -> None:
        """Take the next frame of the source."""
        self._frames.append(frame)

    def add_record(self, record: StreamRecord) -> None:
        """Take a record; an outcome waits for its frame's turn, everything else counts at once."""
        if not isinstance(record, FrameOutcome):
            self._view = self._view.after(record)
        elif not self._frames or record.seq < self._frames[0].seq:
            self._view = self._view.after(record)  # its frame is not waited for
        else:
            self._outcomes[record.seq] = record

    def take(self, everything: bool = False) -> tuple[Frame, OverlayView] | None:
        """Return the oldest frame, if nothing more is to be waited for, and its view."""
        if not self._frames:
            return None
        frame = self._frames[0]
        waited = self._frames[-1].captured_at - frame.captured_at
        full = len(self._frames) > self.held or waited > self._patience
        if not (frame.seq in self._outcomes or everything or full):
            return None
        self._frames.popleft()
        for seq in sorted(seq for seq in self._outcomes if seq <= frame.seq):
            self._view = self._view.after(self._outcomes.pop(seq))
        return frame, self._view
