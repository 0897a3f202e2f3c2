"""`emonet-edge verify DIR --on-this-machine`: a table, records, and an exit code to rely on."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from certified_models import behind, copied, edit_encoder, reseal
from emonet_edge.certificate import CERTIFICATE_NAME
from emonet_edge.cli import main


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def verify(capsys):
    """Run the command in this process; returns its exit code, stdout and stderr."""

    def run(directory, *arguments):
        code = main(["verify", str(directory), "--on-this-machine", *arguments])
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def wrong(certified, tmp_path):
    """A directory whose encoder is off by a few percent."""
    copy = copied(certified["voice", "int8"], tmp_path)
    edit_encoder(
        copy,
        lambda openvino, model: behind(
            openvino, model, "Gelu", lambda opset, out: opset.multiply(out, np.float32(1.1))
        ),
    )
    return copy


def test_people_get_a_table_and_a_conclusion(verify, certified):
    answer = verify(certified["face", "int8"])
    assert answer.code == 0
    assert "whole and unaltered" in answer.out
    assert "certified on" in answer.out
    assert answer.out.splitlines()[-1].endswith("AUTO takes CPU: as certified")


def test_programs_get_a_record_per_device(verify, certified):
    answer = verify(certified["face", "fp32"], "--json")
    files, *devices = [json.loads(line) for line in answer.out.splitlines()]
    assert (answer.code, files["ok"]) == (0, True)
    taken = [record for record in devices if record.get("automatic")]
    assert [record["verdict"] for record in taken] == ["as certified"]
    assert taken[0]["hint"] == taken[0]["precision_hint"] == "f32"
    assert taken[0]["certified"]["inputs"] == 4
    assert taken[0]["certified"]["machine"]["openvino"]
    assert set(taken[0]["distance"]) == {"encoder", "heads", "whole"}
    by_itself = next(r for r in devices if r["device"] == "CPU" and not r["as_loaded"])
    assert by_itself["hint"] is None
    here = {record["device"].split(".")[0] for record in devices}
    assert {"CPU", "GPU", "NPU"} <= here
    absent = [record for record in devices if record["verdict"] == "not here"]
    assert all(record["device"] in ("GPU", "NPU") for record in absent)


def test_a_wrong_encoder_is_1_and_says_by_how_much(verify, wrong):
    answer = verify(wrong)
    assert answer.code == 1
    assert "whole and unaltered" in answer.out  # the manifest lists the wrong encoder
    assert "further: " in answer.out
    assert "CPU: encoder: " in answer.out
    assert answer.out.splitlines()[-1].endswith("further from FP32 than certified")


def test_damaged_files_are_not_run(verify, certified, tmp_path):
    copy = copied(certified["face", "fp32"], tmp_path)
    with (copy / "encoder.bin").open("r+b") as file:
        file.write(b"\xff")
    answer = verify(copy)
    assert answer.code == 1
    assert "DAMAGED" in answer.out
    assert "AUTO" not in answer.out


def test_a_directory_without_a_certificate_is_3_with_the_remedy(verify, certified, tmp_path):
    copy = copied(certified["face", "fp32"], tmp_path)
    (copy / CERTIFICATE_NAME).unlink()
    reseal(copy, lambda document: document["files"].pop(CERTIFICATE_NAME))
    answer = verify(copy)
    assert answer.code == 3
    assert "export the model again" in answer.err.splitlines()[-1]


def test_a_hostile_certificate_is_3_and_one_line(verify, certified, tmp_path):
    copy = copied(certified["face", "fp32"], tmp_path)
    (copy / CERTIFICATE_NAME).write_bytes(b"\x80\x04\x95" + bytes(1000))
    reseal(copy)
    answer = verify(copy, "--json")
    assert answer.code == 3
    assert "claims a header of" in answer.err.splitlines()[-1]
    assert "Traceback" not in answer.err
