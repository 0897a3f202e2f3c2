"""Image preparation against Pillow and against the plain specification."""

from __future__ import annotations

import threading

import numpy as np
import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import reference_image as reference
from emonet_edge import _core
from emonet_edge.exceptions import ImageError, IsaError
from emonet_edge.image import _planes, preprocess_image
from face_pictures import LARGER_FACES, PACKAGED_FACES, each, photo

ISAS = _core.available_isas()
MATRICES = ["bt601", "bt709"]
RANGES = ["limited", "full"]
BILINEAR = Image.Resampling.BILINEAR
PILLOW_ORDERS_PASSES_AS_WE_DO = int(PIL.__version__.split(".")[0]) >= 13

any_isa = pytest.mark.parametrize("isa", ISAS)
any_matrix = pytest.mark.parametrize("matrix", MATRICES)
any_range = pytest.mark.parametrize("value_range", RANGES)


def noise(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def smooth(height, width, seed=0):
    small = Image.fromarray(noise(max(height // 16, 2), max(width // 16, 2), seed=seed))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def resized(image, box=None, color="rgb", *, width=None, matrix="bt601", value_range="limited",
            size=384, isa=""):  # fmt: skip
    data, chroma, pixels = _planes(image, color, width)
    return _core.resize_image(
        data, chroma, pixels, color=color, matrix=matrix, range=value_range, box=box,
        size=reference.sides(size), isa=isa,
    )  # fmt: skip


def pillow_resized(image, size=384):
    """Pillow's answer; before version 13 by two single passes in the order that 13 has."""
    picture = Image.fromarray(image)
    height, width = reference.sides(size)
    if not PILLOW_ORDERS_PASSES_AS_WE_DO:
        columns_first = reference.columns_first(picture.height, picture.width, size)
        between = (picture.width, height) if columns_first else (width, picture.height)
        picture = picture.resize(between, BILINEAR)
    return np.asarray(picture.resize((width, height), BILINEAR))


def crop(image, box):
    x, y, width, height = box
    return image[y : y + height, x : x + width]


# The resize is Pillow's, to the last bit


@any_isa
@pytest.mark.parametrize(
    ("height", "width"),
    [
        (1, 1), (1, 2), (2, 1), (1, 9), (9, 1), (1, 385), (385, 1), (1, 5000), (5000, 1),
        (2, 2), (5, 6), (12, 13), (383, 383), (383, 385), (384, 384), (385, 383), (384, 768),
        (768, 384), (7, 5000), (5000, 7), (600, 300), (480, 640), (720, 1280), (1280, 720),
        (65535, 3), (3, 65535),
    ],
)  # fmt: skip
def test_resize_equals_pillow_at_awkward_sizes(height, width, isa):
    image = noise(height, width)
    np.testing.assert_array_equal(resized(image, isa=isa), pillow_resized(image))


@pytest.mark.parametrize("width", [350, 384, 385, 400, 480, 640])
@pytest.mark.parametrize("above", [-1, 0, 1, 2])
def test_the_order_of_the_passes_changes_where_pillow_changes_it(width, above):
    border = 384 + 2 * max(width - 384, 0)  # the greatest height whose rows are resized first
    image = noise(border + above, width)
    assert reference.columns_first(border + above, width, 384) == (above > 0)
    np.testing.assert_array_equal(resized(image), pillow_resized(image))


@st.composite
def pictures_with_boxes(draw):
    height, width = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    box = (x, y, draw(st.integers(1, width - x)), draw(st.integers(1, height - y)))
    sides = st.integers(1, 130)
    size = draw(st.one_of(sides, st.tuples(sides, sides)))
    return noise(height, width, seed=draw(st.integers(0, 99))), box, size


@any_isa
@settings(max_examples=150, deadline=None)
@given(case=pictures_with_boxes())
def test_resize_of_a_box_equals_pillow_crop_and_resize(case, isa):
    image, box, size = case
    expected = pillow_resized(crop(image, box), size)
    np.testing.assert_array_equal(resized(image, box, size=size, isa=isa), expected)


@settings(max_examples=40, deadline=None)
@given(case=pictures_with_boxes())
def test_resize_equals_the_plain_specification(case):
    image, box, size = case
    expected = reference.resize(crop(image, box), size)
    np.testing.assert_array_equal(resized(image, box, size=size), expected)


@any_isa
@pytest.mark.parametrize(
    ("height", "width", "size"),
    [
        (4000, 3000, 1), (3000, 4000, 2), (2000, 1500, 5), (40, 30, 1000), (9, 7, 4096),
        (1080, 1920, (352, 640)), (1920, 1080, (640, 352)), (3000, 40, (2, 4096)),
        (40, 3000, (4096, 2)),
    ],
)  # fmt: skip
def test_resize_equals_pillow_at_huge_reductions_and_enlargements(height, width, size, isa):
    image = noise(height, width)
    np.testing.assert_array_equal(resized(image, size=size, isa=isa), pillow_resized(image, size))


@any_isa
@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
def test_a_flat_picture_stays_flat(value, isa):
    image = np.full((777, 1234, 3), value, np.uint8)
    assert np.unique(resized(image, isa=isa)).tolist() == [value]


@pytest.mark.parametrize("name", each(PACKAGED_FACES, LARGER_FACES))
def test_real_pictures_equal_pillow(name):
    image = photo(name)
    expected = pillow_resized(image)
    for isa in ISAS:
        np.testing.assert_array_equal(resized(image, isa=isa), expected, isa)


# Boxes


def test_pixels_outside_the_box_have_no_influence():
    image, other = noise(200, 300, seed=1), noise(200, 300, seed=2)
    box = (41, 33, 57, 91)
    crop(other, box)[:] = crop(image, box)
    np.testing.assert_array_equal(preprocess_image(image, box), preprocess_image(other, box))


@pytest.mark.parametrize(
    ("box", "whole"),
    [
        ((10.2, 20.7, 30.0, 40.0), (10, 20, 31, 41)),
        ((10.0, 20.0, 30.5, 40.5), (10, 20, 31, 41)),
        ((10.9, 20.9, 0.2, 0.2), (10, 20, 2, 2)),
        ((10.4, 20.4, 0.2, 0.2), (10, 20, 1, 1)),
        ((np.float32(10), np.int64(20), 30, 40), (10, 20, 30, 40)),
        # Rounding noise of a detector that clips in float32
        ((0.1, 0.2, 299.9 + 1e-5, 199.8 + 1e-5), (0, 0, 300, 200)),
        ((10 - 1e-5, 20 - 1e-5, 30, 40), (10, 20, 30, 40)),
    ],
)
def test_a_box_of_floats_is_rounded_outward(box, whole):
    image = noise(200, 300)
    np.testing.assert_array_equal(preprocess_image(image, box), preprocess_image(image, whole))


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 0, 10), (0, 0, 10, 0), (0, 0, -5, 10), (-1, 0, 10, 10), (0, -0.5, 10, 10),
        (0, 0, 301, 10), (295, 0, 6, 10), (0, 195.5, 10, 5), (1e300, 0, 1, 1), (0, 0, 1e300, 1),
        (float("nan"), 0, 1, 1), (0, 0, float("inf"), 1), (0, 0, 10), (0, 0, 10, 10, 10),
        ("a", 0, 1, 1), 7,
    ],
)  # fmt: skip
def test_a_box_that_is_empty_outside_or_no_box_is_refused(box):
    with pytest.raises(ImageError, match="box must be"):
        preprocess_image(noise(200, 300), box)


