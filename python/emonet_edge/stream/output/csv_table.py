"""Records as CSV: one row per scored face of a frame and per result of an utterance."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator

from emonet_edge._types import StrPath
from emonet_edge.scores import SYNTHETIC_NOTICE, Scores
from emonet_edge.stream.outcomes import FaceReading, FrameOutcome, StreamRecord, UtteranceOutcome
from emonet_edge.stream.output.files import GrowingText
from emonet_edge.stream.output.labels import raw_values
from emonet_edge.stream.output.writer import RecordWriter
from emonet_edge.taxonomy import ATTRIBUTES, DIMENSIONS, EMOTIONS

__all__ = ["COLUMNS", "HEAD_COLUMNS", "CsvWriter"]

HEAD_COLUMNS = tuple(dict.fromkeys((*EMOTIONS, *ATTRIBUTES, *DIMENSIONS)))
"""A raw score each; empty where the head was not scored, or does not exist for this modality."""

COLUMNS = (
    "modality",  # "face" or "voice"
    "subject",  # the face's track id, or the utterance's number
    "seq",  # the frame's number, or the utterance's update
    "final",  # voice: 1 if the utterance is over, 0 for an update
    "start_s",  # face: when the frame was taken; voice: start of the speech that was scored
    "end_s",  # face: as start_s; voice: end of that speech
    "age_ms",  # from capture to the result
    "scored_age_ms",  # face: how old the scores are, 0 if the encoder ran on this frame
    "x", "y", "width", "height",  # face: the detector's box in pixels
    "detection_score",  # face: 0 to 1
    "device",
    "suite",
    *HEAD_COLUMNS,
    "notice",  # what must be known about the scores, such as that the weights are synthetic
)  # fmt: skip
"""The columns, in this order in every file; times are seconds of the stream's clock."""

# What spreadsheets take for the start of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


class CsvWriter(RecordWriter):
    """Writes `COLUMNS` and then a row for every record that has scores; others are passed over.

    UTF-8, commas, lines that end in a newline, numbers with a point. Text that a spreadsheet would
    take for a formula gets an apostrophe in front.

    Args:
        path: the file.
        overwrite: replace a file that is there.

    Raises:
        MediaError: the file exists, or cannot be created.
    """

    def __init__(self, path: StrPath, *, overwrite: bool = False) -> None:
        self._file = GrowingText(path, overwrite)
        self._file.write(_line(COLUMNS))

    def write(self, record: StreamRecord) -> None:
        """Append the rows of one record.

        Raises:
            MediaError: it cannot be written, for instance because the disk is full; said once.
        """
        if rows := "".join(_line(row) for row in _rows(record)):
            self._file.write(rows)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _rows(record: StreamRecord) -> Iterator[list[object]]:
    if isinstance(record, FrameOutcome):
        for face in record.faces:
            if face.scores is not None:
                yield [*_face_cells(record, face), *_score_cells(face.scores)]
    elif isinstance(record, UtteranceOutcome) and record.scores is not None:
        yield [*_voice_cells(record), *_score_cells(record.scores)]


def _face_cells(frame: FrameOutcome, face: FaceReading) -> list[object]:
    at = frame.captured_at
    start = ["face", face.track, frame.seq, "", at, at, frame.age_ms, face.scored_age_ms]
    return [*start, *face.box, face.detection_score, frame.device]


def _voice_cells(spoken: UtteranceOutcome) -> list[object]:
    start = ["voice", spoken.seq, spoken.update, int(spoken.final), spoken.start, spoken.end]
    return [*start, spoken.age_ms, "", "", "", "", "", "", spoken.device]


def _score_cells(scores: Scores) -> list[object]:
    values = raw_values(scores)
    notice = SYNTHETIC_NOTICE if scores.synthetic else ""
    return [scores.suite, *(values.get(name, "") for name in HEAD_COLUMNS), notice]


def _line(cells: Iterable[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([_cell(cell) for cell in cells])
    return buffer.getvalue()


def _cell(cell: object) -> str:
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
    if isinstance(cell, float):
        return f"{cell:.10g}" if math.isfinite(cell) else ""
    return str(cell)
