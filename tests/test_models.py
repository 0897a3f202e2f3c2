"""FaceEmotionModel and VoiceEmotionModel from model directory to scores, on tiny random weights."""

from __future__ import annotations

import inspect
import json
import shutil

import numpy as np
import pytest

import emonet_edge as ee
from emonet_edge.exceptions import (
    AudioError,
    DeviceError,
    EmbeddingError,
    EmonetWarning,
    ImageError,
    InputError,
    IntegrityError,
    ManifestError,
    MemoryBudgetError,
    ModelDirectoryError,
    ModelNotFoundError,
    PackedHeadsError,
    UnknownNameError,
)


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def face_dir(tmp_path_factory):
    return ee.synthetic.write_face_model(tmp_path_factory.mktemp("models") / "face")


@pytest.fixture(scope="module")
def voice_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return ee.synthetic.write_voice_model(
        folder / "voice", heads=["anger", "fear", "age", "awe", "gender"]
    )


@pytest.fixture(scope="module")
def face(face_dir):
    return ee.FaceEmotionModel.load(face_dir)


@pytest.fixture(scope="module")
def voice(voice_dir):
    return ee.VoiceEmotionModel.load(voice_dir)


@pytest.fixture
def copy_of(tmp_path):
    """A function that copies a model directory to where it may be damaged."""

    def copy(directory):
        return shutil.copytree(directory, tmp_path / directory.name)

    return copy


