"""Records as NDJSON: one JSON object on one line, for the program at the other end of a pipe."""

from __future__ import annotations

import json
import os
from typing import Protocol

from emonet_edge._types import StrPath
from emonet_edge.exceptions import MediaError
from emonet_edge.formats.json_values import jsonable
from emonet_edge.stream.outcomes import StreamRecord
from emonet_edge.stream.output.files import GrowingText
from emonet_edge.stream.output.writer import RecordWriter

__all__ = ["NdjsonWriter", "ndjson_line"]


class TextSink(Protocol):
    """What `NdjsonWriter` writes to: `sys.stdout`, a socket's file, a buffer."""

    def write(self, text: str, /) -> object:
        """Take text."""

    def flush(self) -> object:
        """Hand it on."""


def ndjson_line(record: StreamRecord) -> str:
    """Return a record as one line: ASCII, and null for what is not finite."""
    return json.dumps(jsonable(record.to_dict()), allow_nan=False) + "\n"


class NdjsonWriter(RecordWriter):
    """Writes each record as a line and flushes it: the reader may be a program that waits.

    A reader that goes away (`| head`) is no error: `write` answers False from then on.

    Args:
        target: a path, or an open text stream such as `sys.stdout`, which stays open.
        overwrite: replace a file that is there.

    Raises:
        MediaError: the file exists, or cannot be created.
    """

    def __init__(self, target: StrPath | TextSink, *, overwrite: bool = False) -> None:
        self._file: GrowingText | None = None
        self._sink: TextSink | None = None
        if isinstance(target, (str, os.PathLike)):
            self._file = GrowingText(target, overwrite)
        else:
            self._sink = target

    def write(self, record: StreamRecord) -> bool:
        """Write one record; returns whether somebody still reads.

        Raises:
            MediaError: it cannot be written, for instance because the disk is full; said once.
        """
        line = ndjson_line(record)
        if self._file is not None:
            self._file.write(line)
            return True
        if self._sink is None:
            return False
        try:
            self._sink.write(line)
            self._sink.flush()
        except BrokenPipeError:
            self._sink = None
        except OSError as error:
            self._sink = None
            raise MediaError(f"the records cannot be written: {error.strerror or error}") from error
        return self._sink is not None

    def close(self) -> None:
        """Close the file; a stream that was passed in stays open."""
        if self._file is not None:
            self._file.close()
