"""The face detector on real photos, beside OpenCV's, and with files that are no detector."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

import emonet_edge as ee
import reference_image as reference
from emonet_edge.exceptions import (
    DeviceError,
    ImageError,
    InputError,
    IntegrityError,
    ModelNotFoundError,
)
from emonet_edge.inference.openvino_core import core
from emonet_edge.model_dir import ModelDirWriter
from emonet_edge.models.face_detector import COMPILED_SHAPES, DETECTOR_FILE
from emonet_edge.models.yunet import OUTPUTS, STRIDES, output_name, overlaps
from face_pictures import (
    FACES,
    LARGER_FACES,
    LARGER_PORTRAITS,
    LARGER_YUNET,
    PACKAGED_FACES,
    PORTRAITS,
    YUNETS,
    each,
    empty_room,
    paste,
    photo,
    scaled,
    yunet_file,
)
from material import FACELESS, needs_larger

every_photo = pytest.mark.parametrize("name", each(PACKAGED_FACES, LARGER_FACES))
absent = [kind for kind in ("GPU", "NPU") if kind not in str(core().available_devices)]


@pytest.fixture(scope="module", params=YUNETS)
def yunet(request):
    return yunet_file(request.param)


@pytest.fixture(scope="module")
def detector(yunet):
    return ee.FaceDetector.load(yunet)


def even(image):
    return np.ascontiguousarray(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2])


def pairs_of(found, expected):
    assert len(found) == len(expected)
    by_box = [sorted(faces, key=lambda face: face.box) for faces in (found, expected)]
    return zip(*by_box, strict=True)


def nearly_the_same_faces(found, expected):
    """As far as halved chroma and eight bits of YUV let it be."""
    for face, other in pairs_of(found, expected):
        assert overlaps(face.box, np.array([other.box]))[0] > 0.85
        near = 0.05 * max(other.box[2:])
        np.testing.assert_allclose(face.landmarks, other.landmarks, rtol=0, atol=near)
        assert face.score == pytest.approx(other.score, abs=0.03)


def same_faces(found, expected, pixels, score):
    for face, other in pairs_of(found, expected):
        np.testing.assert_allclose(face.box, other.box, rtol=0, atol=pixels)
        np.testing.assert_allclose(face.landmarks, other.landmarks, rtol=0, atol=pixels)
        assert face.score == pytest.approx(other.score, abs=score)


# What it finds


@every_photo
def test_every_photo_shows_the_right_number_of_faces(detector, name):
    assert len(detector.detect(photo(name))) == FACES[name]


@pytest.mark.parametrize("size", [320, 960])
def test_another_input_size_finds_the_same_number_of_faces(yunet, size):
    detector = ee.FaceDetector.load(yunet, input_size=size)
    found = {name: len(detector.detect(photo(name))) for name in FACES}
    assert found == FACES


@pytest.mark.parametrize("name", each(PORTRAITS, LARGER_PORTRAITS))
def test_boxes_lie_in_the_picture_and_landmarks_in_their_order(detector, name):
    image = photo(name)
    (face,) = detector.detect(image)
    x, y, width, height = face.box
    assert x >= 0
    assert y >= 0
    assert x + width <= image.shape[1]
    assert y + height <= image.shape[0]
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks
    assert right_eye[0] < left_eye[0]  # the person's right is on the left of the picture
    assert right_mouth[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    assert 0.7 <= face.score <= 1


def test_all_colour_orders_give_the_same_faces(detector):
    for name, count in FACES.items():
        image = even(photo(name))
        expected = detector.detect(image)
        assert len(expected) == count
        assert detector.detect(image[:, :, ::-1], "bgr") == expected
        for matrix, value_range in [("bt601", "limited"), ("bt709", "full")]:
            nv12 = reference.rgb_to_nv12(image, matrix, value_range)
            yuyv = reference.rgb_to_yuyv(image, matrix, value_range)
            how = {"matrix": matrix, "range": value_range}
            nearly_the_same_faces(detector.detect(nv12, "nv12", **how), expected)
            nearly_the_same_faces(detector.detect(yuyv, "yuyv", **how), expected)


def test_padded_rows_are_cut_to_the_width(detector):
    image = even(photo("astronaut"))
    nv12 = reference.rgb_to_nv12(image, "bt601", "limited")
    padded = np.pad(nv12, ((0, 0), (0, 64)))
    assert detector.detect(padded, "nv12", width=image.shape[1]) == detector.detect(nv12, "nv12")


@pytest.mark.parametrize("name", each(["officer"], ["tf-grace_hopper.bmp"]))
def test_boxes_are_in_pixels_of_the_picture_whatever_its_size(detector, name):
    image = photo(name)
    (face,) = detector.detect(image)
    for height, width in [(1080, 1920), (1920, 1080), (500, 2000)]:
        frame = empty_room(height, width)
        small = scaled(image, 400)
        paste(frame, small, width - 430, height - 450)
        (moved,) = detector.detect(frame)
        share = 400 / image.shape[0]
        expected = np.add(np.multiply(face.box, share), [width - 430, height - 450, 0, 0])
        np.testing.assert_allclose(moved.box, expected, atol=0.08 * face.box[3])


@pytest.mark.parametrize(
    "names", each([("astronaut", "officer", "astronaut")], [LARGER_PORTRAITS[:3]])
)
def test_faces_come_with_the_best_score_first(detector, names):
    frame = empty_room()
    for i, name in enumerate(names):
        paste(frame, scaled(photo(name), 300), 30 + 400 * i, 200)
    scores = [face.score for face in detector.detect(frame)]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 700, 3), (700, 2, 3), (33, 31, 3)])
def test_pictures_too_small_for_a_face_have_none(detector, shape):
    assert detector.detect(np.full(shape, 128, np.uint8)) == ()


@pytest.mark.parametrize("name", each(["officer"], ["azure-detection3.jpg"]))
def test_a_higher_least_score_finds_fewer(yunet, name):
    image = photo(name)
    assert len(ee.FaceDetector.load(yunet, min_score=0.5).detect(image)) == 1
    assert ee.FaceDetector.load(yunet, min_score=0.95).detect(image) == ()


# Beside OpenCV


@every_photo
def test_opencv_finds_the_same_faces_in_the_same_pixels(name):
    # OpenCV 4.14 cannot read the larger set's export, whose shapes are dynamic.
    cv2, yunet = pytest.importorskip("cv2"), yunet_file("yunet")
    ours = ee.FaceDetector.load(yunet, min_score=0.7)
    image = photo(name)
    height, width = (max(32, side // 32 * 32) for side in image.shape[:2])
    # Of a size that needs no resize: then both see the same pixels.
    image = np.ascontiguousarray(image[: min(height, 640), : min(width, 640)])
    height, width = image.shape[:2]
    theirs = cv2.FaceDetectorYN.create(str(yunet), "", (width, height), 0.7, 0.3, 1000)
    _, rows = theirs.detect(np.ascontiguousarray(image[:, :, ::-1]))
    expected = [
        ee.Face(clipped(row[:4], width, height), float(row[14]), tuple(row[4:14].reshape(5, 2)))
        for row in ([] if rows is None else rows)
    ]
    same_faces(ours.detect(image), expected, pixels=0.05, score=1e-3)


def clipped(box, width, height):
    x, y = max(float(box[0]), 0.0), max(float(box[1]), 0.0)
    right, bottom = min(box[0] + box[2], width), min(box[1] + box[3], height)
    return (x, y, float(right - x), float(bottom - y))


# Files and model directories


@needs_larger("weights")
def test_the_static_model_of_the_same_network_gives_the_same_faces():
    yunet = yunet_file(LARGER_YUNET)
    detector = ee.FaceDetector.load(yunet)
    static = ee.FaceDetector.load(yunet.with_name("yunet_n_640_640.onnx"))
    for name in (*PORTRAITS, *LARGER_PORTRAITS):
        image = photo(name)
        same_faces(static.detect(image), detector.detect(image), pixels=0.01, score=1e-4)


@pytest.fixture(scope="module")
def face_dir(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "face"
    ee.synthetic.write_face_model(path, preset="tiny")
    return path


def with_detector(source, target, content):
    """Write a copy of a model directory that holds a detector as well."""
    fields = json.loads((source / "manifest.json").read_text())
    files = fields.pop("files")
    for name in ("format", "format_version", "manifest_sha256"):
        del fields[name]
    with ModelDirWriter(target) as writer:
        for name in files:
            shutil.copy(source / name, writer.path(name))
        writer.path(DETECTOR_FILE).write_bytes(content)
        writer.finish(fields)
    return target


def test_a_model_directory_brings_its_detector(face_dir, yunet, tmp_path):
    path = with_detector(face_dir, tmp_path / "face", yunet.read_bytes())
    image = photo("astronaut")
    assert len(ee.FaceDetector.load(path).detect(image)) == 1
    damaged = bytearray(yunet.read_bytes())
    damaged[-1] ^= 1
    (path / DETECTOR_FILE).write_bytes(damaged)
    with pytest.raises(IntegrityError, match="sha256"):
        ee.FaceDetector.load(path)


def test_a_model_directory_without_a_detector_says_so(face_dir):
    with pytest.raises(ModelNotFoundError, match=f"{DETECTOR_FILE}.*lists none"):
        ee.FaceDetector.load(face_dir)


def test_a_folder_that_is_no_model_directory_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(ModelNotFoundError, match="no model directory"):
        ee.FaceDetector.load(tmp_path)
    with pytest.raises(ModelNotFoundError, match="no face detector there"):
        ee.FaceDetector.load(tmp_path / "nothing.onnx")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"not a model",
        b"\x08\x07" * 1000,
        b"\xff" * 5000,
        b"<?xml version='1.0'?><net/>",
    ],
)
def test_a_file_that_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "face_detector.onnx"
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"face_detector\.onnx"):
        ee.FaceDetector.load(path)


def test_a_pipe_and_a_huge_file_are_refused_unread(tmp_path):
    pipe, huge = tmp_path / "pipe", tmp_path / "huge"
    os.mkfifo(pipe)
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    for path in (pipe, huge):
        with pytest.raises(IntegrityError, match="regular file of at most"):
            ee.FaceDetector.load(path)


def onnx_file(path, outputs, inputs=("n", 3, "h", "w"), external=False):
    """An ONNX model that only adds 1 to its input and calls that by several names."""
    onnx = pytest.importorskip("onnx")
    one = onnx.numpy_helper.from_array(np.ones(1, np.float32), "one")
    if external:
        onnx.external_data_helper.set_external_data(one, "weights.bin")
        one.ClearField("raw_data")
        one.data_location = onnx.TensorProto.EXTERNAL
    add = [onnx.helper.make_node("Add", ["input", "one"], [name]) for name in outputs]
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        add, "g", [value("input", 1, inputs)], [value(name, 1, None) for name in outputs], [one]
    )
    opset = [onnx.helper.make_opsetid("", 13)]
    content = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    path.write_bytes(content)
    return path


def test_models_that_are_not_yunet_are_refused(tmp_path):
    names = [output_name(kind, stride) for kind in OUTPUTS for stride in STRIDES]
    for outputs in (["y"], names, names[:-1]):
        with pytest.raises(IntegrityError, match="twelve outputs"):
            ee.FaceDetector.load(onnx_file(tmp_path / "a.onnx", outputs))
    with pytest.raises(IntegrityError, match="twelve outputs"):
        ee.FaceDetector.load(onnx_file(tmp_path / "c.onnx", ["y"], inputs=(1, 1, 8, 8)))
    with pytest.raises(IntegrityError, match="must take one picture"):
        ee.FaceDetector.load(onnx_file(tmp_path / "b.onnx", names, inputs=("n", 3)))


def test_a_model_that_points_at_other_files_is_refused(tmp_path, monkeypatch):
    (tmp_path / "weights.bin").write_bytes(np.ones(1, np.float32).tobytes())
    monkeypatch.chdir(tmp_path)
    path = onnx_file(tmp_path / "a.onnx", ["y"], external=True)
    with pytest.raises(IntegrityError, match="hold all its weights itself"):
        ee.FaceDetector.load(path)


DAMAGE = """
import sys, numpy as np, emonet_edge as ee
from pathlib import Path
content, target = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])
picture = np.full((64, 96, 3), 90, np.uint8)
refused = 0
for seed in range(40):
    rng, data = np.random.default_rng(seed), bytearray(content)
    if seed % 3 == 0:
        data = data[: rng.integers(1, len(data))]
    elif seed % 3 == 1:
        data[rng.integers(0, 3000)] = rng.integers(256)
    else:
        for i in rng.integers(0, len(data), 20):
            data[i] = rng.integers(256)
    target.write_bytes(data)
    try:
        ee.FaceDetector.load(target).detect(picture)
    except ee.EmonetError:
        refused += 1
