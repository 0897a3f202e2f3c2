"""From checkpoint folders as the hub has them to directories that score as torch does."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::emonet_edge.exceptions.EmonetWarning"),
]
torch = pytest.importorskip("torch", reason="export needs torch")
pytest.importorskip("emonet_edge_export", reason="needs export/ on the path, or the wheel")

import emonet_edge as ee  # noqa: E402
from emonet_edge.certificate import CERTIFICATE_NAME  # noqa: E402
from emonet_edge.exceptions import EmonetWarning, ModelDirectoryError  # noqa: E402
from emonet_edge.media import load_audio, load_image  # noqa: E402
from emonet_edge_export import command, export_model, sources, workspace  # noqa: E402
from emonet_edge_export.encoder.auto_recipe import FRONT_FILES  # noqa: E402
from emonet_edge_export.encoder.quantize import Recipe, default_recipe  # noqa: E402
from emonet_edge_export.errors import DiskFullError, ExportError  # noqa: E402
from emonet_edge_export.options import ExportOptions  # noqa: E402
from emonet_edge_export.progress import Progress  # noqa: E402
from emonet_edge_export.proof import fidelity  # noqa: E402
from emonet_edge_export.proof.verify import verify_against  # noqa: E402
from emonet_edge_export.upstream.hub import HubRepository  # noqa: E402
from emonet_edge_export.upstream.registry import RepositoryRef  # noqa: E402
from export_fixtures import (  # noqa: E402
    FACE_ENCODER,
    FACE_HEADS,
    FEW_VOICE_HEADS,
    VOICE_HEADS,
    write_face_suite,
    write_heads_for_real_whisper,
    write_neutral_statistics,
    write_voice_suite,
)
from export_hub import COMMIT, serve  # noqa: E402

PICTURES = (
    "skimage-astronaut.png",
    "azure-Family1-Dad1.jpg",
    "tf-grace_hopper.bmp",
    "azure-cv-dog.jpg",
)
CLIPS = ("jfk.flac", "azure-es-mx.wav", "azure-zh-cn_short.wav", "speechbrain-example1.wav")
FP32 = Recipe("fp32")


@pytest.fixture(scope="module")
def face_suite(tmp_path_factory, shared_data):
    source = tmp_path_factory.mktemp("face")
    suite = write_face_suite(source)
    zoo = source / "opencv/opencv_zoo/models/face_detection_yunet"
    zoo.mkdir(parents=True)
    shutil.copy(shared_data / "weights/yunet_n_640_640.onnx", zoo)
    return suite


@pytest.fixture(scope="module")
def voice_suite(tmp_path_factory):
    return write_voice_suite(tmp_path_factory.mktemp("voice"))


def export(modality, source, out, **options):
    values = {"heads": FEW_VOICE_HEADS} if modality == "voice" else {}
    values |= {"recipe": FP32, "heads_precision": "fp16", "verify_samples": 4, **options}
    asked = ExportOptions(modality, "small", Path(out), source=source, **values)
    return export_model.export_model(asked, Progress(quiet=True))


def pictures(folder, model):
    return np.stack([model.prepare(load_image(folder / "faces" / name)) for name in PICTURES])


def clips(folder, model):
    found = [load_audio(folder / "audio" / name) for name in CLIPS]
    return np.stack([model.prepare(wave[: 30 * rate], rate) for wave, rate in found])


def scored(model, inputs):
    """{head: scores over the inputs}."""
    results = model.score_batch(model.embed(inputs))
    return {name: np.array([scores[name] for scores in results]) for name in results[0].names}


def error(found, expected):
    """Largest error of a head, as a share of its own spread over the inputs."""
    assert set(found) == set(expected)
    return max(np.abs(found[n] - expected[n]).max() / expected[n].std() for n in expected)


# Scores as torch computes them


def test_a_face_directory_scores_pictures_as_torch_does(face_suite, shared_data, tmp_path):
    made = export("face", face_suite.source, tmp_path / "face", calibration=shared_data / "faces")
    model = ee.FaceEmotionModel.load(made.path, device="CPU")
    inputs = pictures(shared_data, model)
    assert error(scored(model, inputs), face_suite.face_scores(inputs)) < 5e-3
    assert [head.name for head in model.heads] == list(ee.taxonomy.names_for("face"))
    # Through the public call as well, and not through the heads of another norm.
    image = load_image(shared_data / "faces" / PICTURES[0])
    assert model(image)["anger"] == pytest.approx(
        face_suite.face_scores(inputs[:1])["anger"][0], abs=1e-3
    )
    assert error(face_suite.face_scores(inputs, norm=False), face_suite.face_scores(inputs)) > 1


def test_a_voice_directory_scores_clips_as_torch_does(voice_suite, shared_data, tmp_path):
    made = export(
        "voice", voice_suite.source, tmp_path / "voice", calibration=shared_data / "audio"
    )
    model = ee.VoiceEmotionModel.load(made.path, device="CPU")
    inputs = clips(shared_data, model)
    assert error(scored(model, inputs), voice_suite.voice_scores(inputs)) < 5e-3


@pytest.mark.parametrize(("precision", "limit"), [("int8", 0.05), ("int4", 0.8)])
def test_packed_precisions_stay_near_torch(voice_suite, shared_data, tmp_path, precision, limit):
    made = export(
        "voice",
        voice_suite.source,
        tmp_path / "voice",
        calibration=shared_data / "audio",
        heads_precision=precision,
    )
    model = ee.VoiceEmotionModel.load(made.path, device="CPU")
    inputs = clips(shared_data, model)
    assert 1e-4 < error(scored(model, inputs), voice_suite.voice_scores(inputs)) < limit


def test_int4_heads_of_a_calibrated_voice_are_compensated(
    voice_suite, shared_data, tmp_path, capsys
):
    errors = {}
    for way, calibration in (("compensated", shared_data / "audio"), ("nearest", None)):
        out = tmp_path / way
        options = {"calibration": calibration, "recipe": FP32, "heads_precision": "int4"}
        made = export_model.export_model(
            ExportOptions(
                "voice", "small", out, source=voice_suite.source, heads=FEW_VOICE_HEADS, **options
            )
        )
        said = json.loads((out / "report.json").read_text())["heads_rounding"]
        assert said["method"] == way
        assert json.loads((out / "manifest.json").read_text())["heads_rounding"] == said
        inputs = clips(shared_data, model := ee.VoiceEmotionModel.load(made.path, device="CPU"))
        errors[way] = error(scored(model, inputs), voice_suite.voice_scores(inputs))
    assert errors["compensated"] < 0.7 * errors["nearest"]
    said = capsys.readouterr().err
    assert "the heads' rounding errors are compensated, from " in said
    assert "the heads are rounded to nearest: there are 0 calibration samples, 4 are" in said


def test_int4_heads_of_faces_are_rounded_to_nearest(face_suite, shared_data, tmp_path):
    made = export(
        "face", face_suite.source, tmp_path / "face", calibration=shared_data / "faces",
        heads_precision="int4",
    )  # fmt: skip
    said = json.loads((made.path / "report.json").read_text())["heads_rounding"]
    assert said["method"] == "nearest"
    assert "one position" in said["reason"]


def test_the_real_whisper_keeps_its_scores_in_int8(shared_data, tmp_path):
    encoder = shared_data / "weights/whisper-tiny.en-encoder"
    suite = write_heads_for_real_whisper(tmp_path / "source", encoder)
    made = export(
        "voice",
        suite.source,
        tmp_path / "voice",
        recipe=default_recipe("voice", samples=12),
        heads_precision="int8",
        calibration=shared_data / "audio",
        verify_samples=8,
    )
    summary = made.fidelity.summary
    assert summary["fp32_ir"]["error"]["worst"] < 1e-3
    # 0.16 with 43 calibration inputs; these few are for the path, not for the figure.
    assert summary["encoder"]["error"]["mean"] < 0.3
    assert summary["shipped"]["pearson"]["mean"] > 0.9
    # The packed heads add next to nothing to the encoder's error.
    packed, float_heads = (summary[way]["error"]["mean"] for way in ("shipped", "encoder"))
    assert packed < float_heads + 0.01
    model = ee.VoiceEmotionModel.load(made.path, device="CPU")
    assert model.info["encoder"]["int8_ops"] > 10
    inputs = clips(shared_data, model)
    assert error(scored(model, inputs), suite.voice_scores(inputs)) < 1


# What the directory says of itself


@pytest.fixture(scope="module")
def int8_face(face_suite, shared_data, tmp_path_factory):
    return export(
        "face",
        face_suite.source,
        tmp_path_factory.mktemp("int8") / "face",
        recipe=None,
        heads_precision="int8",
        calibration=shared_data / "faces",
        also_onnx=True,
        verify_samples=8,
    )


def test_the_manifest_says_what_was_made_how_and_from_what(int8_face, face_suite, shared_data):
    manifest = ee.model_dir.read_manifest(int8_face.path)
    assert (manifest.suite, manifest.synthetic) == ("face-small", False)
    assert manifest.license == "CC-BY-4.0"
    assert manifest.encoder.precision == "int8"
    assert manifest.encoder.recipe["smooth_quant_alpha"] == 0.8
    assert manifest.encoder.recipe["calibration"]["files"] == 16
    assert manifest.encoder.precision_hint == "f32"
    heads, encoder, detector = manifest.sources
    assert heads.repository == "laion/Empathic-Insight-Face-Small"
    anger = face_suite.source / heads.repository / "model_anger_best.pth"
    assert heads.files[anger.name] == hashlib.sha256(anger.read_bytes()).hexdigest()
    assert set(encoder.files) == {"config.json", "preprocessor_config.json", "model.safetensors"}
    assert manifest.fidelity["shipped"]["embedding_error"]["worst"] < 0.5
    assert all(result.ok for result in ee.model_dir.verify_files(int8_face.path))
    assert detector.files == {"yunet_n_640_640.onnx": manifest.files["face_detector.onnx"].sha256}
    text = (int8_face.path / "ATTRIBUTION.md").read_text()
    assert "CC-BY-4.0" in text
    assert "yunet_n_640_640.onnx" in text


def test_the_report_holds_the_recipe_and_every_head(int8_face):
    report = json.loads((int8_face.path / "report.json").read_text())
    assert report["recipe"]["name"] == "int8"
    assert report["onnx_error"] < 1e-4
    assert len(report["heads"]) == 44
    assert set(report["heads"]["anger"]) == {"fp32_ir", "encoder", "shipped"}
    assert (int8_face.path / "encoder.onnx").stat().st_size > 100_000


def test_the_detector_of_the_directory_runs(int8_face, shared_data):
    cv2 = pytest.importorskip("cv2")
    image = cv2.imread(str(shared_data / "faces/skimage-astronaut.png"))
    image = cv2.resize(image, (640, 640))
    path = str(int8_face.path / "face_detector.onnx")
    _, faces = cv2.FaceDetectorYN.create(path, "", (640, 640)).detect(image)
    assert len(faces) == 1


def test_the_exported_ir_runs_four_at_once(int8_face, shared_data):
    one = ee.FaceEmotionModel.load(int8_face.path, device="CPU", cache=False)
    four = ee.FaceEmotionModel.load(int8_face.path, device="CPU", batch=4, cache=False)
    inputs = pictures(shared_data, one)
    np.testing.assert_allclose(four.embed(inputs), one.embed(inputs), atol=0.05)


def test_voice_heads_carry_spreads_and_levels(voice_suite, tmp_path):
    made = export("voice", voice_suite.source, tmp_path / "voice")
    heads = {head.name: head for head in ee.model_dir.read_manifest(made.path).heads}
    anger, warm = heads["anger"], heads["warm_vs_cold"]
    assert (anger.spread_mean, anger.spread_std) == (0.330, 0.447)
    assert anger.levels.source.startswith("borrowed: voice-plus figures")
    assert (warm.kind, warm.levels, warm.spread_mean) == ("attribute", None, None)


# The embedding norm, end to end


@pytest.mark.parametrize("norm", ["l2", "none"])
def test_neutral_faces_decide_the_norm(shared_data, tmp_path, norm):
    suite = write_face_suite(tmp_path / "source", norm_first=norm == "l2")
    faces = tmp_path / "neutral"
    faces.mkdir()
    for number, name in enumerate(PICTURES):
        shutil.copy(shared_data / "faces" / name, faces / f"{number}{Path(name).suffix}")
    how = SimpleNamespace(prepare=lambda image: ee.preprocess_image(image, size=64))
    write_neutral_statistics(suite, pictures(shared_data, how), norm=norm == "l2")
    made = export("face", suite.source, tmp_path / "face", neutral_faces=faces)
    manifest = ee.model_dir.read_manifest(made.path)
    assert manifest.embedding_norm == norm
    assert manifest.embedding_norm_evidence.startswith("measured: on 4 neutral faces")
    assert all(head.neutral_mean is not None for head in manifest.heads)
    model = ee.FaceEmotionModel.load(made.path, device="CPU")
    inputs = pictures(shared_data, model)
    expected = suite.face_scores(inputs, norm=norm == "l2")
    assert error(scored(model, inputs), expected) < 5e-3
    found = model.score(model.embed(inputs[0])).calibrated
    neutral = np.array([head.neutral_mean for head in model.heads])
    raw = np.array([expected[head.name][0] for head in model.heads])
    np.testing.assert_allclose(found, raw - neutral, atol=0.01)


def test_an_assumed_norm_warns(face_suite, tmp_path):
    said = "embedding norm l2, assumed: l2 as in the model card"
    with pytest.warns(EmonetWarning, match=said) as caught:
        export("face", face_suite.source, tmp_path / "face")
    # The line that is named is the one that asked for the export.
    assert {warning.filename for warning in caught} == {__file__}


# Sources


def test_with_source_nothing_touches_the_network(voice_suite, tmp_path, monkeypatch):
    def refuse(self, address):
        raise AssertionError(f"connect to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: refuse(None, a))
    made = export("voice", voice_suite.source, tmp_path / "voice", recipe=None)
    # Without calibration data the default recipe is int8-weights, and says so.
    manifest = ee.model_dir.read_manifest(made.path)
    assert manifest.encoder.recipe == {"name": "int8-weights", "target": "cpu"}
    assert manifest.fidelity["representative"] is False


def test_int8_that_was_asked_for_is_never_replaced(voice_suite, tmp_path):
    with pytest.raises(ExportError, match="the recipe int8 needs calibration data"):
        export("voice", voice_suite.source, tmp_path / "voice", recipe=Recipe("int8"))
    assert not (tmp_path / "voice").exists()


def test_the_calibration_set_of_the_source_is_found(voice_suite, shared_data, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for owner in voice_suite.source.iterdir():
        (source / owner.name).symlink_to(owner)
    (source / "emonet-edge/calibration").mkdir(parents=True)
    (source / "emonet-edge/calibration/voice").symlink_to(shared_data / "audio")
    made = export("voice", source, tmp_path / "voice")
    assert made.fidelity.summary["representative"] is True


def test_from_the_hub_one_head_at_a_time(voice_suite, shared_data, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    seen = []
    release = HubRepository.release

    def watch(self, name):
        held = [p.stat().st_size for p in Path(self._folder).rglob("*.pth") if p.is_file()]
        seen.append(sum(held))
        release(self, name)

    monkeypatch.setattr(HubRepository, "release", watch)
    with serve(voice_suite.source) as hub:
        refs = {
            "heads_from": RepositoryRef(VOICE_HEADS.format("Small")),
            "encoder": RepositoryRef("mkrausio/EmoWhisper-AnS-Small-v0.1", "v1"),
        }
        made = export(
            "voice", None, tmp_path / "voice",
            endpoint=hub.url, discard_sources=True, calibration=shared_data / "audio", **refs,
        )  # fmt: skip
        assert all(hub.downloads(f"model_{name}_best.pth") == 1 for name in ("Anger", "Sadness"))
    head = (
        (voice_suite.source / VOICE_HEADS.format("Small") / "model_Anger_best.pth").stat().st_size
    )
    assert max(seen) < 1.5 * head
    assert not list(tmp_path.glob(".voice*"))
    manifest = ee.model_dir.read_manifest(made.path)
    assert {source.revision for source in manifest.sources} == {COMMIT}
    model = ee.VoiceEmotionModel.load(made.path, device="CPU")
    inputs = clips(shared_data, model)
    assert error(scored(model, inputs), voice_suite.voice_scores(inputs)) < 5e-3


def test_a_published_suite_of_other_dimensions_is_refused(voice_suite, tmp_path, shared_data):
    with (
        serve(voice_suite.source) as hub,
        pytest.raises(
            ExportError, match=r"d_model is 64 in config\.json, 768 in the published suite"
        ),
    ):
        export(
            "voice", None, tmp_path / "voice",
            endpoint=hub.url, discard_sources=True, calibration=shared_data / "audio",
        )  # fmt: skip


# Bad days


def snapshot(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_an_existing_output_is_left_alone(voice_suite, tmp_path):
    out = tmp_path / "voice"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(ModelDirectoryError, match="exists"):
            export("voice", voice_suite.source, out, overwrite=overwrite)
    assert snapshot(out) == {Path("mine.txt"): b"mine"}


def test_overwrite_replaces_a_model_directory(voice_suite, tmp_path):
    export("voice", voice_suite.source, tmp_path / "voice")
    again = export(
        "voice", voice_suite.source, tmp_path / "voice", overwrite=True, heads_precision="int8"
    )
    assert ee.model_dir.read_manifest(again.path).heads_precision == "int8"


_KILLED = """
import os, sys
from pathlib import Path
from emonet_edge_export import export_model
from emonet_edge_export.heads import pack
from emonet_edge_export.options import ExportOptions
from emonet_edge_export.encoder.quantize import Recipe
add = pack.ResumableHeadsWriter.add_noted_head
def add_then_die(self, *args):
    add(self, *args)
    if len(self.notes) == 3:
        os.kill(os.getpid(), 9)
