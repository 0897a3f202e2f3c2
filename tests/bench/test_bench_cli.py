"""`emonet-edge bench`: what people and scripts get from it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from emonet_edge.cli import main

ANY_MODEL = ["--runs", "2", "--warmup", "1", "--device", "CPU"]


@pytest.fixture
def call(capsys):
    """Run a command in this process; returns its exit code, stdout and stderr."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> SimpleNamespace:
    import emonet_edge as ee

    folder = tmp_path_factory.mktemp("bench-models")
    ee.synthetic.write_face_model(folder / "face", preset="tiny")
    ee.synthetic.write_voice_model(folder / "voice", preset="tiny", heads=["anger", "pride"])
    return SimpleNamespace(face=folder / "face", voice=folder / "voice")


def records(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def notice() -> str:
    import emonet_edge as ee

    return ee.scores.SYNTHETIC_NOTICE


def test_every_device_of_every_model_is_a_record(call, models, tmp_path):
    target = tmp_path / "saved.json"
    answer = call(
        "bench", models.face, models.voice, "--runs", 20, "--warmup", 1, "--json",
        "--output", target,
    )  # fmt: skip
    assert answer.code == 0
    assert notice() in answer.err
    assert target.read_text() == answer.out
    found = records(answer.out)
    for modality in ("face", "voice"):
        rows = {row["device"]: row for row in found if row["modality"] == modality}
        assert rows["CPU"]["status"] == "measured"
        assert rows["AUTO"]["status"] == "same"
        assert all(row["reason"] for row in rows.values() if row["status"] in ("absent", "failed"))
        _check_figures(rows["CPU"])


def _check_figures(record):
    assert set(record["stages_ms"]) == {"prepare", "encoder", "heads", "total"}
    total = record["stages_ms"]["total"]
    assert 0 < total["min"] <= total["p50"] <= total["p95"] <= total["max"]
    assert total["p99"] is None
    assert set(record["unsupported"]) == {"p99", "p99.9"}
    assert total["rate"] == pytest.approx(1000 / total["mean"])
    assert (record["runs"], record["warmup"]) == (20, 1)
    assert (record["compile"]["cold_cache"], record["compile"]["warm_cache"]) == ("miss", "hit")
    assert record["first"]["cold_s"] > record["compile"]["cold_s"] > 0
    assert record["first"]["warm_s"] > record["compile"]["warm_s"] > 0
    assert "pages" in record["first"]["cold_note"]
    memory = record["memory"]
    assert memory["peak_bytes"] >= memory["resident_bytes"] > memory["anonymous_bytes"] > 1e7
    assert memory["first_peak_bytes"] > 1e7
    assert 0 < record["cpu_share"] <= record["machine"]["cpus"] + 0.5
    assert record["same_scores_at_the_end"] is True
    assert (record["energy"]["joules_per_result"] is None) == bool(record["energy"]["reason"])
    assert 0 < record["encoder"]["int8_ops"] < record["encoder"]["total_ops"]
    # The synthetic INT8 models leave it to the device: bf16 where the CPU has it.
    assert record["encoder"]["precision_hint"] in ("f32", "bf16")
    assert record["machine"]["versions"]["openvino"]


def test_people_get_tables_with_what_is_missing_and_why(call, models):
    answer = call("bench", models.face, "--runs", 2, "--no-cold")
    assert answer.code == 0
    assert notice() in answer.out
    for text in (
        "2 runs in",
        "after 3 not counted",
        "no p99.9: it needs 1000 runs, there were 2",
        "first result cold: not measured (--no-cold)",
        "operations in INT8",
        "on AUTO: takes ",
        "isa ",
    ):
        assert text in answer.out
    assert "p95 ms" not in answer.out


def test_an_absent_accelerator_is_a_row_and_1_when_it_was_asked_for(call, models):
    answer = call("bench", models.face, *ANY_MODEL, "--device", "gpu.77,cpu", "--no-cold", "--json")
    assert answer.code == 1
    absent, measured = records(answer.out)
    assert (absent["device"], absent["status"]) == ("GPU.77", "absent")
    assert "GPU.77 is not among the devices here" in absent["reason"]
    assert measured["status"] == "measured"


def test_a_measuring_process_that_dies_is_a_row(call, models, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")  # as a driver would take it down
    answer = call("bench", models.face, "--runs", "2", "--json")
    assert answer.code == 1
    rows = {record["device"]: record for record in records(answer.out)}
    assert rows["CPU"]["status"] == "failed"
    assert "died with code 1" in rows["CPU"]["reason"]
    assert rows["AUTO"]["status"] == "same"


def test_a_first_result_that_had_to_compile_is_not_called_warm(call, models, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    arguments = ["bench", models.face, *ANY_MODEL, "--no-cold", "--json"]
    (first,), (second,) = records(call(*arguments).out), records(call(*arguments).out)
    assert (first["compile"]["warm_cache"], first["first"]["warm_s"]) == ("miss", None)
    assert second["compile"]["warm_cache"] == "hit"
    assert second["first"]["warm_s"] == second["first"]["seconds"] > 0


def test_settings_reach_the_measurement(call, models):
    answer = call(
        "bench", models.voice, *ANY_MODEL, "--no-cold", "--json", "--batch", 2, "--threads", 1,
        "--heads", "pride", "--precision-hint", "f32", "--cores", "performance",
    )  # fmt: skip
    (record,) = records(answer.out)
    encoder = record["encoder"]
    assert (encoder["batch"], encoder["threads"], encoder["cores"]) == (2, 1, "performance")
    assert encoder["precision_asked"] == "f32"
    assert record["heads"]["count"] == 1
    total = record["stages_ms"]["total"]
    assert total["rate"] == pytest.approx(2000 / total["mean"])


def test_seconds_end_the_runs(call, models):
    answer = call("bench", models.face, "--seconds", 0.5, "--device", "CPU", "--no-cold", "--json")
    (record,) = records(answer.out)
    assert record["settings"]["runs"] is None
    last = record["stages_ms"]["total"]["max"] / 1000
    assert 0.5 <= record["wall_s"] < 0.6 + 2 * last


def test_without_a_model_synthetic_ones_are_written_and_kept(call, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    arguments = ["bench", "--preset", "tiny", *ANY_MODEL, "--no-cold", "--json"]
    first, second = call(*arguments), call(*arguments)
    assert first.err.count("writing a synthetic") == 2
    assert str(tmp_path) in first.err
    assert "some seconds" in first.err
    assert "writing a synthetic" not in second.err
    assert [record["modality"] for record in records(second.out)] == ["face", "voice"]


def test_an_unknown_device_is_3_in_one_line(call, models):
    answer = call("bench", models.face, "--device", "TOASTER")
    assert answer.code == 3
    assert "TOASTER" in answer.err
    assert "Traceback" not in answer.err


def test_an_unknown_head_is_2(call, models):
    answer = call("bench", models.voice, *ANY_MODEL, "--heads", "angre")
    assert answer.code == 2
    assert "angre" in answer.err


def test_a_model_that_cannot_be_used_does_not_stop_the_others(call, models, tmp_path):
    answer = call("bench", tmp_path, models.face, *ANY_MODEL, "--no-cold", "--json")
    assert answer.code == 1
    assert len(records(answer.out)) == 1
    assert str(tmp_path) in answer.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--seconds", "0"],
        ["--seconds", "nan"],
        ["--batch", "0"],
        ["--cores", "fast"],
        ["--output", "no-such-folder/x.json"],
        ["--output", "."],
    ],
)
def test_wrong_usage_is_2_before_anything_is_measured(call, arguments):
    answer = call("bench", *arguments)
    assert answer.code == 2
    assert "usage: emonet-edge bench" in answer.err
    assert answer.out == ""


def test_an_interrupted_benchmark_leaves_no_process_behind(models):
    command = [sys.executable, "-m", "emonet_edge", "bench", str(models.face), "--runs", "1000000"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        for line in process.stderr:
            if "measuring" in line:
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)  # ends only when no child holds the pipe
    assert process.returncode == 130
    assert "Traceback" not in errors
