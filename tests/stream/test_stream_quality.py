"""Which faces are left unscored, and the reasons given."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from emonet_edge.exceptions import ImageError, InputError
from emonet_edge.models.face_detector import Face
from emonet_edge.stream.faces.quality import (
    QualityOptions,
    abstain_reason,
    border_distance,
    sharpness,
)
from emonet_edge.stream.faces.thumbnail import thumbnail
from emonet_edge.stream.faces.tracker import Track
from emonet_edge.stream.frames import Frame
from face_pictures import (
    LARGER_PORTRAITS,
    PORTRAITS,
    SETS,
    detector_of,
    each,
    empty_room,
    frame_of,
    pair,
    paste,
    photo,
    scaled,
)


def made_face(x=200.0, y=200.0, width=100.0, height=130.0):
    points = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]
    landmarks = tuple((x + a * width, y + b * height) for a, b in points)
    return Face((x, y, width, height), 0.9, landmarks)


def noise_frame(size=600):
    return frame_of(np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8))


# Logic


def test_a_small_face_is_named_with_its_size_and_the_limit():
    reason = abstain_reason(made_face(width=31, height=40), noise_frame())
    assert reason == "too small: 31 px, at least 48"
    assert abstain_reason(made_face(width=48, height=60), noise_frame()) == ""


@pytest.mark.parametrize("place", [{"x": -28.0}, {"x": 528.0}, {"y": 490.0}, {"y": -50.0}])
def test_a_face_that_the_picture_cuts_is_cut_off(place):
    face = made_face(**place)
    assert abstain_reason(face, noise_frame()).startswith("cut off")
    assert border_distance(face, 600, 600) < 0.25


def test_a_face_that_only_touches_the_edge_is_not_cut_off():
    assert abstain_reason(made_face(x=0.0), noise_frame()) == ""


def test_a_flat_picture_is_blurred_and_noise_is_sharp():
    flat = frame_of(np.full((600, 600, 3), 99, np.uint8))
    assert abstain_reason(made_face(), flat).startswith("blurred: sharpness 0.00")
    assert sharpness(np.random.default_rng(0).normal(100, 9, (48, 48)).astype(np.float32)) > 1
    assert sharpness(np.full((48, 48), 99, np.float32)) == 0


def test_sharpness_is_that_of_the_blurrier_direction():
    stripes = np.tile(np.arange(48) % 2 * 100.0, (48, 1)).astype(np.float32)
    assert sharpness(stripes) == sharpness(stripes.T) == 0


def test_a_condition_that_is_switched_off_is_not_looked_at():
    def never_read():
        raise AssertionError("nobody should look at the pixels")

    frame = Frame(0, 0.0, 600, 600, "rgb", never_read)
    options = QualityOptions(min_side=0, min_sharpness=0, min_border=0)
    assert abstain_reason(made_face(width=2, height=3), frame, options) == ""
    assert abstain_reason(made_face(width=2, height=3), frame).startswith("too small")


def test_a_thumbnail_that_is_there_already_is_used():
    flat = frame_of(np.full((600, 600, 3), 99, np.uint8))
    grey = thumbnail(noise_frame(), made_face().box)
    assert abstain_reason(made_face(), flat, grey=grey) == ""


def test_a_track_is_as_good_as_a_face():
    face = made_face(width=20, height=30)
    assert abstain_reason(Track(1, face, 0.0, 0.0), noise_frame()).startswith("too small: 20 px")


def test_a_face_that_lies_outside_is_an_error_and_no_reason():
    face = made_face(x=900.0)
    with pytest.raises(ImageError, match="box must be"):
        abstain_reason(face, noise_frame(), QualityOptions(min_border=0))


@pytest.mark.parametrize("name", ["min_side", "min_sharpness", "min_border"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_options_out_of_range_are_refused(name, value):
    with pytest.raises(InputError, match=name):
        QualityOptions(**{name: value})


# Real photos


@pytest.mark.parametrize("name", each(PORTRAITS, [*LARGER_PORTRAITS, "azure-detection6.jpg"]))
def test_every_real_face_can_be_scored(name):
    frame = frame_of(photo(name))
    found = detector_of(name).detect(frame.image)
    assert found
    assert {abstain_reason(face, frame) for face in found} == {""}


def test_two_real_faces_in_a_picture_can_be_scored():
    frame = frame_of(pair())
    found = detector_of("officer").detect(frame.image)
    assert [abstain_reason(face, frame) for face in found] == ["", ""]


@pytest.mark.parametrize("name", each(PORTRAITS, LARGER_PORTRAITS))
def test_a_real_face_out_of_focus_or_in_motion_is_blurred(name):
    image = photo(name)
    (face,) = detector_of(name).detect(image)
    focus = ImageFilter.GaussianBlur(0.06 * face.box[2])
    out_of_focus = np.asarray(Image.fromarray(image).filter(focus))
    assert abstain_reason(face, frame_of(out_of_focus)).startswith("blurred")
    way = round(0.25 * face.box[2])
    padded = np.pad(image, ((0, 0), (way, 0), (0, 0)), mode="edge").astype(np.float32)
    sums = np.cumsum(padded, axis=1)
    in_motion = ((sums[:, way:] - sums[:, :-way]) / way).astype(np.uint8)
    assert abstain_reason(face, frame_of(in_motion)).startswith("blurred")


@pytest.mark.parametrize("name", each(PORTRAITS, LARGER_PORTRAITS))
def test_a_real_face_of_just_enough_pixels_is_not_called_blurred(name):
    image = photo(name)
    (face,) = detector_of(name).detect(image)
    share = 50 / min(face.box[2:])
    small = scaled(image, round(image.shape[0] * share))
    moved = tuple(np.multiply(face.landmarks, small.shape[0] / image.shape[0]).tolist())
    box = tuple(np.multiply(face.box, small.shape[0] / image.shape[0]).tolist())
    assert abstain_reason(Face(box, face.score, moved), frame_of(small)) == ""


SIDES = ("left", "right", "bottom")


@pytest.mark.parametrize(
    ("which", "side"),
    each([("packages", s) for s in SIDES], [("larger set", s) for s in SIDES], width=2),
)
def test_a_real_face_of_which_a_third_is_missing_is_cut_off(which, side):
    reasons = []
    for name in SETS[which]:
        detector, image = detector_of(name), photo(name)
        (face,) = detector.detect(image)
        x, y, width, height = (int(value) for value in face.box)
        third_x, third_y = width // 3, height // 3
        rest = {
            "left": image[:, x + third_x :],
            "right": image[:, : x + width - third_x],
            "bottom": image[: y + height - third_y],
        }[side]
        found = detector.detect(rest)
        reasons += [abstain_reason(f, frame_of(rest)) for f in found]
    least, whole = {"packages": (2, 0), "larger set": (10, 1)}[which]
    assert len(reasons) >= least
    # A head in profile may lose a third of its box and keep its whole face.
    assert sum(reason.startswith("cut off") for reason in reasons) >= len(reasons) - whole


@pytest.mark.parametrize("name", each(["officer"], ["azure-detection1.jpg"]))
def test_a_small_face_in_a_large_frame_is_too_small(name):
    frame = empty_room(1080, 1920)
    paste(frame, scaled(photo(name), 100), 800, 400)
    (face,) = detector_of(name, input_size=1280).detect(frame)
    assert abstain_reason(face, frame_of(frame)).startswith("too small")