def picture(seed=0, height=90, width=120):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3)).repeat(height // 6, 0).repeat(width // 8, 1)
    return coarse.astype(np.uint8)


def tone(seconds=2.0, hertz=220.0):
    time = np.arange(int(seconds * 16000)) / 16000
    return (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def test_a_face_has_forty_emotions_and_four_dimensions(face):
    scores = face(picture())
    assert scores.names == (*ee.taxonomy.EMOTIONS, *ee.taxonomy.DIMENSIONS)
    assert np.isfinite(scores.values).all()
    assert scores.values.dtype == np.float32
    assert not {name for name, _ in scores.top(44)} & set(ee.taxonomy.DIMENSIONS)


def test_scoring_is_prepare_embed_score(face, voice):
    whole = face(picture(), box=(10, 20, 50, 60))
    embedding = face.embed(face.prepare(picture(), box=(10, 20, 50, 60)))
    assert embedding.shape == (96,)
    np.testing.assert_array_equal(face.score(embedding).values, whole.values)
    embedding = voice.embed(voice.prepare(tone()))
    assert embedding.shape == (1500, 32)
    np.testing.assert_array_equal(voice.score(embedding).values, voice(tone()).values)


def test_a_batch_scores_like_its_pictures(face):
    tensors = np.stack([face.prepare(picture(seed)) for seed in range(3)])
    batch = face.score_batch(face.embed(tensors))
    for seed, scores in enumerate(batch):
        np.testing.assert_allclose(scores.values, face(picture(seed)).values, rtol=1e-4, atol=1e-4)


def test_another_input_gives_other_scores_and_order_does_not_matter(face, voice):
    first, second = face(picture(1)).values, face(picture(2)).values
    assert np.abs(first - second).max() > 0.05
    np.testing.assert_array_equal(face(picture(1)).values, first)
    low, high = voice(tone(hertz=150)).values, voice(tone(hertz=400)).values
    assert np.abs(low - high).max() > 0.05
    np.testing.assert_array_equal(voice(tone(hertz=150)).values, low)


def test_bgr_of_the_same_picture_scores_the_same(face):
    rgb = picture()
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    np.testing.assert_array_equal(face(bgr, color="bgr").values, face(rgb).values)
    assert not np.array_equal(face(bgr).values, face(rgb).values)


def test_yuv_frames_score_like_the_grey_picture_they_are(face):
    luma = picture()[..., 1]
    grey = np.repeat(luma[..., None], 3, axis=2)
    nv12 = np.concatenate([luma, np.full((45, 120), 128, np.uint8)])
    yuyv = np.full((90, 120, 2), 128, np.uint8)
    yuyv[..., 0] = luma
    expected = face(grey).values
    for frame, color in ((nv12, "nv12"), (yuyv, "yuyv")):
        found = face(frame, color=color, range="full", matrix="bt601").values
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_pixels_outside_the_box_have_no_influence(face):
    inside = face(picture(), box=(24, 15, 40, 40)).values
    changed = picture()
    changed[:15], changed[55:], changed[:, :24], changed[:, 64:] = 0, 255, 7, 99
    np.testing.assert_array_equal(face(changed, box=(24, 15, 40, 40)).values, inside)


def test_scores_do_not_depend_on_the_threads_of_the_heads(face_dir):
    one = ee.FaceEmotionModel.load(face_dir, threads=1)
    two = ee.FaceEmotionModel.load(face_dir, threads=2)
    embedding = one.embed(one.prepare(picture()))
    np.testing.assert_array_equal(one.score(embedding).values, two.score(embedding).values)


def test_a_subset_of_heads_scores_like_the_whole(face, face_dir):
    some = ee.FaceEmotionModel.load(face_dir, heads=["awe", "anger"])
    whole = face(picture())
    assert some(picture()).names == ("awe", "anger")
    np.testing.assert_array_equal(
        some(picture()).values, np.float32([whole["awe"], whole["anger"]])
    )


def test_synthetic_scores_say_that_they_mean_nothing(face, voice):
    for scores in (face(picture()), voice(tone())):
        assert scores.synthetic
        assert "mean nothing" in repr(scores)
        assert json.loads(json.dumps(scores.to_dict()))["synthetic"] is True
    assert "synthetic" in repr(face)


def test_calibrated_scores_levels_and_coarse_classes_work_on_a_synthetic_directory(face, voice):
    assert np.isfinite(face(picture()).calibrated).all()
    coarse = face(picture()).coarse("affectnet")
    assert sum(entry.share for entry in coarse.values()) == pytest.approx(1, abs=1e-6)
    scores = voice(tone())
    assert scores.level("anger") in ("absent", "slight", "strong")
    with pytest.raises(UnknownNameError, match="age"):
        scores.level("age")


def test_info_says_what_was_asked_what_runs_and_why(face):
    info = json.loads(json.dumps(face.info))
    assert info["synthetic"] is True
    assert info["encoder"]["asked"] == "AUTO"
    assert info["encoder"]["used"] in ("CPU", "GPU")
    assert info["encoder"]["int8_ops"] > 0
    assert info["heads"]["precision"] == "int8"
    on_disk = face.directory.heads_bin.stat().st_size
    assert 0.9 * on_disk < info["heads"]["bytes"] < on_disk


def test_an_absent_device_falls_back_with_a_warning_or_fails_as_asked(face_dir):
    from emonet_edge.inference.devices import available_devices

    if any(name.startswith("NPU") for name in available_devices()):
        pytest.skip("this machine has an NPU")
    with pytest.warns(EmonetWarning, match="CPU instead of NPU") as warned:
        face = ee.FaceEmotionModel.load(face_dir, device="NPU")
    assert [warning.filename for warning in warned] == [__file__], "the user's line, once"
    assert (face.report.asked, face.report.used, face.device) == ("NPU", "CPU", "CPU")
    with pytest.raises(DeviceError):
        ee.FaceEmotionModel.load(face_dir, device="NPU", fallback=False)
    with pytest.raises(DeviceError, match="TPU"):
        ee.FaceEmotionModel.load(face_dir, device="TPU")


def test_both_models_take_the_directory_and_everything_else_by_keyword_in_one_order(face_dir):
    face, voice = (
        list(inspect.signature(model.load).parameters.values())
        for model in (ee.FaceEmotionModel, ee.VoiceEmotionModel)
    )
    assert [p.name for p in voice if p.name != "memory_budget"] == [p.name for p in face]
    assert {p.kind for p in face[1:] + voice[1:]} == {inspect.Parameter.KEYWORD_ONLY}
    with pytest.raises(TypeError, match="positional"):
        ee.FaceEmotionModel.load(face_dir, "CPU")


def test_a_memory_budget_keeps_emotions_before_attributes(voice_dir):
    directory = ee.ModelDir.open(voice_dir)
    from emonet_edge.heads import head_sizes
    from emonet_edge.model_dir import loading_bytes

    size = head_sizes(directory.heads_bin)["anger"]
    budget = loading_bytes(directory.manifest) + 4 * size
    with pytest.warns(EmonetWarning, match="leaves out 1 heads: gender") as warned:
        voice = ee.VoiceEmotionModel.load(voice_dir, memory_budget=budget)
    assert [warning.filename for warning in warned] == [__file__]
    assert [head.kind for head in voice.heads] == ["emotion"] * 3 + ["attribute"]
    assert voice.left_out == ("gender",)
    with pytest.warns(EmonetWarning, match="leaves out"):
        voice = ee.VoiceEmotionModel.load(
            voice_dir, heads=["gender", "age", "anger"], memory_budget=budget - 2 * size
        )
    assert [head.name for head in voice.heads] == ["gender", "age"]
    with pytest.raises(MemoryBudgetError, match="encoder and one head"):
        ee.VoiceEmotionModel.load(voice_dir, memory_budget=1_000_000)


def test_sound_longer_than_the_window_is_not_cut_silently(voice):
    for score in (voice, voice.prepare):
        with pytest.warns(EmonetWarning, match=r"only the first 30 s of 31\.0 s") as warned:
            score(tone(31))
        assert [warning.filename for warning in warned] == [__file__], "the user's line"


def test_stereo_and_other_rates_are_converted(voice):
    stereo = np.stack([tone(), tone()], axis=1)
    np.testing.assert_array_equal(voice(stereo).values, voice(tone()).values)
    time = np.arange(2 * 48000) / 48000
    high_rate = (0.3 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
    np.testing.assert_allclose(voice(high_rate, 48000).values, voice(tone()).values, atol=0.1)


@pytest.mark.parametrize(
    "image", [picture().astype(np.float32), picture()[..., 0], picture()[:0], "face.jpg"]
)
def test_a_picture_that_is_none_is_refused(image, face):
    with pytest.raises(ImageError):
        face(image)


@pytest.mark.parametrize(
    "waveform", [tone()[:0], np.full(9, np.nan, np.float32), np.zeros(9, np.int16)]
)
def test_a_sound_that_is_none_is_refused(waveform, voice):
    with pytest.raises(AudioError):
        voice(waveform)


def test_an_embedding_of_another_model_is_refused(face, voice):
    with pytest.raises(EmbeddingError):
        face.score(voice.embed(voice.prepare(tone())))


def test_a_directory_of_the_other_modality_is_refused(face_dir, voice_dir):
    with pytest.raises(ModelNotFoundError, match="load it with VoiceEmotionModel"):
        ee.FaceEmotionModel.load(voice_dir)
    with pytest.raises(ModelNotFoundError, match="load it with FaceEmotionModel"):
        ee.VoiceEmotionModel.load(face_dir)


def test_an_unknown_head_is_refused_with_what_was_probably_meant(face_dir, voice_dir):
    with pytest.raises(UnknownNameError, match=r"did you mean .*sadness"):
        ee.FaceEmotionModel.load(face_dir, heads=["sadnes"])
    with pytest.raises(UnknownNameError, match="has no 'pride'; it has awe"):
        ee.VoiceEmotionModel.load(voice_dir, heads=["pride"])
    with pytest.raises(InputError, match=r"pass \['anger'\]"):
        ee.VoiceEmotionModel.load(voice_dir, heads="anger")


def test_heads_may_be_named_as_the_upstream_files_are(face_dir):
    face = ee.FaceEmotionModel.load(face_dir, heads=["Jealousy & Envy", "model_awe_best.pth"])
    assert [head.name for head in face.heads] == ["jealousy_and_envy", "awe"]


@pytest.mark.parametrize("name", ["encoder.xml", "encoder.bin", "heads.bin", "manifest.json"])
def test_a_directory_that_lacks_a_file_is_refused(name, face_dir, copy_of):
    directory = copy_of(face_dir)
    (directory / name).unlink()
    with pytest.raises(ModelDirectoryError, match=name):
        ee.FaceEmotionModel.load(directory)


@pytest.mark.parametrize("name", ["encoder.xml", "encoder.bin", "heads.bin", "manifest.json"])
@pytest.mark.parametrize("how", ["changed", "shorter", "longer", "empty"])
def test_a_directory_with_a_damaged_file_is_refused(name, how, face_dir, copy_of):
    file = copy_of(face_dir) / name
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle] ^= 0xFF
    new = {"changed": content, "shorter": content[:-1], "longer": content + b"\0", "empty": b""}
    file.write_bytes(new[how])
    with pytest.raises((IntegrityError, ManifestError, PackedHeadsError)):
        ee.FaceEmotionModel.load(file.parent)


def test_nothing_is_overwritten_unasked(face_dir, tmp_path):
    with pytest.raises(ModelDirectoryError):
        ee.synthetic.write_face_model(face_dir)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ModelDirectoryError):
        ee.synthetic.write_face_model(tmp_path, overwrite=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_same_seed_writes_the_same_weights(face_dir, tmp_path):
    again = ee.synthetic.write_face_model(tmp_path / "deep" / "again")
    other = ee.synthetic.write_face_model(tmp_path / "other", seed=1)
    for name in ("encoder.bin", "heads.bin"):
        assert (again / name).read_bytes() == (face_dir / name).read_bytes()
        assert (other / name).read_bytes() != (face_dir / name).read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        {"preset": "huge"},
        {"precision": "int4"},
        {"suite": "medium"},
        {"heads_precision": "fp32"},
    ],
)
def test_an_impossible_synthetic_model_is_refused(arguments, tmp_path):
    with pytest.raises((InputError, UnknownNameError)):
        ee.synthetic.write_face_model(tmp_path / "face", **arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("heads", [0, 56, [], "anger", ["happiness"], True])
def test_impossible_synthetic_heads_are_refused(heads, tmp_path):
    with pytest.raises((InputError, UnknownNameError)):
        ee.synthetic.write_voice_model(tmp_path / "voice", heads=heads)


@pytest.mark.parametrize("heads_precision", ["int4", "fp16"])
def test_other_heads_precisions_and_suites_run(heads_precision, tmp_path):
    directory = ee.synthetic.write_face_model(
        tmp_path / "face", suite="large", heads_precision=heads_precision
    )
    face = ee.FaceEmotionModel.load(directory)
    assert face.info["heads"]["precision"] == heads_precision
    assert np.isfinite(face(picture()).values).all()