print(refused)
"""


def test_damaged_files_are_refused_or_run_but_never_crash(yunet, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", DAMAGE, str(yunet), str(tmp_path / "damaged.onnx")],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10


# Settings and use


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"input_size": 0}, InputError, "multiple of 32"),
        ({"input_size": 100}, InputError, "multiple of 32"),
        ({"input_size": 4096}, InputError, "got 4096"),
        ({"input_size": 640.5}, InputError, "multiple of 32"),
        ({"input_size": None}, InputError, "multiple of 32"),
        ({"min_score": 0}, InputError, "above 0 and at most 1"),
        ({"min_score": float("nan")}, InputError, "above 0 and at most 1"),
        ({"threads": 0}, InputError, "number of threads"),
        ({"device": "TPU"}, DeviceError, "TPU"),
    ],
)
def test_a_setting_out_of_range_is_refused(yunet, arguments, error, message):
    with pytest.raises(error, match=message):
        ee.FaceDetector.load(yunet, **arguments)


@pytest.mark.skipif(not absent, reason="every kind of device is here")
def test_a_device_that_is_absent_is_an_error_and_auto_finds_another(yunet):
    with pytest.raises(DeviceError, match=f"{absent[0]} is not among the devices here"):
        ee.FaceDetector.load(yunet, absent[0])
    assert ee.FaceDetector.load(yunet, "AUTO").device in core().available_devices


@pytest.mark.parametrize(
    ("image", "color", "message"),
    [
        (np.zeros((4, 4), np.uint8), "rgb", "repeat a grey picture"),
        (np.zeros((4, 4, 3), np.float32), "rgb", "dtype float32"),
        (np.zeros((0, 4, 3), np.uint8), "rgb", "at least one pixel"),
        (np.zeros((6, 5), np.uint8), "nv12", "even width"),
        (np.zeros((4, 4, 3), np.uint8), "RGB", "color must be one of"),
        ("picture.jpg", "rgb", "str; convert it"),
    ],
)
def test_a_picture_that_is_none_is_refused(detector, image, color, message):
    with pytest.raises(ImageError, match=message):
        detector.detect(image, color)


def test_only_the_last_few_shapes_stay_compiled(yunet):
    detector = ee.FaceDetector.load(yunet)
    for width in range(32, 400, 32):
        detector.detect(np.zeros((96, width, 3), np.uint8))
        assert len(detector._requests) <= COMPILED_SHAPES
    compiled = detector._requests[(96, 384)]
    detector.detect(np.zeros((96, 384, 3), np.uint8))
    assert detector._requests[(96, 384)] is compiled


def test_threads_share_a_detector(yunet):
    detector = ee.FaceDetector.load(yunet)
    images = [photo(name) for name in (*FACELESS, "astronaut", "officer")]
    expected = [detector.detect(image) for image in images]
    results = [None] * 4

    def detect(index):
        results[index] = [detector.detect(images[index]) for _ in range(5)]

    threads = [threading.Thread(target=detect, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[faces] * 5 for faces in expected]
