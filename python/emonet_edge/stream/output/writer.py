"""What all outputs have in common: they take records until they are closed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

from emonet_edge.stream.outcomes import StreamRecord

__all__ = ["RecordWriter"]

Self = TypeVar("Self", bound="RecordWriter")


class RecordWriter(ABC):
    """Takes records, and is closed by leaving the `with`."""

    @abstractmethod
    def write(self, record: StreamRecord) -> object:
        """Take one record.

        Raises:
            MediaError: it cannot be written, for instance because the disk is full; said once.
        """

    @abstractmethod
    def close(self) -> None:
        """Finish; twice is once.

        Raises:
            MediaError: it cannot be finished, and this was not said before.
        """

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