pack.ResumableHeadsWriter.add_noted_head = add_then_die
export_model.export_model(ExportOptions(
    "voice", "small", Path(sys.argv[2]), source=Path(sys.argv[1]), recipe=Recipe("fp32"),
    heads=tuple(sys.argv[3].split(",")), heads_precision=sys.argv[4], verify_samples=4,
    calibration=Path(sys.argv[5])))
"""


@pytest.mark.parametrize("precision", ["fp16", "int4"])
def test_a_killed_export_goes_on_and_ends_the_same(
    voice_suite, shared_data, tmp_path, capsys, precision
):
    out = tmp_path / "voice"
    arguments = [voice_suite.source, out, ",".join(FEW_VOICE_HEADS), precision]
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, *arguments, shared_data / "audio"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -9, killed.stderr
    assert not out.exists()
    assert [p.name for p in tmp_path.iterdir()] == [".voice.export"]
    asked = ExportOptions(
        "voice", "small", out, source=voice_suite.source, heads=FEW_VOICE_HEADS, recipe=FP32,
        heads_precision=precision, verify_samples=4, calibration=shared_data / "audio",
    )  # fmt: skip
    export_model.export_model(asked)
    said = capsys.readouterr().err
    assert "the encoder is finished already" in said
    assert "going on with the 3 heads" in said
    assert [p.name for p in tmp_path.iterdir()] == ["voice"]
    whole = export(
        "voice", voice_suite.source, tmp_path / "whole", heads_precision=precision,
        calibration=shared_data / "audio",
    )  # fmt: skip
    assert (out / "heads.bin").read_bytes() == (whole.path / "heads.bin").read_bytes()
    ours, theirs = (ee.model_dir.read_manifest(p) for p in (out, whole.path))
    assert ours.sources == theirs.sources


def test_two_exports_to_one_place_do_not_mix(voice_suite, tmp_path):
    with (
        workspace.Workspace.beside(tmp_path / "voice"),
        pytest.raises(ExportError, match="is being exported by another process"),
    ):
        export("voice", voice_suite.source, tmp_path / "voice")


def test_space_is_checked_before_anything_is_made(voice_suite, tmp_path, monkeypatch):
    monkeypatch.setattr(workspace.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(DiskFullError, match=r"voice-small needs about .* of disk, 1.* are free"):
        export("voice", voice_suite.source, tmp_path / "voice")


_LIMITED = """
import resource, sys
from pathlib import Path
from emonet_edge_export import export_model
from emonet_edge_export.errors import DiskFullError
from emonet_edge_export.options import ExportOptions
from emonet_edge_export.encoder.quantize import Recipe
import torch, transformers, openvino
limit = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    export_model.export_model(ExportOptions("voice", "small", Path(sys.argv[2]),
        source=Path(sys.argv[1]), heads=("anger", "sadness"), recipe=Recipe("fp32"),
        heads_precision="fp16", verify_samples=2))
