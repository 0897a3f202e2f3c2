"""What docs/live.md and the README show can be run as it stands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import emonet_edge as ee
from clips import picture_of, write_clip
from emonet_edge.stream import output
from material import material

ROOT = Path(__file__).parents[1]


def code_of(document, containing):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text("utf-8"), re.DOTALL)
    (found,) = [block for block in blocks if containing in block]
    return found


@pytest.fixture
def models(tmp_path):
    """The places that the examples name, and a second of a face as their camera."""
    ee.synthetic.write_face_model(tmp_path / "models" / "face-small", preset="tiny")
    heads = ["anger", "fear", "sadness"]
    ee.synthetic.write_voice_model(tmp_path / "models" / "voice-small", preset="tiny", heads=heads)
    face = np.asarray(picture_of(material("astronaut")))
    write_clip(tmp_path / "clip.mp4", [face] * 10, np.zeros(16_000, np.float32))
    return {
        'FaceDetector.load("models/face-small")': f'FaceDetector.load("{material("yunet")}")',
        '"models/': f'"{tmp_path}/models/',
        '"camera:0"': f'"{tmp_path}/clip.mp4"',
        '"mic"': f'"{tmp_path}/clip.mp4"',
    }


def run(code, places, **names):
    for place, here in places.items():
        code = code.replace(place, here)
    exec(compile(code, "example", "exec"), names)


@pytest.mark.parametrize("document", ["docs/live.md", "README.md"])
def test_the_session_that_is_shown_runs(document, models, capsys):
    names = {"ee": ee}
    if document == "README.md":
        loading = code_of("docs/live.md", "LiveSession").split("detector =")[0]
        run(code := loading + code_of(document, "LiveSession"), models, **names)
    else:
        run(code := code_of(document, "LiveSession"), models, **names)
    assert "outcomes()" in code
    assert "'type': 'frame', 'kind': 'result'" in capsys.readouterr().out


def test_every_name_of_the_documentation_exists():
    text = (ROOT / "docs/live.md").read_text("utf-8")
    for name in re.findall(r"\b(\w+(?:Options|Writer|Video|Window|Timeline|Session))\b", text):
        assert hasattr(ee.stream, name) or hasattr(output, name), name
    for name in re.findall(r"output\.(\w+)", text):
        assert hasattr(output, name), name


def test_every_option_of_the_documentation_exists(capsys):
    from emonet_edge.cli import main

    main(["live", "--help"])
    usage = capsys.readouterr().out
    for document in ("docs/live.md", "README.md"):
        text = (ROOT / document).read_text("utf-8")
        for command in re.findall(r"emonet-edge live ([^`]*)`", text):
            for option in re.findall(r"--[a-z-]+", command):
                assert option in usage, option
    for option in re.findall(r"`(--[a-z-]+)`", (ROOT / "docs/live.md").read_text("utf-8")):
        assert option in usage, option


def test_the_record_types_are_the_documented_ones():
    from emonet_edge.stream import EmotionEvent, FusedState, Notice
    from stream_records import frame_outcome, utterance_outcome

    records = (
        frame_outcome(0, 0.0),
        utterance_outcome(0, 0.0, 1.0, None),
        EmotionEvent(0.0, "face", 1, "anger", "rose", 3.0, 2.0),
        FusedState(0.0, {}, {}, {}, None, False),
        Notice(0.0, "source", "x"),
    )
    told = {json.loads(output.ndjson_line(record))["type"] for record in records}
    table = (ROOT / "docs/live.md").read_text("utf-8").split("| type | is |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == told
