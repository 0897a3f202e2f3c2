"""Whether a face has changed: made patterns, and real faces that stay still or change."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image

from emonet_edge.exceptions import InputError
from emonet_edge.stream.faces.change import CHANGED, difference, thumbnail
from face_pictures import SETS, detector_of, each, frame_of, photo


def pattern(seed=0, size=48):
    small = np.random.default_rng(seed).uniform(0, 255, (7, 7)).astype(np.float32)
    grown = Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(grown)


# Made patterns


def test_the_same_thumbnail_is_no_change():
    assert difference(pattern(), pattern()) < 1e-3


def test_light_and_contrast_are_no_change():
    assert difference(pattern(), 0.6 * pattern() + 30) < 0.01


def test_noise_of_a_camera_is_no_change():
    noise = np.random.default_rng(1).normal(0, 3, (48, 48)).astype(np.float32)
    assert difference(pattern(), pattern() + noise) < CHANGED


@pytest.mark.parametrize(
    "cut", [(4, 2, 60, 58), (0, 0, 64, 64), (6, 6, 58, 58), (2, 3, 62, 59)],
    ids=["shifted", "smaller", "larger", "stretched"],
)  # fmt: skip
def test_a_box_that_jitters_is_no_change(cut):
    whole = Image.fromarray(pattern(size=64))
    bilinear = Image.Resampling.BILINEAR
    before = np.asarray(whole.resize((48, 48), bilinear, box=(3, 3, 61, 61)))
    now = np.asarray(whole.resize((48, 48), bilinear, box=cut))
    assert difference(before, now) < CHANGED


def test_a_change_of_a_small_part_counts():
    now = pattern().copy()
    now[30:36, 16:32] -= 80
    assert difference(pattern(), now) > 2 * CHANGED


def test_another_pattern_is_a_change_both_ways():
    for a, b in itertools.permutations(range(4), 2):
        assert difference(pattern(a), pattern(b)) > 5 * CHANGED


def test_a_turned_picture_is_a_change():
    turned = np.asarray(Image.fromarray(pattern()).rotate(8, Image.Resampling.BICUBIC))
    assert difference(pattern(), turned) > CHANGED


def test_thumbnails_without_any_detail_have_an_answer():
    flat = np.full((48, 48), 90, np.float32)
    assert difference(flat, flat + 5) == 0
    assert difference(flat, pattern()) > CHANGED
    assert difference(pattern(), flat) > CHANGED
    stripes = np.tile(np.sin(np.arange(48) / 3), (48, 1)).astype(np.float32)
    assert difference(stripes, stripes) < 1e-3


@pytest.mark.parametrize("other", [np.zeros((24, 24), np.float32), np.zeros(48, np.float32), 7.0])
def test_another_shape_is_refused(other):
    with pytest.raises(InputError, match=r"a thumbnail is \[48, 48\]"):
        difference(pattern(), other)


# Real faces: the detector runs again on every changed picture

both_sets = pytest.mark.parametrize("which", each(["packages"], ["larger set"]), indirect=True)


@pytest.fixture(scope="module")
def which(request):
    """Whose pictures: the packages' or the larger set's; see `both_sets`."""
    return request.param


@pytest.fixture(scope="module")
def detector(which):
    return detector_of(SETS[which][0])


@pytest.fixture(scope="module")
def people(which, detector):
    """Photos with room around, their face, and its thumbnail."""
    found = []
    for name in SETS[which]:
        image = np.pad(photo(name), ((60, 60), (60, 60), (0, 0)), mode="edge")
        (face,) = detector.detect(image)
        found.append((image, face, thumbnail(frame_of(image), face.box)))
    return found


def moved(image, dx=0.0, dy=0.0, scale=1.0, degrees=0.0):
    """Shift by pixels, scale and turn about the middle."""
    height, width = image.shape[:2]
    angle, x, y = np.radians(degrees), width / 2, height / 2
    c, s = np.cos(angle) / scale, np.sin(angle) / scale
    matrix = (c, s, x - c * (x + dx) - s * (y + dy), -s, c, y + s * (x + dx) - c * (y + dy))
    size, bicubic = (width, height), Image.Resampling.BICUBIC
    picture = Image.fromarray(image).transform(size, Image.Transform.AFFINE, matrix, bicubic)
    return np.asarray(picture)


def pushed(image, centre, radius, by):
    """Push the skin around a point by some pixels, fading out with distance."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    share = np.exp(-(((x - centre[0]) / radius[0]) ** 2) - ((y - centre[1]) / radius[1]) ** 2)
    at_x = np.clip(np.rint(x - by[0] * share), 0, image.shape[1] - 1).astype(int)
    at_y = np.clip(np.rint(y - by[1] * share), 0, image.shape[0] - 1).astype(int)
    return image[at_y, at_x]


def again(detector, image, before):
    (face,) = detector.detect(image)
    return difference(before, thumbnail(frame_of(image), face.box))


@both_sets
def test_a_still_face_stays_below_the_threshold(detector, people):
    rng, found = np.random.default_rng(0), []
    for image, _, before in people:
        for _ in range(4):
            dx, dy, scale, light = *rng.uniform(-8, 8, 2), *rng.uniform([0.98, 0.85], [1.02, 1.1])
            now = light * moved(image, dx, dy, scale) + rng.normal(0, 8, image.shape)
            found.append(again(detector, np.clip(now, 0, 255).astype(np.uint8), before))
    assert np.mean(np.array(found) < CHANGED) > 0.95
    assert np.median(found) < CHANGED / 2


def opened_mouth(image, face):
    _, _, width, height = face.box
    mouth = np.mean(face.landmarks[3:], axis=0)
    below = np.add(mouth, [0, 0.1 * height])
    return pushed(image, below, (0.3 * width, 0.12 * height), (0, 0.08 * height))


def smile(image, face):
    _, _, width, height = face.box
    for corner, side in zip(face.landmarks[3:], (-1, 1), strict=True):
        by = (side * 0.06 * width, -0.06 * height)
        image = pushed(image, corner, (0.12 * width, 0.1 * height), by)
    return image


def raised_brows(image, face):
    _, _, width, height = face.box
    for eye in face.landmarks[:2]:
        above = np.subtract(eye, [0, 0.1 * height])
        image = pushed(image, above, (0.15 * width, 0.07 * height), (0, -0.06 * height))
    return image


def turned_head(image, face):
    x, y, width, height = face.box
    middle = (x + width / 2, y + height / 2)
    return pushed(image, middle, (0.5 * width, 0.6 * height), (0.1 * width, 0))


EXPRESSIONS = (opened_mouth, smile, raised_brows, turned_head)


@pytest.mark.parametrize(
    ("which", "change"),
    each([("packages", e) for e in EXPRESSIONS], [("larger set", e) for e in EXPRESSIONS], width=2),
    indirect=["which"],
)
def test_another_expression_or_pose_lies_above_the_threshold(detector, people, change):
    found = [again(detector, change(image, face), before) for image, face, before in people]
    assert np.mean(np.array(found) >= CHANGED) > 0.9
    assert np.median(found) > 2 * CHANGED


@both_sets
def test_a_tilted_head_lies_above_the_threshold(detector, people):
    found = [again(detector, moved(image, degrees=8), before) for image, _, before in people]
    assert min(found) > CHANGED


@both_sets
def test_another_person_lies_far_above_the_threshold(people):
    greys = [grey for _, _, grey in people]
    assert min(difference(a, b) for a, b in itertools.combinations(greys, 2)) > 5 * CHANGED
