"""Keeps the latency of results near a target by asking for less, and for more again with care.

It has two levers: how many faces of a frame are scored, and how often a frame is. Faces go first,
because they are what makes a frame slow; then the rate, which gives the voice its turns and the
machine time to cool. It asks for more again only after a while of good latency, and waits longer
each time that this turned out to be too much. Every change is a `Notice`, and so is a target that
cannot be kept at all.

Deterministic: it asks no clock, and the same observations give the same decisions.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

from emonet_edge.exceptions import InputError
from emonet_edge.stream.outcomes import Notice

__all__ = ["Governor", "GovernorOptions"]


@dataclass(frozen=True)
class GovernorOptions:
    """What the governor aims for.

    Args:
        latency_target_ms: from capture to result, for faces and for voices. The slowest machine
            that this is for (two cores, no GPU) takes 0.8 s for a face and 0.6 s for a voice, so
            2000 ms is one of each and some waiting. 0 switches the governor off.
        patience: so many results in a row have to be too late before it acts.
        raise_after_s: so long all results have to be early before it asks for more again.
        headroom: a result is early if its latency is below this share of the target.
        min_rate_hz: it does not go below this rate.
        step: it lowers the rate to this share of what it was.
    """

    latency_target_ms: float = 2000.0
    patience: int = 3
    raise_after_s: float = 10.0
    headroom: float = 0.7
    min_rate_hz: float = 0.5
    step: float = 0.7

    def __post_init__(self) -> None:
        if not (math.isfinite(self.latency_target_ms) and self.latency_target_ms >= 0):
            raise InputError(
                f"latency_target_ms must be at least 0; got {self.latency_target_ms!r}; 0 is none"
            )
        if self.patience < 1 or self.raise_after_s <= 0 or self.min_rate_hz <= 0:
            raise InputError(
                "patience must be at least 1, raise_after_s and min_rate_hz above 0; got "
                f"{self.patience!r}, {self.raise_after_s!r}, {self.min_rate_hz!r}; leave them out"
            )
        if not (0 < self.headroom < 1 and 0 < self.step < 1):
            raise InputError(
                f"headroom and step are shares between 0 and 1; got {self.headroom!r} and "
                f"{self.step!r}; leave them out"
            )


class Governor:
    """Decides `rate_hz` and `max_faces`.

    Args:
        options: the target.
        rate_hz: frames to score a second when all is well.
        max_faces: faces to score in a frame when all is well.
    """

    LONGEST_WAIT = 16  # times raise_after_s

    def __init__(self, options: GovernorOptions, rate_hz: float, max_faces: int) -> None:
        self.rate_hz, self.max_faces = rate_hz, max_faces
        self._options = options
        self._most_rate_hz, self._most_faces = rate_hz, max_faces
        self._late = {"face": 0, "voice": 0}
        self._recent: deque[tuple[float, int]] = deque(maxlen=max(options.patience, 2))
        self._early_since = -math.inf
        self._raised_at = -math.inf
        self._wait_s = options.raise_after_s
        self._gave_up = False

    def observe_face(
        self, at: float, latency_ms: float, work_ms: float, faces: int
    ) -> Notice | None:
        """Take in the result of a frame in which the encoder ran.

        Args:
            at: when the result came, in seconds.
            latency_ms: from capture to result.
            work_ms: what a frame with one face would have taken had it not waited for anything.
            faces: how many faces the encoder ran for.

        Returns:
            The notice of a change, if there was one.
        """
        self._recent.append((at, faces))
        return self._observe("face", at, latency_ms, work_ms)

    def observe_voice(self, at: float, latency_ms: float, work_ms: float) -> Notice | None:
        """Take in the result of an utterance or of an update; as `observe_face`."""
        return self._observe("voice", at, latency_ms, work_ms)

    def _observe(self, what: str, at: float, latency_ms: float, work_ms: float) -> Notice | None:
        target = self._options.latency_target_ms
        if target <= 0:
            return None
        self._late[what] = self._late[what] + 1 if latency_ms > target else 0
        if latency_ms > self._options.headroom * target:
            self._early_since = at
        if self._late[what] >= self._options.patience:
            self._late = {"face": 0, "voice": 0}
            return self._lower(what, at, latency_ms, work_ms)
        if at - max(self._early_since, self._raised_at) >= self._wait_s:
            return self._raise(what, at, latency_ms)
        return None

    def _lower(self, what: str, at: float, latency_ms: float, work_ms: float) -> Notice | None:
        if at - self._raised_at < self._wait_s:  # the last raise was too much
            self._wait_s = min(2 * self._wait_s, self.LONGEST_WAIT * self._options.raise_after_s)
        self._early_since = at
        why = f"the {what} results are {latency_ms:.0f} ms old, the target is {self._target}"
        scored = max((faces for _, faces in self._recent), default=0)
        if min(scored, self.max_faces) > 1:
            self.max_faces = min(scored, self.max_faces) - 1
            return self._notice(at, f"{why}: at most {self._faces_text} a frame", latency_ms)
        if work_ms > self._options.latency_target_ms:
            return self._give_up(what, at, latency_ms, work_ms)
        lowered = max(self._options.step * self._actual_rate(), self._options.min_rate_hz)
        if lowered < self.rate_hz:
            self.rate_hz = lowered
            return self._notice(at, f"{why}: at most {lowered:.3g} frames a second", latency_ms)
        return self._give_up(what, at, latency_ms, work_ms)

    def _give_up(self, what: str, at: float, latency_ms: float, work_ms: float) -> Notice | None:
        """Say once that nothing helps, until something did."""
        if self._gave_up:
            return None
        self._gave_up = True
        text = (
            f"a latency of {self._target} cannot be kept on this machine: a {what} result takes "
            f"{latency_ms:.0f} ms, of which its own work is {work_ms:.0f} ms; raise the target or "
            "use a faster device"
        )
        return self._notice(at, text, latency_ms)

    def _raise(self, what: str, at: float, latency_ms: float) -> Notice | None:
        """Take back one step, the rate before the faces, unless it would surely be too much."""
        self._gave_up = False
        if (self.rate_hz, self.max_faces) == (self._most_rate_hz, self._most_faces):
            self._wait_s = self._options.raise_after_s  # all is well, and has been for a while
            return None
        why = f"the {what} results are {latency_ms:.0f} ms old, well below {self._target}"
        if self.rate_hz < self._most_rate_hz:
            self.rate_hz = min(self.rate_hz / self._options.step, self._most_rate_hz)
            text = f"{why}: {self.rate_hz:.3g} frames a second again"
        elif self._one_more_fits(what, latency_ms):
            self.max_faces += 1
            text = f"{why}: {self._faces_text} a frame again"
        else:
            return None
        self._raised_at = at
        return self._notice(at, text, latency_ms)

    def _one_more_fits(self, what: str, latency_ms: float) -> bool:
        scored = max((faces for _, faces in self._recent), default=0)
        if what == "voice" or scored == 0:
            return True
        return latency_ms * (scored + 1) / scored <= self._options.latency_target_ms

    def _actual_rate(self) -> float:
        """The rate that there really was: a limit far above it would not change anything."""
        times = [at for at, _ in self._recent]
        if len(times) < 2 or times[-1] <= times[0]:
            return self.rate_hz
        return min(self.rate_hz, (len(times) - 1) / (times[-1] - times[0]))

    @property
    def _target(self) -> str:
        return f"{self._options.latency_target_ms:.0f} ms"

    @property
    def _faces_text(self) -> str:
        return f"{self.max_faces} face{'s' if self.max_faces > 1 else ''}"

    def _notice(self, at: float, text: str, latency_ms: float) -> Notice:
        details: dict[str, Any] = {
            "rate_hz": self.rate_hz,
            "max_faces": self.max_faces,
            "latency_ms": latency_ms,
            "latency_target_ms": self._options.latency_target_ms,
        }
        return Notice(at, "governor", text, details)