except DiskFullError as error:
    print(error)
    sys.exit(77)
"""


@pytest.mark.parametrize(
    "limit", [pytest.param(50_000, id="in the IR"), pytest.param(5_000_000, id="in the heads")]
)
def test_a_disk_that_fills_up_is_said_and_nothing_appears(voice_suite, tmp_path, limit):
    # A limit on file size fails in the same system calls as a full disk does.
    code = [sys.executable, "-c", _LIMITED, voice_suite.source, tmp_path / "voice", str(limit)]
    ended = subprocess.run(code, capture_output=True, text=True, check=False)
    assert ended.returncode == 77, ended.stderr
    assert "disk full" in ended.stdout or "no room left" in ended.stdout
    assert not (tmp_path / "voice").exists()


def test_a_really_full_disk_is_said(voice_suite, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    size = ["mount", "-t", "tmpfs", "-o", "size=9m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(size, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sources, "check_space", lambda *_: None)
            with pytest.raises(DiskFullError, match=r"disk full|no room left"):
                export("voice", voice_suite.source, disk / "voice")
        assert not (disk / "voice").exists()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


# The proof


def test_agreement_below_the_wish_puts_nothing_in_place(voice_suite, shared_data, tmp_path):
    # int8 on random weights is far from a perfect correlation.
    options = {"recipe": Recipe("int8", samples=4), "calibration": shared_data / "audio"}
    with pytest.raises(export_model.VerificationError, match=r"mean of the heads: 0\.\d+"):
        export("voice", voice_suite.source, tmp_path / "voice", min_agreement=0.9999, **options)
    assert not (tmp_path / "voice").exists()
    made = export("voice", voice_suite.source, tmp_path / "voice", **options)
    assert made.fidelity.warnings


def test_the_recipe_auto_is_searched_proven_and_kept_with_its_front(
    voice_suite, shared_data, tmp_path
):
    made = export(
        "voice",
        voice_suite.source,
        tmp_path / "voice",
        recipe=Recipe("auto"),
        calibration=shared_data / "audio",
        time_budget=10.0,
        min_agreement=0.9,
        min_worst=0.5,
    )
    manifest = ee.ModelDir.open(made.path, "full").manifest
    # Which recipe a tiny encoder of random weights ends with is not the point here.
    assert manifest.encoder.precision == manifest.encoder.recipe.get("precision", "int8")
    assert manifest.encoder.recipe["name"] in ("auto", "int8-weights")
    assert manifest.encoder.recipe["judged_by"] == "5 of the model's own heads"
    report = json.loads((made.path / "report.json").read_text())
    assert report["front"]["chosen"] == manifest.encoder.recipe["point"]["name"]
    assert report["front"] == json.loads((made.path / "front.json").read_text())
    assert (made.path / "front.png").stat().st_size > 1000
    assert {"front.json", "front.png"} <= set(manifest.files)


def test_a_directory_is_tuned_on_this_machine(voice_suite, shared_data, tmp_path, capsys):
    made = export(
        "voice", voice_suite.source, tmp_path / "voice", calibration=shared_data / "audio"
    )
    before = (made.path / "manifest.json").read_bytes()
    code = command.tune_main([
        str(made.path), "--source", str(voice_suite.source), "--out", str(tmp_path / "tuned"),
        "--calibration", str(shared_data / "audio"), "--time-budget", "5s",
        "--min-agreement", "0.5,0.0", "--json", "--quiet",
    ])  # fmt: skip
    recipe = json.loads(capsys.readouterr().out)["recipe"]
    assert code == 0
    assert recipe["reached_on_unseen"]
    assert (made.path / "manifest.json").read_bytes() == before
    tuned = ee.ModelDir.open(tmp_path / "tuned", "full").manifest
    assert tuned.encoder.recipe["point"] == recipe["point"]
    assert set(tuned.files) >= {*FRONT_FILES, CERTIFICATE_NAME, "heads.bin"}
    ee.VoiceEmotionModel.load(tmp_path / "tuned", device="CPU", cache=False)
    assert not list(tmp_path.glob(".tuned*"))


def test_the_recipe_auto_needs_recordings_of_several_people(voice_suite, shared_data, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "jfk.flac").symlink_to(shared_data / "audio" / "jfk.flac")
    with pytest.raises(ExportError, match="add material of other people"):
        export(
            "voice", voice_suite.source, tmp_path / "voice",
            recipe=Recipe("auto"), calibration=tmp_path / "one",
        )  # fmt: skip


def test_a_broken_conversion_is_never_put_in_place(voice_suite, tmp_path, monkeypatch, capsys):
    from emonet_edge_export.encoder import step as encoder_step

    convert = encoder_step.to_ir

    def shift(module, shape):
        return convert(torch.nn.Sequential(module, torch.nn.Hardtanh(-0.5, 0.5)), shape)

    monkeypatch.setattr(encoder_step, "to_ir", shift)
    arguments = ["voice", "--suite", "small", "--source", str(voice_suite.source)]
    arguments += ["--out", str(tmp_path / "voice"), "--heads", "anger,sadness", "--recipe", "fp32"]
    assert command.main([*arguments, "--verify-samples", "4", "--quiet"]) == 1
    captured = capsys.readouterr()
    assert "FP32 IR against torch: embedding error" in captured.err
    assert "FP32 IR" in captured.out
    assert not (tmp_path / "voice").exists()


def test_a_directory_is_proven_against_its_source_alone(int8_face, face_suite, shared_data):
    found = verify_against(
        int8_face.path, face_suite.source, shared_data / "faces", 8, Progress(quiet=True)
    )
    assert found.faults == []
    for way in fidelity.WAYS:
        ours, then = found.summary[way], int8_face.fidelity.summary[way]
        assert ours["error"]["mean"] == pytest.approx(then["error"]["mean"], rel=0.02, abs=1e-6)


def test_another_source_than_it_was_made_from_is_refused(int8_face, shared_data, tmp_path):
    write_face_suite(tmp_path, seed=1)
    with pytest.raises(ExportError, match="is another file than the directory was made from"):
        verify_against(int8_face.path, tmp_path, shared_data / "faces", 2, Progress(quiet=True))


def test_synthetic_weights_have_no_source(tmp_path):
    ee.synthetic.write_face_model(tmp_path / "face", preset="tiny", precision="fp32")
    with pytest.raises(ExportError, match="random weights"):
        verify_against(tmp_path / "face", tmp_path)


# The command line


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """`emonet-edge` as an installed wheel has it: with the entry points of pyproject.toml."""
    root = Path(__file__).resolve().parents[2]
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11 to read TOML")
    table = tomllib.loads((root / "pyproject.toml").read_text())["project"]["entry-points"]
    info = tmp_path / "site" / "emonet_edge_test-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: emonet-edge-test\nVersion: 0\n")
    (info / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
            for group, entries in table.items()
        )
    )
    monkeypatch.syspath_prepend(str(info.parent))
    importlib.invalidate_caches()

    def run(*arguments):
        from emonet_edge.cli import main

        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


def test_export_and_verify_on_the_command_line(cli, voice_suite, shared_data, tmp_path):
    out = tmp_path / "voice"
    answer = cli(
        "export", "voice", "--suite", "small", "--source", voice_suite.source, "--out", out,
        "--heads", "Anger,sadness", "--recipe", "fp16", "--calibration", shared_data / "audio",
        "--verify-samples", "4", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["fidelity"]["samples"] == 4
    assert "Packing 2 heads" in answer.err
    assert ee.model_dir.read_manifest(out).names == ("sadness", "anger")
    proven = cli("verify", out, "--against", voice_suite.source, "--samples", shared_data / "audio")
    assert proven.code == 0, proven.err
    assert "whole and unaltered" in proven.out
    assert "exported encoder and heads" in proven.out
    strict = cli("verify", out, "--against", voice_suite.source, "--min-agreement", "1")
    assert strict.code in (0, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--suite", "huge", "--out", "x"], 3, "a face suite is one of small, large; got 'huge'"),
        (["--suite", "small"], 2, "--out"),
        (["--suite", "small", "--out", "x", "--heads", "angr"], 2, "did you mean"),
        (["--suite", "small", "--out", "x", "--encoder", "nonsense"], 3, "OWNER/NAME"),
        (
            ["--suite", "small", "--out", "x", "--recipe", "fp32", "--no-vnni"],
            3,
            "only for --recipe",
        ),
        (["--suite", "small", "--out", "x", "--source", "/nowhere"], 3, "no such folder"),
    ],
)
def test_wrong_usage_is_explained(cli, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    answer = cli("export", "face", *arguments)
    assert answer.code == code
    assert message in answer.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_missing_emotion_is_named_with_its_file(cli, face_suite, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(face_suite.source, source)
    (source / FACE_HEADS.format("Small") / "model_pride_best.pth").unlink()
    answer = cli("export", "face", "--suite", "small", "--source", source, "--out", tmp_path / "x")
    assert answer.code == 3
    assert "no file for pride (expected model_pride_best.pth)" in answer.err
    (source / FACE_ENCODER / "config.json").unlink()
    answer = cli(
        "export", "face", "--suite", "small", "--source", source, "--out", tmp_path / "x",
        "--heads", "anger",
    )  # fmt: skip
    assert answer.code == 3
    assert "config.json: missing" in answer.err
