"""The crop that a face model sees."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonet_edge.exceptions import InputError
from emonet_edge.stream.faces.portrait import MARGIN, portrait_box
from face_pictures import LARGER_PORTRAITS, detector_of, photo
from material import needs_larger


@st.composite
def faces_in_pictures(draw):
    width, height = draw(st.integers(1, 3000)), draw(st.integers(1, 3000))
    x, y = draw(st.floats(0, width - 1)), draw(st.floats(0, height - 1))
    return (x, y, draw(st.floats(1, width - x)), draw(st.floats(1, height - y))), width, height


@settings(max_examples=300, deadline=None)
@given(faces_in_pictures(), st.floats(0, 3))
def test_a_portrait_holds_the_face_and_lies_inside_the_picture(case, margin):
    box, width, height = case
    x, y, columns, rows = portrait_box(box, width, height, margin)
    assert all(isinstance(value, int) for value in (x, y, columns, rows))
    assert min(x, y) >= 0
    assert x + columns <= width
    assert y + rows <= height
    assert x <= box[0]
    assert x + columns >= box[0] + box[2] - 1e-6
    assert y <= box[1]
    assert y + rows >= box[1] + box[3] - 1e-6


def test_a_portrait_is_a_square_around_the_face():
    assert portrait_box((500, 300, 150, 200), 1920, 1080, 0.25) == (425, 250, 300, 300)
    assert portrait_box((500, 300, 150, 200), 1920, 1080, 0) == (475, 300, 200, 200)


def test_at_an_edge_the_portrait_moves_inward_and_keeps_its_size():
    assert portrait_box((0, 300, 150, 200), 1920, 1080, 0.25) == (0, 250, 300, 300)
    assert portrait_box((1770, 880, 150, 200), 1920, 1080, 0.25) == (1620, 780, 300, 300)


def test_in_a_small_picture_it_is_the_largest_square_that_holds_the_face():
    assert portrait_box((50, 60, 150, 200), 400, 280, 0.5) == (0, 0, 280, 280)
    assert portrait_box((10, 10, 90, 200), 110, 400, 0.5) == (0, 10, 110, 200)


@needs_larger("pictures")
def test_the_default_margin_shows_what_the_published_portraits_show():
    pictures = [name for name in LARGER_PORTRAITS if name.startswith("laion")]
    assert len(pictures) == 3
    for name in pictures:
        image = photo(name)
        (face,) = detector_of(name).detect(image)
        height, width = image.shape[:2]
        wanted = max(face.box[2:]) * (1 + 2 * MARGIN)
        assert wanted == pytest.approx(height, rel=0.06)
        _, _, columns, rows = portrait_box(face.box, width, height)
        assert columns * rows > 0.88 * width * height


@pytest.mark.parametrize(
    ("box", "margin", "message"),
    [
        ((0, 0, 0, 10), 0.2, "must lie in the picture"),
        ((-20, 0, 10, 10), 0.2, "must lie in the picture"),
        ((640, 0, 10, 10), 0.2, "must lie in the picture"),
        ((0, 0, float("nan"), 10), 0.2, "must be finite"),
        ((0, 0, 10, 10), -0.1, "margin"),
        ((0, 0, 10, 10), float("nan"), "margin"),
    ],
)
def test_a_box_or_margin_that_makes_no_sense_is_refused(box, margin, message):
    with pytest.raises(InputError, match=message):
        portrait_box(box, 640, 480, margin)
