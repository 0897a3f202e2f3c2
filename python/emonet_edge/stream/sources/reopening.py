"""A source that comes back: cameras are unplugged, networks fail, drivers hang."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from emonet_edge.exceptions import DeviceError, InputError, MediaError
from emonet_edge.stream.clock import Clock
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.outcomes import Notice
from emonet_edge.stream.sources.numbering import Numbering
from emonet_edge.stream.sources.source import AudioBlock, Source
from emonet_edge.stream.sources.stop_signal import StopSignal

__all__ = ["ReopenPolicy", "Reopening", "SourceState"]

SourceState = Literal["opening", "running", "lost", "ended"]
Item = TypeVar("Item", Frame, AudioBlock)


@dataclass(frozen=True)
class ReopenPolicy:
    """How long to wait between attempts: 0.1, 0.2, 0.4, 0.8, 1.5, 1.5, ... seconds by default.

    There is no jitter, so that the longest wait is a promise: a device that returns is tried again
    within `longest_delay`. That leaves half of three seconds for a slow camera to start.

    Args:
        first_delay: before the first attempt, in seconds.
        factor: from one delay to the next.
        longest_delay: in seconds.
        stable_after: a source that ran for less, in seconds, failed again: the delays go on to
            grow, so that a loose contact does not fill the log.

    Raises:
        InputError: a delay is negative, the longest one shorter than the first, or factor below 1.
    """

    first_delay: float = 0.1
    factor: float = 2.0
    longest_delay: float = 1.5
    stable_after: float = 5.0

    def __post_init__(self) -> None:
        if not (0 <= self.first_delay <= self.longest_delay and self.factor >= 1):
            raise InputError(
                "delays must grow from first_delay to longest_delay by a factor of 1 or more; got "
                f"{self.first_delay} s, {self.longest_delay} s and {self.factor}; swap them"
            )

    def delay(self, failures: int) -> float:
        """Return the seconds before the next attempt, after that many failures in a row."""
        try:
            return min(self.longest_delay, self.first_delay * self.factor ** (failures - 1))
        except OverflowError:  # after weeks
            return self.longest_delay


class Reopening(Source[Item]):
    """Reads a source, and opens it again when it fails or stalls.

    Frames and samples are numbered on across every loss; of sound, the time of the loss shows as a
    jump of `first_sample`. Each change of state is a notice; attempts in between are not.

    Args:
        make: returns the source, not yet open. Called for every attempt.
        policy: of the delays; None: a recording, whose end is the end and whose errors are raised.
        clock: the stream's.
        on_notice: is told of every change of state, in the thread that reads or closes.
        wait: waits at most that many seconds for the signal; returns whether it was set.
    """

    def __init__(
        self,
        make: Callable[[], Source[Item]],
        policy: ReopenPolicy | None,
        clock: Clock,
        on_notice: Callable[[Notice], None] | None = None,
        wait: Callable[[StopSignal, float], bool] = StopSignal.wait,
    ) -> None:
        self._make: Callable[[], Source[Item]] = make
        self._source: Source[Item] | None = make()
        super().__init__(self._source.name)
        self._policy = policy
        self._clock = clock
        self._on_notice = on_notice
        self._wait = wait
        self._state: SourceState = "opening"
        self._changing = threading.Lock()
        self._reason = ""
        self._failures = 0
        self._running_since = 0.0
        self._numbering = Numbering()

    @property
    def state(self) -> SourceState:
        """One of "opening", "running", "lost" (it is tried again) and "ended"."""
        return self._state

    @property
    def reason(self) -> str:
        """Why it is lost, or why the last attempt failed; "" while it runs."""
        return self._reason

    @property
    def live(self) -> bool:
        """Whether it is opened again when it ends."""
        return self._policy is not None

    def close(self) -> None:
        """End it, and a `read` that waits in another thread; it cannot be opened again."""
        self._stop.set()
        if (source := self._source) is not None:
            source.close()
        self._enter("ended", "closed")
        self._free_if_idle()

    def _open(self) -> None:
        """Open a recording, to see at once that it cannot be; a device is awaited in `read`."""
        if self._policy is None and self._source is not None:
            self._source.open()

    def _read(self) -> Item | None:
        while not self.closed:
            try:
                item = self._current().read()
            except (MediaError, DeviceError) as error:
                if self._policy is None:
                    self._enter("ended", str(error))
                    raise
                self._lose(self._policy, str(error))
                continue
            if item is not None:
                self._run()
                return self._numbering.numbered(item)
            if self._policy is None:
                self._enter("ended", "end of file")
                break
            if not self.closed:
                self._lose(self._policy, f"{self.name} went away")
        return None

    def _release(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None

    def _current(self) -> Source[Item]:
        if self._source is None:
            self._source = self._make()
            self._numbering.reopened()
            if self.closed:  # it was while this was made, and `close` did not see it
                self._source.close()
        return self._source

    def _run(self) -> None:
        if self._state != "running":
            self._running_since = self._clock.now()
            self._enter("running", "")
        elif self._failures and self._ran_long_enough():
            self._failures = 0

    def _ran_long_enough(self) -> bool:
        assert self._policy is not None
        return self._clock.now() - self._running_since >= self._policy.stable_after

    def _lose(self, policy: ReopenPolicy, reason: str) -> None:
        self._release()
        self._failures += 1
        self._enter("lost", reason)
        self._wait(self._stop, policy.delay(self._failures))

    def _enter(self, state: SourceState, reason: str) -> None:
        with self._changing:  # the one who closes may come between
            if self._state == "ended":
                return
            self._reason = reason
            if state == self._state:
                return
            self._state = state
        if self._on_notice is not None:
            details = {"source": self.name, "state": state, "reason": reason}
            text = f"{self.name}: {state}" + (f" ({reason})" if reason else "")
            self._on_notice(Notice(self._clock.now(), "source", text, details))
