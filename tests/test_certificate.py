"""Checking devices: silent where all is as certified, and clear about each kind of fault."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import emonet_edge as ee
from certified_models import behind, copied, edit_encoder, reseal
from emonet_edge.certificate import CERTIFICATE_NAME, Certificate, check_devices
from emonet_edge.exceptions import DeviceError, IntegrityError, ModelDirectoryError
from emonet_edge.inference.openvino_core import core
from emonet_edge.machine.isa import available_isas
from emonet_edge.model_dir import ModelDir

FURTHER = "further from FP32 than certified"
INFERS_BF16 = "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def check(directory):
    """The check of the device that AUTO takes: here, the CPU as loading asks for it."""
    found = check_devices(directory, devices=["CPU"], cache=False)
    (taken,) = (c for c in found.devices if c.automatic)
    assert taken.device == "CPU"
    assert taken.as_loaded
    assert found.ok == taken.ok
    return taken


@pytest.mark.parametrize("precision", ["int8", "fp32"])
@pytest.mark.parametrize("modality", ["face", "voice"])
def test_an_unaltered_directory_does_what_was_certified(certified, modality, precision):
    found = check_devices(certified[modality, precision])
    taken = next(c for c in found.devices if c.automatic)
    assert (taken.verdict, taken.reason, taken.factor) == ("as certified", "", None)
    assert taken.distance.encoder.energy_error == pytest.approx(
        found.certified.encoder.energy_error, rel=1e-3, abs=1e-9
    )
    assert taken.encoder.int8_ops == found.certificate.certified.int8_ops
    assert (taken.encoder.int8_ops > 0) == (precision == "int8")
    json.dumps([c.to_dict() for c in found.devices], allow_nan=False)


def test_the_references_are_those_of_the_fp32_model(certified):
    """INT8 and FP32 of one seed have the same weights, so the same references."""
    for modality, tolerance in (("face", 1e-4), ("voice", 1e-4)):
        exact, quantized = (
            Certificate.read(ModelDir.open(certified[modality, precision]))
            for precision in ("fp32", "int8")
        )
        np.testing.assert_array_equal(exact.tensors, quantized.tensors)
        np.testing.assert_allclose(exact.embeddings, quantized.embeddings, atol=tolerance)
        np.testing.assert_allclose(exact.scores, quantized.scores, atol=1e-3)
        # Quantization is what the certified errors show, and float has none.
        error = quantized.certified.energy_error
        assert 1e-5 < error < 1e-2
        assert exact.certified.energy_error < 1e-9


def test_the_parts_of_the_error_are_told_apart(certified):
    found = check_devices(certified["face", "int8"]).certified
    assert found.heads.energy_error is None
    # Independent errors add up in squares, roughly; the heads' own is by far the smaller.
    whole = np.hypot(found.encoder.error, found.heads.error)
    assert found.whole.error == pytest.approx(whole, rel=0.3)
    assert 0 < found.heads.error < 0.5 * found.encoder.error


def test_progress_ends_at_one_and_never_goes_back(certified):
    seen = []
    check_devices(certified["face", "fp32"], progress=lambda text, share: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 6


# Faults of a machine


@pytest.mark.skipif(not INFERS_BF16, reason="needs a CPU that infers in bf16 by default")
@pytest.mark.parametrize("modality", ["face", "voice"])
def test_a_device_that_infers_in_bf16_unasked_is_found(certified, modality):
    found = check_devices(certified[modality, "fp32"], devices=["CPU"])
    as_loaded, by_itself = found.devices
    assert (as_loaded.hint, as_loaded.verdict) == ("f32", "as certified")
    assert (by_itself.hint, by_itself.verdict) == (None, FURTHER)
    assert by_itself.encoder.precision_hint == "bf16"
    assert by_itself.factor > 1.5
    assert "it infers in bf16: load with precision_hint='f32'" in by_itself.reason
    assert found.ok  # nobody loads it that way unless asked to


@pytest.mark.skipif(not INFERS_BF16, reason="needs a CPU that infers in bf16 by default")
def test_bf16_counts_where_the_directory_leaves_the_precision_to_the_device(certified, tmp_path):
    copy = copied(certified["face", "fp32"], tmp_path)
    reseal(copy, lambda document: document["encoder"].update(precision_hint=None))
    found = check_devices(copy, devices=["CPU"], cache=False)
    assert [c.verdict for c in found.devices] == [FURTHER]
    assert not found.ok


def without_vnni():
    """What keeps oneDNN from VNNI on this CPU; None where there is nothing to keep it from."""
    isas = available_isas()
    if "avx512_vnni" in isas:
        return "AVX512_CORE"
    return "AVX2" if "avx_vnni" in isas else None


def run_cli(directory, max_isa=None):
    """Run the command in a process of its own: oneDNN reads its variable once."""
    environment = dict(os.environ)
    if max_isa is not None:
        environment["ONEDNN_MAX_CPU_ISA"] = max_isa
    command = [sys.executable, "-m", "emonet_edge", "verify", str(directory)]
    answer = subprocess.run(
        [*command, "--on-this-machine", "--json"],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    return answer.returncode, [json.loads(line) for line in answer.stdout.splitlines()]


@pytest.mark.skipif(without_vnni() is None, reason="needs a CPU with VNNI to do without it")
@pytest.mark.parametrize("modality", ["face", "voice"])
def test_a_cpu_without_vnni_is_found(certified, tmp_path, modality):
    """Its 8-bit sums saturate in 16 bits: the same graph, and two to three times the error."""
    copy = copied(certified[modality, "int8"], tmp_path)
    reseal(copy, lambda document: document["encoder"].update(precision_hint="f32"))
    code, (_, cpu, *_) = run_cli(copy)
    assert (code, cpu["verdict"]) == (0, "as certified")
    code, (_, cpu, *_) = run_cli(copy, without_vnni())
    assert (code, cpu["verdict"]) == (1, FURTHER)
    assert cpu["automatic"]
    assert cpu["factor"] > 1.6
    assert cpu["distance"]["heads"] == cpu["certified"]["distance"]["heads"]  # exact on every ISA


def test_a_device_that_cannot_compile_it_says_why(certified):
    """A CPU as of 2008, for which OpenVINO has no kernels of ours."""
    code, (_, *checks) = run_cli(certified["face", "fp32"], "SSE41")
    cpu = checks[0]
    if cpu["verdict"] == "as certified":
        pytest.skip("this OpenVINO has kernels for SSE4.1")
    assert (code, cpu["verdict"], cpu["automatic"]) == (1, "cannot run it", False)
    assert "CPU cannot run it" in cpu["reason"]
    assert cpu["distance"] is None


# Faults of a directory, after it was certified and with a manifest that lists the altered files


@pytest.mark.parametrize("precision", ["int8", "fp32"])
@pytest.mark.parametrize("modality", ["face", "voice"])
def test_altered_weights_are_found(certified, tmp_path, modality, precision):
    copy = copied(certified[modality, precision], tmp_path)
    other = {"face": ee.synthetic.write_face_model, "voice": ee.synthetic.write_voice_model}
    other[modality](tmp_path / "other", precision=precision, seed=1)
    for name in ("encoder.xml", "encoder.bin"):
        shutil.copy(tmp_path / "other" / name, copy / name)
    reseal(copy)
    found = check(copy)
    assert found.verdict == FURTHER
    assert found.factor > 10
    assert "the encoder is another one than certified" in found.reason


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_a_graph_that_is_wrong_by_a_few_percent_is_found(certified, tmp_path, precision):
    copy = copied(certified["face", precision], tmp_path)

    def scale_one(openvino, model):
        last = model.output(0).get_node().input_value(0)
        wrong = openvino.opset13.multiply(last, np.float32(1.03))
        return openvino.Model([wrong], model.get_parameters(), "wrong")

    # A longer embedding has the same direction, which is all that heads behind a norm can see.
    edit_encoder(copy, scale_one)
    found = check(copy)
    assert found.verdict == FURTHER
    assert "encoder: " in found.reason
    assert "embedding's length" in found.reason


def test_activations_that_saturate_are_found(certified, tmp_path):
    copy = copied(certified["voice", "int8"], tmp_path)
    edit_encoder(
        copy,
        lambda openvino, model: behind(
            openvino, model, "Gelu", lambda opset, output: opset.clamp(output, -1.0, 1.5)
        ),
    )
    found = check(copy)
    assert found.verdict == FURTHER
    assert "of the heads' spread" in found.reason


def test_an_encoder_that_gives_nan_cannot_run(certified, tmp_path):
    copy = copied(certified["face", "fp32"], tmp_path)
    edit_encoder(
        copy,
        lambda openvino, model: behind(
            openvino, model, "Gelu", lambda opset, output: opset.log(output)
        ),
    )
    found = check_devices(copy, devices=["CPU"], cache=False)
    assert {c.verdict for c in found.devices} == {"cannot run it"}
    assert "NaN" in found.devices[0].reason
    assert not found.ok
    assert found.devices[0].automatic  # it compiles, so this is what AUTO would take


def test_heads_of_another_model_are_found_as_the_heads_fault(certified, tmp_path):
    copy = copied(certified["voice", "int8"], tmp_path)
    names = list(ModelDir.open(copy).manifest.names)
    other = ee.synthetic.write_voice_model(tmp_path / "other", seed=1, heads=names)
    shutil.copy(other / "heads.bin", copy / "heads.bin")
    reseal(copy)
    found = check(copy)
    assert found.verdict == FURTHER
    assert found.reason.startswith("heads: ")
    assert found.reason.count("% of") == 1  # the encoder is not blamed
    assert "the packed heads are others than certified" in found.reason


# What cannot be checked at all


def test_without_a_certificate_there_is_one_clear_error(certified, tmp_path):
    copy = copied(certified["face", "fp32"], tmp_path)
    (copy / CERTIFICATE_NAME).unlink()
    reseal(copy, lambda document: document["files"].pop(CERTIFICATE_NAME))
    with pytest.raises(ModelDirectoryError, match="nothing to compare this machine with; export"):
        check_devices(copy)
    assert ee.FaceEmotionModel.load(copy).heads  # it is needed for nothing else


def test_an_encoder_that_cannot_be_read_is_the_directorys_fault(certified, tmp_path):
    copy = copied(certified["face", "fp32"], tmp_path)
    (copy / "encoder.xml").write_text("<net/>")
    reseal(copy)
    with pytest.raises(IntegrityError, match="cannot be read as an OpenVINO model"):
        check_devices(copy)


def test_a_device_that_is_not_here_is_an_error_by_name(certified):
    with pytest.raises(DeviceError, match=r"NPU\.7 is not among the devices here"):
        check_devices(certified["face", "fp32"], devices=["NPU.7"])
