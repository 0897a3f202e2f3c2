"""The two threads of the face lane: one scores the latest frame, one keeps the tracks meanwhile."""

from __future__ import annotations

import threading

from emonet_edge.stream.clock import Clock
from emonet_edge.stream.faces.lane import FaceLane, FaceWork
from emonet_edge.stream.faces.mailbox import Mailbox
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.outcomes import FrameOutcome
from emonet_edge.stream.publisher import Publisher
from emonet_edge.stream.turns import ClosedError, Turns

__all__ = ["FaceWorker"]

NEWER, CLOSED = "a newer frame came first", "closed"


class FaceWorker:
    """Scores frames as fast as the machine allows, always the latest one.

    The encoder of a small machine needs as long as 25 frames of a camera. While it runs, a second
    thread lets the detector look at the frame that waits, at the detector's own rate: people who
    move keep their track. The frame stays where it is, and is scored if no newer one comes.

    Args:
        lane: what is done with a frame.
        publisher: takes the outcomes.
        turns: shared with the voice.
        clock: of the stream.
    """

    def __init__(self, lane: FaceLane, publisher: Publisher, turns: Turns, clock: Clock) -> None:
        self._lane, self._publisher = lane, publisher
        self._turns, self._clock = turns, clock
        self._mailbox: Mailbox[Frame] = Mailbox()
        self._lane_turn = threading.Lock()  # the lane is plain logic: one caller at a time
        self._encoding = False
        self._threads = [
            threading.Thread(target=target, name=f"emonet-{name}", daemon=True)
            for name, target in (("faces", self._score), ("tracks", self._watch))
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, frame: Frame) -> None:
        """Take a frame; never blocks for longer than it takes to say what became of another."""
        self._publisher.submit_frame(frame.seq)
        replaced = self._mailbox.put(frame)
        if replaced is not None:
            self._drop(replaced, CLOSED if replaced is frame else NEWER)

    def close(self) -> None:
        """Drop what waits, finish what runs, and end the threads."""
        left = self._mailbox.close()
        if left is not None:
            self._drop(left, CLOSED)
        for thread in self._threads:
            thread.join()

    def _drop(self, frame: Frame, reason: str) -> None:
        self._publisher.publish_frame(self._lane.dropped(frame, self._clock.now(), reason))

    def _score(self) -> None:
        while self._mailbox.wait_for(lambda frame: frame is not None):
            # Taken with the lane in hand, so that the other thread never looks at a later frame
            # before this one.
            with self._lane_turn:
                frame = self._mailbox.take()
                if frame is None:
                    continue
                work = self._begin(frame)
            if isinstance(work, FrameOutcome):
                self._publisher.publish_frame(work)
            else:
                self._finish(work)

    def _begin(self, frame: Frame) -> FaceWork | FrameOutcome:
        now = self._clock.now()
        try:
            return self._lane.begin(frame, now)
        except Exception as error:
            return self._lane.failed(frame, now, error)

    def _finish(self, work: FaceWork) -> None:
        try:
            self._encode(work)
            with self._lane_turn:
                outcome, events = self._lane.finish(work, self._clock.now())
        except ClosedError:
            self._drop(work.frame, CLOSED)
        except Exception as error:
            self._publisher.publish_frame(self._lane.failed(work.frame, self._clock.now(), error))
        else:
            self._publisher.publish_frame(outcome, events, work.runs, work.one_face_ms)

    def _encode(self, work: FaceWork) -> None:
        """Give each face a turn of its own: a voice waits for one face, not for all of them."""
        due = work.due
        if not due:
            return
        self._encoding = True
        self._mailbox.wake()  # the other thread may begin to look
        try:
            for plan in due:
                self._lane.prepare(work, plan)
                with work.stages.stage("turn"):
                    turn = self._turns.wait()
                with turn:
                    self._lane.run(work, plan)
        finally:
            self._encoding = False

    def _watch(self) -> None:
        while self._mailbox.wait_for(self._to_be_looked_at):
            with self._lane_turn:
                frame = self._mailbox.peek()
                if not self._to_be_looked_at(frame) or frame is None:
                    continue
                try:
                    self._lane.look(frame)
                except Exception as error:
                    self._fail_unscored(frame, error)

    def _to_be_looked_at(self, frame: Frame | None) -> bool:
        return self._encoding and frame is not None and self._lane.detection_due(frame)

    def _fail_unscored(self, frame: Frame, error: Exception) -> None:
        if self._mailbox.take_if(frame):
            self._publisher.publish_frame(self._lane.failed(frame, self._clock.now(), error))
