"""docs/architecture.md and docs/live.md say: nothing that is seen or heard is stored, or sent."""

from __future__ import annotations

import os
import sys

import emonet_edge as ee
from emonet_edge.stream import FrameOutcome, LiveSession, UtteranceOutcome
from material import material
from stream_scene import face_model, voice_model

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND
OTHER_WAYS = ("socket.", "subprocess.", "os.mkdir", "os.rename", "shutil.", "tempfile.")


def test_a_session_writes_no_file_and_opens_no_connection(tmp_path):
    seen, watching = [], [False]

    def watch(event, arguments):
        if watching[0] and event == "open" and (arguments[2] or 0) & WRITES:
            seen.append((event, arguments[0]))
        elif watching[0] and event.startswith(OTHER_WAYS):
            seen.append((event, arguments))

    image = ee.media.load_image(material("astronaut"))
    samples, rate = ee.media.load_audio(material("german"))
    detector = ee.FaceDetector.load(material("yunet"))
    session = LiveSession(face_model(), voice_model(), detector, inline=True)
    sys.addaudithook(watch)  # for good, as hooks are: it looks away afterwards
    watching[0] = True
    try:
        with session:
            session.push_frame(image, captured_at=0.0)
            session.push_samples(samples, rate, captured_at=0.0)
            session.flush()
        records = list(session.outcomes())
        assert seen == []
        (tmp_path / "seen").touch()  # the hook does see what is written
    finally:
        watching[0] = False
    assert seen
    results = [record for record in records if getattr(record, "kind", "") == "result"]
    assert {type(record) for record in results} == {FrameOutcome, UtteranceOutcome}
