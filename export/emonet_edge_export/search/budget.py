"""What a search may spend and must reach, and whether there is time left."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from emonet_edge_export.search.front import Goal

__all__ = ["Budget", "SearchOptions"]


@dataclass(frozen=True)
class SearchOptions:
    """How long the search may take, what it must reach, and what it may keep in memory.

    `seconds`: no new trial begins after them, but for all parts in INT8 and all in float, which are
    always tried. `samples`: at most so many inputs. `memory_bytes`: for the embeddings that
    candidates are compared with; three times that for models that are timed side by side.
    """

    seconds: float = 1800.0
    goal: Goal = field(default_factory=Goal)
    hint: str | None = "f32"
    samples: int = 128
    memory_bytes: int = 2_000_000_000


@dataclass(frozen=True)
class Budget:
    """A time that runs out: `seconds`, until `end` on the monotonic clock."""

    seconds: float
    end: float

    @classmethod
    def starting_now(cls, seconds: float) -> Budget:
        """Start the clock."""
        return cls(seconds, time.monotonic() + seconds)

    def lasts(self, share: float = 1.0) -> bool:
        """Say whether less than this share of the budget is used up."""
        return time.monotonic() < self.end - (1 - share) * self.seconds
