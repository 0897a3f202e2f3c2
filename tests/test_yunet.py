"""Decoding of YuNet's outputs and suppression, against the formulas written out one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonet_edge.models.yunet import (
    OUTPUTS,
    STRIDES,
    decode,
    input_sides,
    output_name,
    overlaps,
    suppress,
)

SIDES = (64, 96)


def outputs_of(seed=0, sides=SIDES):
    rng = np.random.default_rng(seed)
    return {
        output_name(kind, stride): (
            rng.random((1, sides[0] * sides[1] // stride**2, n))
            if kind in ("cls", "obj")
            else rng.normal(0, 1, (1, sides[0] * sides[1] // stride**2, n))
        ).astype(np.float32)
        for stride in STRIDES
        for kind, n in OUTPUTS.items()
    }


def nothing(sides=SIDES):
    return {name: np.zeros_like(values) for name, values in outputs_of(0, sides).items()}


def plainly(outputs, sides, min_score):
    """Cell by cell, as the module's header says it."""
    rows = []
    for stride in STRIDES:
        for row in range(sides[0] // stride):
            for column in range(sides[1] // stride):
                cell = row * (sides[1] // stride) + column
                cls, obj, bbox, kps = (
                    outputs[output_name(kind, stride)][0, cell].astype(float) for kind in OUTPUTS
                )
                score = math.sqrt(min(max(cls[0], 0), 1) * min(max(obj[0], 0), 1))
                if score < min_score:
                    continue
                width, height = math.exp(bbox[2]) * stride, math.exp(bbox[3]) * stride
                x, y = (column + bbox[0]) * stride, (row + bbox[1]) * stride
                points = [
                    (kps[i] + (column, row)[i % 2]) * stride for i in range(10)
                ]  # fmt: skip
                rows.append([x - width / 2, y - height / 2, width, height, *points, score])
    return np.array(sorted(rows, key=lambda found: -found[14])).reshape(len(rows), 15)


@pytest.mark.parametrize("min_score", [0.2, 0.6, 0.85])
@pytest.mark.parametrize("seed", range(3))
def test_decoding_follows_its_formula(seed, min_score):
    outputs = outputs_of(seed)
    found = decode(outputs, SIDES, min_score)
    expected = plainly(outputs, SIDES, min_score)
    assert len(found) > 0
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-5)


def test_one_cell_becomes_one_face_at_its_place():
    outputs = nothing()
    cell = 2 * (SIDES[1] // 16) + 3
    outputs["cls_16"][0, cell] = outputs["obj_16"][0, cell] = 0.81
    outputs["bbox_16"][0, cell] = [0.5, 0.25, math.log(2), math.log(1.5)]
    (row,) = decode(outputs, SIDES, 0.5)
    np.testing.assert_allclose(row[:4], [3.5 * 16 - 16, 2.25 * 16 - 12, 32, 24], rtol=1e-6)
    assert row[14] == pytest.approx(0.81)


def test_an_answer_without_faces_has_no_rows():
    found = decode(nothing(), SIDES, 0.5)
    assert found.shape == (0, 15)
    assert suppress(found, 0.3).shape == (0, 15)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30])
@pytest.mark.parametrize("name", ["cls_8", "obj_16", "bbox_32", "kps_8"])
def test_what_is_not_finite_is_left_out(name, value):
    outputs = outputs_of()
    outputs[name][:] = value
    assert np.isfinite(decode(outputs, SIDES, 0.3)).all()


def test_a_flood_of_candidates_is_bounded_and_the_best_are_kept():
    outputs = outputs_of(sides=(640, 640))
    found = decode(outputs, (640, 640), 0.01)
    assert len(found) == 1000
    assert found[-1, 14] > 0.5
    assert (np.diff(found[:, 14]) <= 0).all()


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 65535), st.integers(1, 65535), st.integers(1, 64).map(lambda n: 32 * n))
def test_input_sides_are_multiples_of_32_and_never_above_the_wish(height, width, size):
    sides = input_sides(height, width, size)
    assert all(side % 32 == 0 and 32 <= side <= size for side in sides)


@pytest.mark.parametrize(
    ("picture", "sides"),
    [
        ((1080, 1920), (352, 640)),
        ((1920, 1080), (640, 352)),
        ((720, 1280), (352, 640)),
        ((480, 640), (480, 640)),
        ((240, 320), (256, 320)),  # never enlarged, but for the rounding
        ((1, 1), (32, 32)),
        ((1, 65535), (32, 640)),
    ],
)
def test_input_sides_follow_the_picture(picture, sides):
    assert input_sides(*picture, 640) == sides


def test_overlap_is_intersection_over_union():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 10, 10], [20, 0, 5, 5], [2, 2, 5, 4], [0, 0, 0, 0]])
    np.testing.assert_allclose(
        overlaps((0, 0, 10, 10), boxes.astype(float)), [1, 50 / 150, 0, 20 / 100, 0]
    )


def test_of_overlapping_faces_the_best_is_kept():
    found = np.array(
        [[0, 0, 10, 10, 0.9], [1, 1, 10, 10, 0.8], [30, 0, 10, 10, 0.7], [5, 0, 10, 10, 0.6]]
    )
    assert suppress(found, 0.3)[:, 4].tolist() == [0.9, 0.7]
    assert suppress(found, 0.5)[:, 4].tolist() == [0.9, 0.7, 0.6]
