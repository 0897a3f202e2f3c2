"""The certificate that an export writes: FP32 as torch computes it, and what report.json says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::emonet_edge.exceptions.EmonetWarning"),
]
torch = pytest.importorskip("torch", reason="export needs torch")
pytest.importorskip("emonet_edge_export", reason="needs export/ on the path, or the wheel")

from emonet_edge.certificate import CERTIFICATE_NAME, Certificate, check_devices  # noqa: E402
from emonet_edge.exceptions import ModelDirectoryError  # noqa: E402
from emonet_edge.model_dir import ModelDir  # noqa: E402
from emonet_edge_export import describe_model, export_model  # noqa: E402
from emonet_edge_export.calibration import drawn_samples, from_folder  # noqa: E402
from emonet_edge_export.encoder.quantize import Recipe  # noqa: E402
from emonet_edge_export.options import ExportOptions  # noqa: E402
from emonet_edge_export.progress import Progress  # noqa: E402
from export_fixtures import FEW_VOICE_HEADS, write_face_suite, write_voice_suite  # noqa: E402

IMAGE = {"mean": [0.5] * 3, "std": [0.5] * 3, "size": 64}


@pytest.fixture(scope="module")
def face_suite(tmp_path_factory):
    return write_face_suite(tmp_path_factory.mktemp("face"))


@pytest.fixture(scope="module")
def voice_suite(tmp_path_factory):
    return write_voice_suite(tmp_path_factory.mktemp("voice"))


def export(modality, source, out, **options):
    values = {"heads": FEW_VOICE_HEADS} if modality == "voice" else {"with_detector": False}
    values |= {"recipe": Recipe("fp32"), "heads_precision": "int8", "verify_samples": 4, **options}
    asked = ExportOptions(modality, "small", Path(out), source=source, **values)
    return export_model.export_model(asked, Progress(quiet=True)).path


def read(path):
    return Certificate.read(ModelDir.open(path))


@pytest.fixture(scope="module")
def int8_face(face_suite, shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("int8")
    return export(
        "face", face_suite.source, folder / "face", recipe=Recipe("int8", samples=8),
        calibration=shared_data / "faces", verify_samples=8,
    )  # fmt: skip


def test_the_references_are_what_torch_makes_of_the_inputs(voice_suite, tmp_path):
    found = read(export("voice", voice_suite.source, tmp_path / "voice"))
    with torch.inference_mode():
        expected = voice_suite.encoder(torch.from_numpy(np.array(found.tensors)))
    np.testing.assert_allclose(found.embeddings, expected.last_hidden_state.numpy(), atol=1e-3)
    scores = voice_suite.voice_scores(np.array(found.tensors))
    expected = np.stack([scores[name] for name in found.names], axis=1)
    np.testing.assert_allclose(found.scores, expected, atol=1e-3)
    assert found.content == "drawn in code"
    assert found.certified.energy_error < 1e-9  # exported in FP32
    # Packed heads are INT8: an error that belongs to them alone.
    assert np.abs(found.certified.head_scores - found.scores).max() > 1e-6


def test_an_exported_directory_is_as_certified_where_it_was_exported(int8_face, face_suite):
    found = check_devices(int8_face, devices=["CPU"], cache=False)
    assert found.ok
    assert found.certified.encoder.energy_error > 1e-6  # it is INT8
    assert found.certificate.certified.int8_ops > 0
    scores = face_suite.face_scores(np.array(found.certificate.tensors))
    expected = np.stack([scores[name] for name in found.certificate.names], axis=1)
    np.testing.assert_allclose(found.certificate.scores, expected, atol=1e-3)


def test_errors_are_in_the_spreads_of_the_real_proof(int8_face, face_suite, shared_data):
    found = read(int8_face)
    proof = from_folder(shared_data / "faces", "face", IMAGE).some(8)
    scores = face_suite.face_scores(np.stack(list(proof)))
    expected = [scores[name].std() for name in found.names]
    np.testing.assert_allclose(found.spreads, expected, rtol=1e-2)
    assert found.spread_source.startswith("8 inputs (")


def test_the_report_says_what_was_done_with_which_data(int8_face, shared_data):
    report = json.loads((int8_face / "report.json").read_text())
    files = sorted(p for p in (shared_data / "faces").rglob("*") if p.suffix in
                   (".png", ".jpg", ".jpeg", ".bmp", ".webp"))  # fmt: skip
    hashes = "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}\n" for p in files)
    assert report["calibration"]["sha256"] == hashlib.sha256(hashes.encode()).hexdigest()
    assert report["calibration"]["files"] == len(files)
    assert report["recipe"]["name"] == "int8"
    assert report["recipe"]["calibration"]["sha256"] == report["calibration"]["sha256"]
    assert "front" in report
    assert {"emonet_edge", "openvino", "nncf", "torch"} <= set(report["versions"])
    assert len(report["heads"]) == 44
    certificate = report["certificate"]
    assert certificate["inputs"] == len(read(int8_face))
    assert certificate["encoder"]["error"]["worst_head"] in report["heads"]
    assert certificate["heads"]["error"]["mean"] < certificate["encoder"]["error"]["mean"]


def test_inputs_of_the_certificate_differ_and_come_out_the_same_again():
    for modality, how, count in (("face", IMAGE, 16), ("voice", {}, 7)):
        first, second = (np.stack(list(drawn_samples(modality, how, count))) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert len({tensor.tobytes() for tensor in first}) == count


def test_a_changed_calibration_file_of_the_same_name_is_other_data(shared_data, tmp_path):
    picture = (shared_data / "faces/azure-cv-dog.jpg").read_bytes()
    hashes = set()
    for content in (picture, picture + b"\0"):
        (tmp_path / "a.jpg").write_bytes(content)
        hashes.add(from_folder(tmp_path, "face", IMAGE).described()["sha256"])
    assert len(hashes) == 2


def test_drawn_data_has_no_hash():
    assert drawn_samples("face", IMAGE).described()["sha256"] is None


def test_a_finished_certificate_is_taken_as_it_is(voice_suite, tmp_path, monkeypatch):
    """The last step fails; the same export goes on, and certifies nothing again."""
    out = tmp_path / "voice"
    with monkeypatch.context() as patch:
        patch.setattr(describe_model, "attribution", _fail)
        with pytest.raises(ModelDirectoryError, match="no attribution today"):
            export("voice", voice_suite.source, out)
    made = tmp_path / ".voice.export" / CERTIFICATE_NAME
    written = made.stat().st_mtime_ns
    assert export("voice", voice_suite.source, out) == out
    assert (out / CERTIFICATE_NAME).stat().st_mtime_ns == written


def _fail(*_):
    raise ModelDirectoryError("no attribution today")
