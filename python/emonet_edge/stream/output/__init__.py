"""What a stream's records become: lines, tables, captions, pictures, a video, a window.

Each writer takes records with `write(record)` and is a context manager; a file that is there is
never replaced unless `overwrite=True`.
"""

from emonet_edge.stream.output.csv_table import COLUMNS, CsvWriter
from emonet_edge.stream.output.files import check_target
from emonet_edge.stream.output.labels import (
    label,
    raw_values,
    reading_values,
    top_emotions,
    top_text,
)
from emonet_edge.stream.output.ndjson import NdjsonWriter, ndjson_line
from emonet_edge.stream.output.tap import TappedVideo
from emonet_edge.stream.output.timeline import StreamTimeline, TimelineFile
from emonet_edge.stream.output.video import VIDEO_SUFFIXES, AnnotatedVideo
from emonet_edge.stream.output.webvtt import WebVttWriter
from emonet_edge.stream.output.window import OverlayWindow
from emonet_edge.stream.output.writer import RecordWriter

__all__ = [
    "COLUMNS",
    "VIDEO_SUFFIXES",
    "AnnotatedVideo",
    "CsvWriter",
    "NdjsonWriter",
    "OverlayWindow",
    "RecordWriter",
    "StreamTimeline",
    "TappedVideo",
    "TimelineFile",
    "WebVttWriter",
    "check_target",
    "label",
    "ndjson_line",
    "raw_values",
    "reading_values",
    "top_emotions",
    "top_text",
]
