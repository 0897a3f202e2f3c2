"""The command line: what people and scripts rely on."""

from __future__ import annotations

import argparse
import io
import json
import re
import resource
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from emonet_edge import __version__, exceptions
from emonet_edge.cli import exit_codes, main, options, output, verify
from emonet_edge.cli.scoring import windows
from emonet_edge.cli.targets import TargetError, plan_targets

COMMANDS = (
    "demo",
    "face",
    "voice",
    "live",
    "info",
    "verify",
    "bench",
    "bench compare",
    "synthesize",
)


@pytest.fixture
def call(capsys):
    """Run a command in this process; returns its exit code, stdout and stderr."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


# Help and usage


def test_the_version_is_the_package_s(call):
    assert call("--version").out == f"emonet-edge {__version__}\n"


def test_help_lists_every_command_and_exit_code(call):
    answer = call("--help")
    assert answer.code == 0
    for word in (*COMMANDS, "export", "130"):
        assert word in answer.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_s_help_has_an_example(call, command):
    answer = call(*command.split(), "--help")
    assert answer.code == 0
    assert f"example:\n  emonet-edge {command}" in answer.out
    assert "exit codes:" in answer.out


def test_help_is_quick_and_loads_nothing_heavy():
    program = (
        "import sys\n"
        "from emonet_edge.cli import main\n"
        "main(['--help'])\n"
        "heavy = {'openvino', 'rich', 'numpy', 'PIL', 'soundfile'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time, because other work may run beside the tests; 0.15 s alone.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.4


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["bogus"],
        ["face"],
        ["face", "x.png", "--box", "1,2,3"],
        ["face", "x.png", "--box", "1,2,0,4"],
        ["face", "x.png", "--box", "1,2,nan,4"],
        ["face", "x.png", "--top", "0"],
        ["face", "x.png", "y.png", "--annotate", "out.png"],
        ["face", "x.png", "--annotate", "no-such-folder/out.png"],
        ["face", "x.png", "--annotate", "x.png"],
        ["voice", "x.wav", "--hop", "31"],
        ["voice", "x.wav", "--hop", "0"],
        ["voice", "x.wav", "--memory-budget", "lots"],
        ["voice", "x.wav", "--heads", ","],
        ["bench", "--runs", "-1"],
        ["synthesize", "face", "--out", "x", "--heads", "anger"],
    ],
)
def test_wrong_usage_is_2_with_a_reason(call, arguments):
    answer = call(*arguments)
    assert answer.code == 2
    assert answer.out == ""
    assert "usage: emonet-edge" in answer.err


def test_a_missing_file_is_said_before_any_model_is_looked_for(call, monkeypatch):
    monkeypatch.setenv("EMONET_MODELS", "/nowhere")
    for command in ("face", "voice"):
        answer = call(command, "no-such-file")
        assert answer.code == 1
        assert answer.err == "emonet-edge: no-such-file: no such file\n"


# Options


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2GiB", 2**31), ("1500MB", 1_500_000_000), ("1.5 gib", 3 * 2**29), ("800M", 800_000_000),
     ("4096", 4096)],
)  # fmt: skip
def test_sizes_have_units(text, expected):
    assert options.size(text) == expected


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "2XB", "0", "1e9", "nan"])
def test_other_sizes_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="2GiB"):
        options.size(text)


def test_a_box_may_be_fractions_and_start_outside():
    assert options.box("-1.5,2,3,4.25") == (-1.5, 2.0, 3.0, 4.25)


# Windows


@pytest.mark.parametrize(
    ("seconds", "hop", "expected"),
    [
        (0.5, 15, [(0, 0.5)]),
        (30, 15, [(0, 30)]),
        (31, 15, [(0, 30), (1, 31)]),
        (45, 15, [(0, 30), (15, 45)]),
        (52, 15, [(0, 30), (15, 45), (22, 52)]),
        (90, 30, [(0, 30), (30, 60), (60, 90)]),
    ],
)
def test_windows_follow_the_hop_and_the_last_ends_with_the_clip(seconds, hop, expected):
    rate = 8000
    found = windows(round(seconds * rate), rate, hop)
    assert [(start / rate, end / rate) for start, end in found] == expected


@pytest.mark.parametrize("seconds", np.random.default_rng(0).uniform(1, 400, 20))
@pytest.mark.parametrize("hop", [1.0, 7.3, 30.0])
def test_windows_leave_no_sample_out(seconds, hop):
    samples = int(seconds * 44_100)
    found = windows(samples, 44_100, hop)
    assert found[0][0] == 0
    assert found[-1][1] == samples
    for (start, end), (next_start, _) in pairwise(found):
        assert start < next_start <= end


# Targets of drawings


def test_one_drawing_goes_to_the_named_file(tmp_path):
    assert plan_targets(["a.jpg"], str(tmp_path / "b.png"), "emotions") == [tmp_path / "b.png"]
    assert plan_targets(["a.jpg", "b.jpg"], None, "emotions") == [None, None]


def test_many_drawings_go_to_a_folder_without_overwriting_each_other(tmp_path):
    found = plan_targets(["a/x.jpg", "b/x.png", "-"], f"{tmp_path}/new/", "emotions")
    names = [path.name for path in found]
    assert names == ["x-emotions.png", "x-emotions-2.png", "stdin-emotions.png"]


def test_a_drawing_never_replaces_its_source(tmp_path):
    source = tmp_path / "x.png"
    source.touch()
    with pytest.raises(TargetError, match="is an input"):
        plan_targets([str(source)], f"{tmp_path}/./x.png", "emotions")


# Output


def test_json_is_one_ascii_line_without_nan(capsys):
    output.emit(
        {"file": "na\udcffme\n.png", "x": float("nan"), "y": np.float32(1.5), "z": (1, np.int64(2))}
    )
    (line,) = capsys.readouterr().out.splitlines()
    assert line.isascii()
    record = json.loads(line)
    assert record["file"] == "na\udcffme\n.png"
    assert (record["x"], record["y"], record["z"]) == (None, 1.5, [1, 2])


def test_a_failure_is_one_line_whatever_the_name(capsys):
    output.fail("bad\x1b[2J\nname.png", exceptions.MediaError("it is\nbroken"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line == r"emonet-edge: bad\x1b[2J\nname.png: it is broken"


@pytest.mark.parametrize(
    ("encoding", "full"), [("utf-8", "█" * 10), ("ascii", "#" * 10), ("latin-1", "#" * 10)]
)
def test_bars_use_characters_that_the_terminal_has(monkeypatch, encoding, full):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert output.bar(7.0, 7.0, 10) == full
    assert output.bar(99.0, 7.0, 10) == full
    assert len(output.bar(3.5, 7.0, 10)) == 5
    assert output.bar(-1.0, 7.0, 10) == output.bar(float("nan"), 7.0, 10) == ""


def test_tables_have_no_colours_where_there_is_no_terminal(capsys):
    output.print_table(["emotion", ">score"], [("\x1b[31mJoy", "1.0")])
    text = capsys.readouterr().out
    assert "Joy" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (exceptions.UnknownNameError("x"), 2),
        (exceptions.ImageError("x"), 1),
        (exceptions.MediaError("x"), 1),
        (exceptions.ModelNotFoundError("x"), 3),
        (exceptions.DeviceError("x"), 3),
        (exceptions.MemoryBudgetError("x"), 3),
        (exceptions.MissingExtraError("x"), 3),
    ],
)
def test_errors_have_their_exit_codes(error, code):
    assert exit_codes.of(error) == code


# Commands of other packages


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A real installed distribution with entry points, on a path of its own."""
    info = tmp_path / "plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[emonet_edge.commands]\n"
        "wave = emonet_test_plugin:main\n"
        "broken = emonet_test_plugin_broken:main\n"
        "export = emonet_test_plugin_broken:main\n"
    )
    (tmp_path / "emonet_test_plugin.py").write_text(
        "def main(argv):\n    print('waving', argv)\n    return 7\n"
    )
    (tmp_path / "emonet_test_plugin_broken.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "argv", list(sys.argv))


def test_export_without_its_extra_is_one_line_with_the_remedy(call, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    for name in [name for name in sys.modules if name.startswith("emonet_edge_export")]:
        monkeypatch.delitem(sys.modules, name)
    answer = call("export", "face", "--suite", "small", "--out", tmp_path / "out")
    assert answer.code == 3
    assert answer.err.count("\n") == 1
    assert "pip install 'emonet-edge[export]'" in answer.err


@pytest.mark.usefixtures("plugin")
def test_a_command_of_another_package_gets_the_rest_of_the_line(call):
    answer = call("wave", "--both", "hands")
    assert (answer.code, answer.out) == (7, "waving ['--both', 'hands']\n")


@pytest.mark.usefixtures("plugin")
def test_a_command_that_lacks_a_library_says_which_extra_brings_it(call):
    answer = call("export")
    assert answer.code == 3
    assert answer.err.count("\n") == 1
    assert "no_such_library" in answer.err
    assert "pip install 'emonet-edge[export]'" in answer.err


# verify, without a model


def test_progress_over_files_is_progress_over_bytes():
    seen = []
    sizes = {"a.bin": 300, "b.bin": 100, "empty": 0}
    advance = verify.overall(sizes, lambda name, share: seen.append(share))
    for name in sizes:
        advance(name, 0.5)
        advance(name, 1.0)
    assert seen == [0.375, 0.75, 0.875, 1.0, 1.0, 1.0]


def test_a_folder_without_a_manifest_is_3(call, tmp_path):
    answer = call("verify", tmp_path)
    assert answer.code == 3
    assert "manifest.json" in answer.err


# With models: tiny synthetic ones, written once by the command itself


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("models")
    assert main(["synthesize", "face", "--out", str(folder / "face")]) == 0
    heads = "anger,interest,pride,valence"
    assert main(["synthesize", "voice", "--heads", heads, "--out", str(folder / "voice")]) == 0
    return SimpleNamespace(face=folder / "face", voice=folder / "voice")


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> SimpleNamespace:
    image_module = pytest.importorskip("PIL.Image")
    soundfile = pytest.importorskip("soundfile")
    from emonet_edge.synthetic import demo_material

    folder = tmp_path_factory.mktemp("files")
    image_module.fromarray(demo_material.draw_face()).save(folder / "face.png")
    for name, seconds in (("short.wav", 3.0), ("long.wav", 50.0)):
        soundfile.write(folder / name, demo_material.synthesize_voice(seconds), 16_000)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    return SimpleNamespace(
        picture=folder / "face.png",
        short=folder / "short.wav",
        long=folder / "long.wav",
        broken=folder / "broken.png",
    )


def records(answer) -> list[dict]:
    return [json.loads(line) for line in answer.out.splitlines()]


def notice() -> str:
    import emonet_edge as ee

    return ee.scores.SYNTHETIC_NOTICE


def test_a_picture_is_scored_for_people(call, models, files):
    answer = call("face", files.picture, "--model", models.face, "--top", "3")
    assert answer.code == 0
    assert "480x600, whole picture" in answer.out
    assert len(re.findall(r"^  [A-Z][^\n]* -?\d+\.\d\d", answer.out, re.MULTILINE)) == 3
    assert notice() in answer.out


def test_a_picture_is_scored_for_programs(call, models, files):
    box = "100,80,280,400"
    answer = call("face", files.picture, "--model", models.face, "--box", box, "--json")
    (record,) = records(answer)
    assert record["box"] == [100, 80, 280, 400]
    assert record["synthetic"] is True
    assert len(record["scores"]["raw"]) == 44
    assert set(record["times_ms"]) == {"read", "prepare", "encoder", "heads", "total"}
    assert notice() in answer.err


def test_the_box_is_what_is_scored(call, models, files):
    def raw(*extra):
        answer = call("face", files.picture, "--model", models.face, "--json", *extra)
        return records(answer)[0]["scores"]["raw"]

    assert raw() != raw("--box", "180,260,60,40")
    assert raw() == raw("--box", "0,0,480,600")


def test_a_bad_input_is_a_line_and_the_others_are_scored(call, models, files):
    sources = [files.broken, files.picture, "missing.png"]
    answer = call("face", *sources, "--model", models.face, "--json")
    assert answer.code == 1
    assert [record["file"] for record in records(answer)] == [str(files.picture)]
    failures = [line for line in answer.err.splitlines() if "png" in line]
    assert len(failures) == 2
    assert "Traceback" not in answer.err


def test_every_result_says_which_device_was_asked_and_used(call, models, files):
    answer = call("face", files.picture, "--model", models.face, "--device", "CPU", "--json")
    model = records(answer)[0]["model"]
    assert (model["asked"], model["used"]) == ("CPU", "CPU")
    people = call("face", files.picture, "--model", models.face).out
    assert "on CPU (asked: AUTO)" in people


def test_a_box_outside_the_picture_is_that_picture_s_failure(call, models, files):
    answer = call("face", files.picture, "--model", models.face, "--box", "400,0,200,200")
    assert answer.code == 1
    assert str(files.picture) in answer.err


def test_an_annotated_picture_is_written(call, models, files, tmp_path):
    from PIL import Image

    target = tmp_path / "out.png"
    answer = call("face", files.picture, "--model", models.face, "--annotate", target)
    assert answer.code == 0
    with Image.open(target) as drawn:
        assert drawn.size[0] > 900


def test_a_short_clip_is_one_window_with_levels(call, models, files):
    answer = call("voice", files.short, "--model", models.voice, "--json")
    (record,) = records(answer)
    assert (record["start_s"], record["end_s"], record["windows"]) == (0.0, 3.0, 1)
    assert set(record["scores"]["raw"]) == {"anger", "interest", "pride", "valence"}


def test_a_long_clip_is_scored_in_windows_with_a_timeline(call, models, files, tmp_path):
    target = tmp_path / "out.png"
    answer = call(
        "voice", files.long, "--model", models.voice, "--hop", "10", "--json",
        "--heads", "pride,anger", "--timeline", target,
    )  # fmt: skip
    spans = [(record["start_s"], record["end_s"]) for record in records(answer)]
    assert spans == [(0.0, 30.0), (10.0, 40.0), (20.0, 50.0)]
    assert target.stat().st_size > 5000
    assert all(set(r["scores"]["raw"]) == {"pride", "anger"} for r in records(answer))


def test_an_unknown_head_is_wrong_usage(call, models, files):
    answer = call("voice", files.short, "--model", models.voice, "--heads", "angre")
    assert answer.code == 2
    assert "angre" in answer.err


def test_an_unknown_device_or_model_is_3(call, models, files, tmp_path):
    answers = [
        call("face", files.picture, "--model", models.face, "--device", "TOASTER"),
        call("face", files.picture, "--model", tmp_path / "nothing"),
    ]
    for answer in answers:
        assert answer.code == 3
        assert answer.err.startswith("emonet-edge: ")
        assert answer.err.count("\n") == 1


def test_a_whole_directory_is_verified_and_an_altered_one_is_1(call, models, tmp_path):
    import shutil

    answer = call("verify", models.voice, "--json")
    (record,) = records(answer)
    assert (answer.code, record["ok"]) == (0, True)
    copy = tmp_path / "copy"
    shutil.copytree(models.voice, copy)
    with (copy / "encoder.bin").open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    answer = call("verify", copy)
    assert answer.code == 1
    assert f"{copy}/encoder.bin: sha256 is" in answer.out


def test_info_says_the_version_and_the_isa(call):
    (record,) = records(call("info", "--json"))
    assert record["isa"]
    assert __version__ in json.dumps(record)
    assert "isa" in call("info").out


def test_the_demo_works_offline_and_keeps_its_models(call, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first, second = call("demo"), call("demo", "--json")
    assert (first.code, second.code) == (0, 0)
    assert "writing a synthetic" in first.err
    assert notice() in first.out
    assert "writing a synthetic" not in second.err
    assert [record["file"] for record in records(second)] == ["drawn face", "synthesised voice"]
    assert all(record["synthetic"] for record in records(second))


def test_the_demo_takes_the_user_s_files(call, files, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    answer = call("demo", files.picture, files.short, "--json")
    assert [record["file"] for record in records(answer)] == [str(files.picture), str(files.short)]


def test_a_reader_that_goes_away_is_no_error_message(models, files):
    command = [sys.executable, "-m", "emonet_edge", "face", "--model", str(models.face), "--json"]
    with subprocess.Popen(
        [*command, *[str(files.picture)] * 40],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert json.loads(process.stdout.readline())["synthetic"] is True
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 141
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors


def test_a_full_disk_is_one_line(models, files):
    command = [sys.executable, "-m", "emonet_edge", "face", "--model", str(models.face)]
    for extra in ([], ["--json"]):
        with Path("/dev/full").open("w") as full:
            answer = subprocess.run(
                [*command, str(files.picture), *extra],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert answer.returncode == 3
        assert "emonet-edge: the results cannot be written: No space left" in answer.stderr
        assert "Traceback" not in answer.stderr


def test_an_interrupt_is_130_without_a_traceback(call, models, files, monkeypatch):
    from emonet_edge import media

    def interrupted(source):
        raise KeyboardInterrupt

    monkeypatch.setattr(media, "load_image", interrupted)
    answer = call("face", files.picture, "--model", models.face)
    assert answer.code == 130
    assert answer.err.splitlines()[-1] == "emonet-edge: interrupted"
