"""docs/architecture.md and docs/live.md say: nothing that is seen or heard is stored, or sent."""

from __future__ import annotations

import os
import sys

from emonet_edge.stream import FrameOutcome, LiveSession, UtteranceOutcome
from stream_scene import RATE, detector, face_model, photo, speech, voice_model

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND


def test_a_session_writes_no_file_and_opens_no_connection(shared_data):
    seen, watching = [], [False]

    def watch(event, arguments):
        if watching[0] and event == "open" and (arguments[2] or 0) & WRITES:
            seen.append((event, arguments[0]))
        elif watching[0] and event.startswith(("socket.", "subprocess.", "os.mkdir", "os.rename")):
            seen.append((event, arguments))

    session = LiveSession(face_model(), voice_model(), detector(shared_data), inline=True)
    sys.addaudithook(watch)  # for good, as hooks are: it looks away afterwards
    watching[0] = True
    try:
        with session:
            session.push_frame(photo(shared_data), captured_at=0.0)
            session.push_samples(speech(shared_data), RATE, captured_at=0.0)
            session.flush()
        records = list(session.outcomes())
    finally:
        watching[0] = False
    assert seen == []
    results = [record for record in records if getattr(record, "kind", "") == "result"]
    assert {type(record) for record in results} == {FrameOutcome, UtteranceOutcome}
