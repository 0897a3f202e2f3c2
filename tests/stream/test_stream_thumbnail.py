"""The grey thumbnail of a face."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import reference_image as reference
from emonet_edge.exceptions import ImageError
from emonet_edge.stream.faces.thumbnail import THUMBNAIL_SIZE, thumbnail
from emonet_edge.stream.frames import Frame
from face_pictures import frame_of


def smooth(height, width):
    small = np.random.default_rng(0).integers(0, 256, (height // 16, width // 16, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def test_it_is_the_luma_of_the_box_and_a_tenth_around():
    image = smooth(320, 480)
    grey = thumbnail(frame_of(image), (100, 50, 100, 120))
    part = reference.resize(image[38:182, 90:210], THUMBNAIL_SIZE)
    assert grey.dtype == np.float32
    assert grey.shape == (48, 48)
    np.testing.assert_allclose(grey, part @ [0.299, 0.587, 0.114], atol=1e-3)


def test_what_is_around_the_picture_does_not_exist():
    image = smooth(320, 480)
    grey = thumbnail(frame_of(image), (0, 0, 480, 320))
    np.testing.assert_allclose(
        grey, reference.resize(image, THUMBNAIL_SIZE) @ [0.299, 0.587, 0.114], atol=1e-3
    )
    same = thumbnail(frame_of(image), (-50, -80, 580, 480))
    np.testing.assert_array_equal(same, grey)


def test_every_colour_order_gives_nearly_the_same_thumbnail():
    image, box = smooth(320, 480), (100, 50, 100, 120)
    expected = thumbnail(frame_of(image), box)
    planes = {
        "bgr": image[:, :, ::-1],
        "nv12": reference.rgb_to_nv12(image, "bt709", "limited"),
        "yuyv": reference.rgb_to_yuyv(image, "bt709", "limited"),
    }
    for color, data in planes.items():
        frame = Frame(0, 0.0, 480, 320, color, lambda data=data: data, "bt709", "limited")
        assert np.abs(thumbnail(frame, box) - expected).mean() < 2


@pytest.mark.parametrize("box", [(500, 0, 50, 50), (-80, 10, 50, 50), (10, 400, 20, 20)])
def test_a_box_outside_the_picture_is_refused(box):
    with pytest.raises(ImageError, match="box must be"):
        thumbnail(frame_of(smooth(320, 480)), box)
