"""`emonet-edge live`: from a recording, a pipe or a device to records, files and exit codes."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

import emonet_edge as ee
from clips import RATE, picture_of, write_clip
from emonet_edge.cli import main
from emonet_edge.cli.live import sources as live_sources
from emonet_edge.cli.live import summary as live_summary
from emonet_edge.cli.live import view as live_view
from emonet_edge.scores import SYNTHETIC_NOTICE
from emonet_edge.stream.outcomes import EmotionEvent, Notice
from emonet_edge.synthetic import demo_material
from material import material
from stream_records import (
    face_scores,
    frame_outcome,
    reading,
    scores_of,
    utterance_outcome,
    voice_scores,
)

av = pytest.importorskip("av")
Image = pytest.importorskip("PIL.Image")
soundfile = pytest.importorskip("soundfile")


def environment():
    """This process's own, and the package that it imports: a wheel or the source tree."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Synthetic models are written once, and not into the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("EMONET_MODELS", raising=False)
        yield


@pytest.fixture
def call(capsys):
    """Run `live` in this process; returns its exit code, stdout and stderr."""

    def run(*arguments):
        code = main(["live", *map(str, arguments)])
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture(scope="session")
def drawn_clip(tmp_path_factory):
    """Three seconds of a drawn face that is large enough to be scored, without sound."""
    picture = np.asarray(Image.fromarray(demo_material.draw_face()).resize((240, 300)))
    return write_clip(tmp_path_factory.mktemp("drawn") / "drawn.mp4", [picture] * 30)


@pytest.fixture(scope="session")
def talk(tmp_path_factory):
    """Twelve seconds with two real faces that come and go, and two real utterances."""
    path = tmp_path_factory.mktemp("talk") / "talk.mp4"
    one, other = (picture_of(material(name)) for name in ("astronaut", "officer"))
    pictures = []
    for index in range(120):
        canvas, at = Image.new("RGB", (960, 540), (96, 110, 120)), index / 10
        if at < 8:
            canvas.paste(one, (40 + int(20 * at), 100))
        if 3 <= at < 11:
            canvas.paste(other, (620 - int(15 * at), 100))
        pictures.append(np.asarray(canvas))
    waveform = np.zeros(12 * RATE, np.float32)
    said, rate = soundfile.read(material("german"), dtype="float32")
    # Two pieces of a sentence, where they begin and end in it and when they are said.
    for begin, end, start in ((7.4, 9.25, 1.0), (9.2, 11.9, 4.5)):
        speech = ee.resample(said[round(begin * rate) : round(end * rate)], rate)
        first = int(start * RATE)
        waveform[first : first + len(speech)] = speech
    return write_clip(path, pictures, waveform)


def records_of(text):
    return [json.loads(line) for line in text.splitlines()]


# The whole way