# Normalisation


@any_isa
@pytest.mark.parametrize("size", [384, 1, 15, 16, 17, 33])
def test_normalisation_follows_its_formula(size, isa):
    image, mean, std = smooth(90, 120), (0.5, 0.4, 0.3), (0.5, 0.25, 0.2)
    data, _, width = _planes(image, "rgb", None)
    result = _core.preprocess_image(
        data, None, width, color="rgb", matrix="bt601", range="limited", box=None,
        size=(size, size), mean=mean, std=std, isa=isa,
    )  # fmt: skip
    assert result.shape == (3, size, size)
    assert result.dtype == np.float32
    expected = reference.normalise(resized(image, size=size), mean, std)
    np.testing.assert_allclose(result, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("color", ["rgb", "bgr", "nv12", "yuyv"])
def test_every_isa_gives_the_same_bits(color):
    frame = {
        "rgb": noise(301, 407), "bgr": noise(301, 407),
        "nv12": noise(450, 406, 1)[:, :, 0], "yuyv": noise(301, 406, 2),
    }[color]  # fmt: skip
    data, chroma, width = _planes(frame, color, None)
    results = {
        isa: _core.preprocess_image(
            data, chroma, width, color=color, matrix="bt709", range="full",
            box=(3.0, 5.0, 251.0, 289.0), size=(97, 61),
            mean=(0.48, 0.46, 0.41), std=(0.27, 0.26, 0.28), isa=isa,
        ).tobytes()
        for isa in ISAS
    }  # fmt: skip
    assert len(set(results.values())) == 1


def test_an_unknown_isa_is_refused():
    with pytest.raises(IsaError, match="sse9"):
        resized(noise(4, 4), isa="sse9")


# Colour orders


def test_bgr_of_the_same_picture_gives_the_same_result():
    image = smooth(240, 320)
    mean, std = (0.1, 0.5, 0.9), (0.2, 0.5, 0.8)
    swapped = np.ascontiguousarray(image[:, :, ::-1])
    np.testing.assert_array_equal(
        preprocess_image(image, mean=mean, std=std),
        preprocess_image(swapped, color="bgr", mean=mean, std=std),
    )
    np.testing.assert_array_equal(resized(image), resized(swapped, color="bgr"))


def test_bgr_taken_for_rgb_gives_another_result():
    image = smooth(240, 320)
    difference = preprocess_image(image) - preprocess_image(image, color="bgr")
    assert np.abs(difference).max() > 0.5


@any_isa
@any_matrix
@any_range
def test_every_yuv_value_is_within_one_level_of_the_real_conversion(matrix, value_range, isa):
    levels = np.unique(np.r_[0:256:5, 1, 15, 16, 17, 127, 128, 129, 235, 236, 240, 241, 255])
    luma, u, v = np.meshgrid(np.arange(256), levels, levels, indexing="ij")
    yuv = np.stack([luma, u, v], axis=-1).astype(np.uint8).reshape(256, -1, 3)
    frame = np.stack([yuv.repeat(2, axis=1)[:, :, 0], yuv[:, :, 1:].reshape(256, -1)], axis=-1)
    converted = np.empty((256, frame.shape[1], 3), np.uint8)
    for start in range(0, frame.shape[1], 256):  # at its own size the resize changes nothing
        part = frame[:, max(start - 256, 0) : start + 256][:, -256:]
        converted[:, max(start - 256, 0) : start + 256][:, -256:] = resized(
            part, color="yuyv", matrix=matrix, value_range=value_range, size=256, isa=isa
        )
    expected = reference.yuv_to_rgb(yuv, matrix, value_range)
    assert np.abs(converted[:, ::2] - expected).max() <= 1
    np.testing.assert_array_equal(
        converted[:, ::2], reference.yuv_to_rgb_fixed(yuv, matrix, value_range)
    )


@st.composite
def yuv_cases(draw):
    height, width = 2 * draw(st.integers(1, 40)), 2 * draw(st.integers(1, 80))
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    box = (x, y, draw(st.integers(1, width - x)), draw(st.integers(1, height - y)))
    return height, width, box, draw(st.sampled_from([1, 31, 64, (5, 64), (64, 33)]))


@any_isa
@settings(max_examples=60, deadline=None)
@given(case=yuv_cases(), matrix=st.sampled_from(MATRICES), value_range=st.sampled_from(RANGES))
def test_nv12_is_converted_then_resized(case, matrix, value_range, isa):
    height, width, box, size = case
    luma, chroma = noise(height, width, 1)[:, :, 0], noise(height // 2, width // 2, 2, seed=1)
    rgb = reference.yuv_to_rgb_fixed(reference.nv12_to_yuv(luma, chroma), matrix, value_range)
    expected = reference.resize(crop(rgb, box), size)
    result = resized(
        (luma, chroma), box, "nv12", matrix=matrix, value_range=value_range, size=size, isa=isa
    )
    np.testing.assert_array_equal(result, expected)


@any_isa
@settings(max_examples=60, deadline=None)
@given(case=yuv_cases(), matrix=st.sampled_from(MATRICES), value_range=st.sampled_from(RANGES))
def test_yuyv_is_converted_then_resized(case, matrix, value_range, isa):
    height, width, box, size = case
    frame = noise(height, width, 2)
    rgb = reference.yuv_to_rgb_fixed(reference.yuyv_to_yuv(frame), matrix, value_range)
    expected = reference.resize(crop(rgb, box), size)
    result = resized(frame, box, "yuyv", matrix=matrix, value_range=value_range, size=size, isa=isa)
    np.testing.assert_array_equal(result, expected)


@any_matrix
@any_range
def test_one_picture_in_every_colour_format_gives_nearly_the_same_result(matrix, value_range):
    # Grey-level errors of 8-bit YUV and of halved chroma on a smooth picture: a few levels.
    image = smooth(360, 480)
    expected = preprocess_image(image)
    nv12 = reference.rgb_to_nv12(image, matrix, value_range)
    yuyv = reference.rgb_to_yuyv(image, matrix, value_range)
    for frame, color in [(nv12, "nv12"), (yuyv, "yuyv")]:
        result = preprocess_image(frame, color=color, matrix=matrix, range=value_range)
        assert np.abs(result - expected).mean() < 4 / 127.5
        other = "bt709" if matrix == "bt601" else "bt601"
        wrong = preprocess_image(frame, color=color, matrix=other, range=value_range)
        assert np.abs(result - expected).mean() < np.abs(wrong - expected).mean()


def test_padded_nv12_and_yuyv_rows_are_cut_to_the_width():
    luma, chroma = noise(40, 70, 1)[:, :, 0], noise(20, 70, 1, seed=1)[:, :, 0]
    tight = np.concatenate([luma[:, :50], chroma[:, :50]])
    expected = preprocess_image(tight, color="nv12")
    padded = np.concatenate([luma, chroma])
    planes = (luma, np.pad(chroma, ((0, 0), (0, 26))))  # each plane has a stride of its own
    np.testing.assert_array_equal(preprocess_image(padded, color="nv12", width=50), expected)
    np.testing.assert_array_equal(preprocess_image(planes, color="nv12", width=50), expected)
    frame = noise(40, 70, 1)[:, :, 0]
    tight = np.ascontiguousarray(frame[:, :60]).reshape(40, 30, 2)
    np.testing.assert_array_equal(
        preprocess_image(frame, color="yuyv", width=30), preprocess_image(tight, color="yuyv")
    )


# Memory layouts


@pytest.mark.parametrize(
    "view",
    [
        lambda image: image[10:110, 20:150],
        lambda image: image[::2],
        lambda image: image[::-1],
        lambda image: image[:, ::2],
        lambda image: image[:, ::-1],
        lambda image: image[:, :, ::-1],
        lambda image: image.transpose(1, 0, 2),
        lambda image: np.asfortranarray(image),
        lambda image: np.broadcast_to(image[:1], (50, *image.shape[1:])),
    ],
    ids=["crop", "rows", "upside down", "columns", "mirrored", "swapped", "turned", "fortran",
         "one row"],
)  # fmt: skip
def test_views_give_what_their_copy_gives(view):
    image = view(noise(200, 300))
    expected = preprocess_image(np.array(image, order="C", copy=True))
    np.testing.assert_array_equal(preprocess_image(image), expected)


def test_a_crop_view_and_a_read_only_picture_are_not_copied():
    image = noise(200, 300)
    image.setflags(write=False)
    data, _, _ = _planes(image[10:110, 20:150], "rgb", None)
    assert np.shares_memory(data, image)
    assert data.shape == (100, 390)


def test_the_picture_is_only_read():
    image = noise(200, 300)
    before = image.copy()
    preprocess_image(image, (3, 4, 100, 90))
    np.testing.assert_array_equal(image, before)


def test_threads_share_a_picture():
    image = noise(480, 640)
    expected = preprocess_image(image)
    results = [None] * 4

    def prepare(index):
        results[index] = preprocess_image(image)

    threads = [threading.Thread(target=prepare, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_a_different_picture_changes_the_result_and_the_order_of_calls_does_not():
    first, second = noise(100, 100, seed=1), noise(100, 100, seed=2)
    a, b = preprocess_image(first), preprocess_image(second)
    assert np.abs(a - b).max() > 0.1
    np.testing.assert_array_equal(preprocess_image(second), b)
    np.testing.assert_array_equal(preprocess_image(first), a)


def test_a_hundred_megapixels_work():
    image = np.broadcast_to(noise(1, 12500), (8000, 12500, 3))
    result = resized(image)
    np.testing.assert_array_equal(result, np.broadcast_to(result[:1], result.shape))
    narrow = np.broadcast_to(noise(1, 12500), (100, 12500, 3))
    np.testing.assert_array_equal(result, resized(narrow))


# Bad input


@pytest.mark.parametrize(
    ("image", "color", "message"),
    [
        (noise(4, 4).astype(np.float32), "rgb", r"float32; scale 0\.\.1 to 0\.\.255"),
        (noise(4, 4).astype(np.int64), "rgb", "dtype int64"),
        ([[1, 2], [3, 4]], "rgb", "list; convert it with np.asarray"),
        (noise(4, 4)[:, :, 0], "rgb", "repeat a grey picture"),
        (noise(4, 4, 1), "rgb", "repeat a grey picture"),
        (noise(4, 4, 4), "bgr", "drop the fourth channel"),
        (noise(4, 4, 2), "rgb", "yuyv"),
        (np.zeros((3, 9, 9), np.uint8), "rgb", "transpose"),
        (np.zeros((1, 9, 9, 3), np.uint8), "rgb", "one picture at a time"),
        (np.zeros((0, 9, 3), np.uint8), "rgb", "at least one pixel; got 9x0"),
        (np.zeros((9, 0, 3), np.uint8), "rgb", "at least one pixel; got 0x9"),
        (np.zeros((0, 0, 3), np.uint8), "bgr", "at least one pixel; got 0x0"),
        (np.broadcast_to(np.uint8(0), (1, 65536, 3)), "rgb", "65535 pixels; got 65536x1"),
        (np.broadcast_to(np.uint8(0), (65536, 1, 3)), "rgb", "65535 pixels; got 1x65536"),
        (noise(4, 4), "RGB", "color must be one of rgb, bgr, nv12, yuyv; got 'RGB'"),
        (noise(4, 4), "nv12", "nv12 must be uint8"),
        (np.zeros((7, 4), np.uint8), "nv12", "nv12 must be uint8"),
        (np.zeros((6, 5), np.uint8), "nv12", "even width; got 5"),
        (np.zeros((0, 4), np.uint8), "nv12", "at least one pixel"),
        ((np.zeros((5, 4), np.uint8), np.zeros((2, 4), np.uint8)), "nv12", "even height; got 5"),
        ((np.zeros((6, 4), np.uint8), np.zeros((2, 4), np.uint8)), "nv12", "half as many rows"),
        ((np.zeros((4, 8), np.uint8), np.zeros((2, 4), np.uint8)), "nv12", "2 rows of 8 bytes"),
        ((np.zeros((4, 8), np.uint8),), "nv12", "1 planes"),
        (np.zeros((4, 5, 2), np.uint8), "yuyv", "even width; got 5"),
        (np.zeros((4, 6), np.uint8), "yuyv", "even width; got 3"),
        (noise(4, 4), "yuyv", "yuyv must be uint8"),
    ],
)
def test_a_picture_that_is_none_is_refused(image, color, message):
    with pytest.raises(ImageError, match=message):
        preprocess_image(image, color=color)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size must be 1 to 4096 pixels; got 0"),
        ({"size": 4097}, "got 4097"),
        ({"size": 38.5}, "size must be a whole number"),
        ({"size": 10**30}, "size must be a whole number"),
        ({"size": float("nan")}, "size must be a whole number"),
        ({"size": (384, 0)}, "size must be 1 to 4096 pixels; got 0"),
        ({"size": (4097, 1)}, "got 4097"),
        ({"size": (384, 38.5)}, "size must be a whole number"),
        ({"size": (384,)}, r"size must be a number of pixels, or \(height, width\)"),
        ({"size": (1, 2, 3)}, r"size must be a number of pixels, or \(height, width\)"),
        ({"size": "384"}, r"size must be a number of pixels, or \(height, width\)"),
        ({"size": None}, "size must be a whole number"),
        ({"std": (0.5, 0, 0.5)}, "std must be three finite numbers above 0"),
        ({"std": (0.5, 0.5)}, "std must be three numbers"),
        ({"mean": (0.5, float("nan"), 0.5)}, "mean must be three finite numbers"),
        ({"mean": 0.5}, "mean must be three numbers"),
        ({"matrix": "bt2020"}, "matrix must be one of bt601, bt709; got 'bt2020'"),
        ({"range": "tv"}, "range must be one of limited, full; got 'tv'"),
        ({"width": 4}, "width= is for nv12 and yuyv"),
        ({"color": "nv12", "width": 4}, "nv12 must be uint8"),
    ],
)
def test_an_argument_out_of_range_is_refused(arguments, message):
    with pytest.raises(ImageError, match=message):
        preprocess_image(noise(4, 4), **arguments)


@pytest.mark.parametrize(
    ("frame", "color", "width"),
    [
        (np.zeros((6, 8), np.uint8), "nv12", 10),
        (np.zeros((4, 8), np.uint8), "yuyv", 6),
        (np.zeros((4, 8), np.uint8), "yuyv", -2),
        (np.zeros((4, 8), np.uint8), "yuyv", 2**40),
    ],
)
def test_rows_shorter_than_the_width_are_refused(frame, color, width):
    with pytest.raises(ImageError, match=r"rows of|at least one pixel|whole number"):
        preprocess_image(frame, color=color, width=width)


def test_the_native_function_checks_its_planes_itself():
    arguments = {"color": "rgb", "matrix": "bt601", "range": "full", "box": None, "size": (8, 8)}
    for plane, width in [
        (np.zeros((4, 12), np.float32), 4),
        (np.zeros((4, 24), np.uint8)[:, ::2], 4),
        (np.zeros((4, 4, 3), np.uint8), 4),
        (np.zeros((4, 12), np.uint8), 5),
    ]:
        with pytest.raises(ImageError):
            _core.resize_image(plane, None, width, **arguments)
    with pytest.raises(ImageError, match="two planes"):
        _core.resize_image(np.zeros((4, 4), np.uint8), None, 4, **{**arguments, "color": "nv12"})