@pytest.fixture(scope="session")
def told(talk, tmp_path_factory):
    """What `live` says and writes about the talk, once for the tests below."""
    folder = tmp_path_factory.mktemp("told")
    detector = material("yunet")
    arguments = [
        "live", "--file", str(talk), "--fast", "--synthetic", "--detector", str(detector),
        "--json", "--all", "--timeline", "out.png", "--csv", "out.csv", "--vtt", "out.vtt",
        "--annotate", "out.mp4",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "emonet_edge", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(records=records_of(done.stdout), err=done.stderr, folder=folder)


def of_type(told, kind):
    return [record for record in told.records if record["type"] == kind]


def test_every_frame_has_one_outcome_and_the_summary_counts_them(told):
    assert sorted(frame["seq"] for frame in of_type(told, "frame")) == list(range(120))
    summary = told.records[-1]
    assert summary["type"] == "summary"
    assert summary["frames"]["submitted"] == 120
    assert summary["frames"]["error"] == summary["utterances"]["error"] == 0
    assert summary["work_ms"]["frame"]["p95"] >= summary["work_ms"]["frame"]["p50"] > 0


def test_the_records_begin_with_the_models_and_the_device_that_runs_them(told):
    start = told.records[0]
    assert (start["type"], start["source"]) == ("start", "talk.mp4")
    assert {model["used"] for model in start["models"].values()} == {"CPU"}


def test_two_people_keep_their_ids_and_are_seen_when_they_are_there(told):
    seen = {}
    for frame in of_type(told, "frame"):
        for face in frame["faces"]:
            if face["scores"] is not None:
                seen.setdefault(face["track"], []).append(frame["captured_at"])
    assert len(seen) == 2
    (first, left), (came, last) = sorted((times[0], times[-1]) for times in seen.values())
    assert (first, left, came, last) == pytest.approx((0.0, 7.9, 3.0, 10.9), abs=0.6)


def test_speech_is_found_where_it_is(told):
    spoken = [utterance for utterance in of_type(told, "utterance") if utterance["final"]]
    assert all(utterance["kind"] == "result" for utterance in spoken)
    assert spoken[0]["start"] == pytest.approx(1.0, abs=0.35)
    assert {utterance["end"] < 3.5 for utterance in spoken} == {True, False}
    assert all(utterance["end"] <= 11.8 for utterance in spoken)


def test_synthetic_scores_carry_the_notice_wherever_they_are(told):
    for frame in of_type(told, "frame"):
        for face in frame["faces"]:
            assert face["scores"] is None or face["scores"]["notice"] == SYNTHETIC_NOTICE
    assert all(u["scores"]["notice"] == SYNTHETIC_NOTICE for u in of_type(told, "utterance"))
    assert SYNTHETIC_NOTICE in told.err
    with (told.folder / "out.csv").open(newline="") as file:
        assert {row["notice"] for row in csv.DictReader(file)} == {SYNTHETIC_NOTICE}
    assert SYNTHETIC_NOTICE in (told.folder / "out.vtt").read_text()


def test_the_files_that_were_asked_for_hold_the_whole_talk(told):
    with (told.folder / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    scored = sum(f["scores"] is not None for r in of_type(told, "frame") for f in r["faces"])
    assert sum(row["modality"] == "face" for row in rows) == scored > 100
    assert sum(row["modality"] == "voice" for row in rows) == len(of_type(told, "utterance"))
    with Image.open(told.folder / "out.png") as picture:
        assert picture.width == 1280
    with av.open(str(told.folder / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 120
    with av.open(str(told.folder / "out.vtt")) as container:
        assert sum(1 for packet in container.demux() if packet.size) > 5


# Sources


def test_a_recording_without_sound_is_scored_for_what_it_has(call, drawn_clip):
    answer = call("--file", drawn_clip, "--fast", "--synthetic", "--device", "CPU")
    assert answer.code == 0
    assert "drawn.mp4 holds no sound: only faces are scored" in answer.err
    assert "the middle of the picture stands for a face" in answer.err
    assert SYNTHETIC_NOTICE in answer.out
    assert "frames: 30 submitted" in answer.out
    assert "voice-small" not in answer.out, "a model that is not needed is not loaded"


def test_a_sound_file_needs_no_face_model(call, tmp_path):
    soundfile.write(tmp_path / "hum.wav", demo_material.synthesize_voice(), RATE)
    answer = call("--audio", tmp_path / "hum.wav", "--fast", "--synthetic", "--json",
                  "--heads", "anger,pride", "--device", "CPU")  # fmt: skip
    assert answer.code == 0, answer.err
    assert list(records_of(answer.out)[0]["models"]) == ["voice"]


def test_what_a_recording_does_not_hold_cannot_be_all_that_is_wanted(call, drawn_clip):
    answer = call("--file", drawn_clip, "--no-face", "--synthetic")
    assert (answer.code, answer.out) == (1, "")
    assert "holds no sound: name another file" in answer.err


def test_files_that_are_missing_or_no_recordings_are_one_line_and_1(call, tmp_path):
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    for name, reason in (("none.mp4", "no such file"), ("noise.mp4", "cannot be read")):
        answer = call("--file", tmp_path / name, "--synthetic")
        assert (answer.code, answer.out) == (1, "")
        (line,) = answer.err.splitlines()
        assert reason in line


def test_a_recording_that_is_damaged_in_the_middle_keeps_what_was_scored(
    call, drawn_clip, tmp_path
):
    data = drawn_clip.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    answer = call("--video", tmp_path / "cut.mp4", "--fast", "--synthetic", "--device", "CPU")
    assert answer.code == 1
    assert "Traceback" not in answer.err


def test_raw_pictures_come_through_a_pipe(call, tmp_path):
    pixels = np.full((10, 48, 64, 3), 120, np.uint8)
    (tmp_path / "raw").write_bytes(pixels.tobytes())
    answer = call("--video", f"pipe:rgb:64x48@10:{tmp_path / 'raw'}", "--fast", "--synthetic",
                  "--json", "--all", "--device", "CPU")  # fmt: skip
    assert answer.code == 0, answer.err
    assert records_of(answer.out)[-1]["frames"]["submitted"] == 10


def test_devices_are_listed_or_it_is_said_what_is_missing(call):
    answer = call("--list-devices")
    if answer.code == 0:
        assert "camera" in answer.out
    else:
        assert answer.code == 3
        assert "pip install" in answer.err or "apt" in answer.err


def test_a_recording_in_real_time_keeps_its_own_times(call, drawn_clip, tmp_path):
    answer = call("--file", drawn_clip, "--synthetic", "--json", "--all", "--device", "CPU",
                  "--timeline", tmp_path / "out.png")  # fmt: skip
    frames = [record for record in records_of(answer.out) if record["type"] == "frame"]
    times = {frame["seq"]: frame["captured_at"] for frame in frames}
    assert [times[seq] for seq in range(30)] == pytest.approx([seq / 10 for seq in range(30)])
    assert all(frame["age_ms"] >= 0 for frame in frames)


# Ends


def test_the_duration_ends_a_fast_recording_in_its_own_time(call, drawn_clip):
    answer = call("--file", drawn_clip, "--fast", "--synthetic", "--json", "--all",
                  "--duration", "1", "--device", "CPU")  # fmt: skip
    assert answer.code == 0
    frames = [record for record in records_of(answer.out) if record["type"] == "frame"]
    assert 1.0 <= frames[-1]["captured_at"] < 1.5


def test_the_duration_ends_a_recording_in_real_time(call, drawn_clip):
    answer = call("--file", drawn_clip, "--synthetic", "--json", "--duration", "0.5",
                  "--device", "CPU")  # fmt: skip
    assert answer.code == 0
    assert records_of(answer.out)[-1]["frames"]["submitted"] < 25


@pytest.mark.parametrize(
    ("number", "source", "code"),
    [(signal.SIGINT, "pipe", 0), (signal.SIGTERM, "pipe", 0), (signal.SIGINT, "file", 130)],
)
def test_it_ends_cleanly_when_it_is_told_to(drawn_clip, tmp_path, number, source, code):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    spec = f"pipe:rgb:64x48:{pipe}" if source == "pipe" else str(drawn_clip)
    arguments = ["--video", spec, "--synthetic", "--json", "--device", "CPU",
                 "--csv", "out.csv", "--timeline", "out.png", "--annotate", "out.mkv"]  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "emonet_edge", "live", *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        writing = os.open(pipe, os.O_RDWR)  # it never ends by itself
        os.write(writing, bytes(64 * 48 * 3))
        lines = [process.stdout.readline()]
        while '"type": "frame"' not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        os.close(writing)
    assert process.returncode == code, err
    assert records_of(out)[-1]["type"] == "summary"
    assert "Traceback" not in err
    for name in ("out.csv", "out.png", "out.mkv"):
        assert (tmp_path / name).stat().st_size > 0


def test_a_reader_that_leaves_ends_it(drawn_clip):
    with subprocess.Popen(
        [sys.executable, "-m", "emonet_edge", "live", "--file", str(drawn_clip), "--synthetic",
         "--json", "--all", "--device", "CPU"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:  # fmt: skip
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read().decode()
        assert process.wait(60) == 141
    assert "Traceback" not in err


# Usage


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "name --camera, --microphone or --file"),
        (["--file", "x.mp4", "--camera"], "--file is picture and sound already"),
        (["--file", "-"], "cannot be read twice"),
        (["--video", "-", "--audio", "-"], "not both"),
        (["--camera", "--video", "x.mp4"], "not allowed with"),
        (["--camera", "--no-face"], "nothing to look at"),
        (["--camera", "--fast"], "--fast is for recordings"),
        (["--camera", "--duration", "0"], "above 0"),
        (["--camera", "--duration", "nan"], "above 0"),
        (["--camera", "--latency-target", "-1"], "from 0"),
        (["--camera", "--max-faces", "0"], "from 1"),
        (["--camera", "--synthetic", "huge"], "invalid choice"),
        (["--camera", "--timeline", "out.gif"], "must end in one of .png"),
        (["--camera", "--annotate", "out.avi"], "must end in one of .mp4"),
        (["--camera", "--csv", "no-such-folder/out.csv"], "there is no folder"),
        (["--file", "x.mp4", "--annotate", "./x.mp4"], "is an input"),
        (["--camera", "--csv", "out.txt", "--vtt", "out.txt"], "is an input or output"),
    ],
)
def test_wrong_usage_is_2_with_the_reason(call, arguments, reason):
    answer = call(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert reason in answer.err


def test_files_that_are_there_are_kept_unless_it_is_said(call, drawn_clip, tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("precious")
    arguments = ["--file", drawn_clip, "--fast", "--synthetic", "--csv", target, "--device", "CPU"]
    answer = call(*arguments)
    assert answer.code == 2
    assert "--csv" in answer.err
    assert "--overwrite" in answer.err
    assert target.read_text() == "precious"
    assert call(*arguments, "--overwrite").code == 0
    assert target.read_text().startswith("modality,")


def test_without_a_model_it_says_where_it_looked(call, drawn_clip, monkeypatch):
    monkeypatch.setenv("EMONET_MODELS", "/nowhere")
    answer = call("--file", drawn_clip)
    assert answer.code == 3
    assert "/nowhere" in answer.err


ON_A_SMALL_DISK = """
import resource, signal, sys
from emonet_edge.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
sys.exit(main(sys.argv[1:]))
"""


def test_a_disk_that_becomes_full_is_said_once_and_the_rest_goes_on(call, drawn_clip, tmp_path):
    arguments = ["--file", drawn_clip, "--fast", "--synthetic", "--device", "CPU"]
    assert call(*arguments, "--duration", "0.1").code == 0  # the models are written and compiled
    files = ["--csv", tmp_path / "out.csv", "--vtt", tmp_path / "out.vtt"]
    # In a process of its own: the limit would hold for this one's log as well.
    answer = subprocess.run(
        [sys.executable, "-c", ON_A_SMALL_DISK, "live", *map(str, arguments), *map(str, files)],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert answer.returncode == 1, answer.stderr
    assert answer.stderr.count("out.csv cannot be written: File too large") == 1
    assert "frames: 30 submitted" in answer.stdout
    assert "Face" in (tmp_path / "out.vtt").read_text()
    assert (tmp_path / "out.csv").read_text().endswith("\n"), "only whole rows"


def test_a_window_without_a_display_is_3(call, drawn_clip, monkeypatch):
    pytest.importorskip("tkinter", reason="this Python has no tkinter")
    monkeypatch.delenv("DISPLAY", raising=False)
    answer = call("--file", drawn_clip, "--fast", "--synthetic", "--window", "--device", "CPU")
    assert answer.code == 3
    assert "set DISPLAY" in answer.err


# What people see


def lines_of(capsys, *records, **options):
    view = live_view.Lines(**{"top": 2, "everything": False, **options})
    for record in records:
        view.write(record)
    return capsys.readouterr().out.splitlines()


def test_a_face_has_a_line_once_a_second_and_others_their_own(capsys):
    scores = scores_of(anger=2.5, awe=1.0)
    found = lines_of(
        capsys,
        *(frame_outcome(i, i / 10, reading(1, scores)) for i in range(15)),
        frame_outcome(15, 1.5, reading(1, scores), reading(2, None, reason="blurred")),
        utterance_outcome(0, 0.4, 1.2, scores_of("voice", pride=1.5)),
        EmotionEvent(1.6, "face", 1, "anger", "rose", 3.125, 3.0),
        Notice(1.7, "governor", "5 frames a second"),
    )
    assert found == [
        "     0.0 s  face 1    Anger 2.50, Awe 1.00  (85 ms)",
        "     1.0 s  face 1    Anger 2.50, Awe 1.00  (85 ms)",
        "     1.5 s  face 2    not scored: blurred",
        "     1.2 s  voice     0.4 to 1.2 s: Pride 1.50, Elation 0.00  (120 ms)",
        "     1.6 s  event     face 1: Anger rose above 3.00 (3.12)",
        "     1.7 s  governor  5 frames a second",
    ]


def test_dropped_outcomes_are_shown_when_they_are_wanted(capsys):
    dropped = frame_outcome(3, 0.1, kind="dropped", reason="a newer frame came first")
    assert lines_of(capsys, dropped) == []
    (line,) = lines_of(capsys, dropped, everything=True)
    assert "3 dropped: a newer frame came first" in line


def test_people_who_left_are_forgotten(capsys):
    view = live_view.Lines(2, False)
    for seq in range(1000):
        view.write(frame_outcome(seq, seq * 10.0, reading(seq, scores_of(anger=1.0))))
    capsys.readouterr()
    assert len(view._due) < 10


def board_text(*records, **options):
    from rich.console import Console

    board = live_view.Board(2, "talk.mp4", **options)
    for record in records:
        board.take(record)
    console = Console(record=True, width=100, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    with console.file:
        console.print(board.render())
    return console.export_text()


def test_the_board_shows_who_is_there_what_was_said_and_how_far_it_is():
    text = board_text(
        frame_outcome(0, 2.0, reading(1, face_scores()), reading(7, scores_of(anger=2.5))),
        utterance_outcome(0, 0.4, 1.2, voice_scores()),
        Notice(2.0, "source", "camera:0: running"),
        frame_outcome(1, 6.0, reading(7, scores_of(anger=3.5))),
        duration=12.0,
        notice=SYNTHETIC_NOTICE,
    )
    assert "6.0 s of 12.0 s" in text
    assert SYNTHETIC_NOTICE in text
    assert "face 7" in text
    assert "3.50" in text
    assert "face 1 " not in text, "who left is not shown any more"
    assert "voice 0 to 1 s" in text
    assert "camera:0: running" in text
    assert "frames: 2 submitted, 2 scored" in text


def test_the_board_says_why_a_face_is_not_scored():
    face = reading(1, None, reason="too small: 31 px, at least 48")
    assert "too small: 31 px" in board_text(frame_outcome(0, 0.0, face, kind="abstained"))


# Counts


def test_the_summary_counts_each_kind_and_only_results_have_a_latency():
    summary = live_summary.Summary()
    for index in range(100):
        face = reading(1, scores_of())
        summary.write(frame_outcome(index, index / 10, face, age_ms=float(index)))
    summary.write(frame_outcome(100, 10.0, kind="dropped", age_ms=9e9))
    summary.write(frame_outcome(101, 10.1, kind="error", age_ms=9e9))
    summary.write(frame_outcome(102, 10.2, age_ms=0.1))  # nobody was there
    summary.write(utterance_outcome(0, 0.0, 1.0, scores_of("voice"), final=False))
    summary.write(utterance_outcome(0, 0.0, 2.0, scores_of("voice"), update=1))
    told = summary.to_dict()
    assert told["frames"] == {
        "submitted": 103, "result": 101, "dropped": 1, "abstained": 0, "error": 1,
    }  # fmt: skip
    assert told["utterances"]["result"] == told["utterances"]["updates"] == 1
    assert told["latency_ms"]["frame"] == {"p50": 49.5, "p95": pytest.approx(94.05)}
    assert told["latency_ms"]["utterance"] == {"p50": 120.0, "p95": None}
    assert summary.lines() == [
        "frames: 103 submitted, 101 scored, 1 dropped, 1 failed; latency p50 50 ms, p95 94 ms",
        "utterances: 1 scored, 1 updates; latency p50 120 ms",
    ]


def test_a_recording_that_is_read_fast_has_work_instead_of_latency():
    summary = live_summary.Summary(fast=True)
    stages = {"detect": 4.0, "embed": 30.0}
    summary.write(frame_outcome(0, 0.0, reading(1, scores_of()), age_ms=0.0, stages_ms=stages))
    assert summary.to_dict()["work_ms"]["frame"]["p50"] == 34.0


def test_nothing_at_all_is_said_as_well():
    assert live_summary.Summary().lines() == ["nothing came: neither a frame nor speech"]


def test_odd_names_are_no_files():
    assert not live_sources._is_file("x" * 10_000)
    assert not live_sources._is_file("a\0b")


def test_a_thread_may_run_it(drawn_clip, capsys):
    """Signals are for the main thread only; another one just runs."""
    codes = []
    command = ["live", "--file", str(drawn_clip), "--fast", "--synthetic", "--device", "CPU"]
    thread = threading.Thread(target=lambda: codes.append(main(command)))
    thread.start()
    thread.join()
    assert codes == [0], capsys.readouterr().err
