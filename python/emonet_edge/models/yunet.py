"""YuNet's answer, twelve arrays, becomes faces: decoding and non-maximum suppression.

YuNet (Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", 2023) has no anchors: each
cell of a grid with a stride of 8, 16 or 32 pixels of its input proposes one face. For the cell in
row r and column c of stride s, with the arrays as the ONNX files of libfacedetection.train and of
the OpenCV zoo name them:

    score   = sqrt(cls obj), each cut to 0..1
    centre  = ((c + bbox[0]) s, (r + bbox[1]) s)
    sides   = (exp(bbox[2]) s, exp(bbox[3]) s)
    point i = ((c + kps[2 i]) s, (r + kps[2 i + 1]) s)

This is written here because OpenCV's `FaceDetectorYN`, which does the same, would be 150 MB more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["OUTPUTS", "STRIDES", "decode", "input_sides", "output_name", "suppress"]

STRIDES = (8, 16, 32)
OUTPUTS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
"""The arrays of each stride, and how many numbers a cell has in each."""

_MOST_CANDIDATES = 1000  # before suppression: the photos have 7 to 9 a face


def output_name(kind: str, stride: int) -> str:
    """Return the name that the ONNX files give an output, such as "cls_8"."""
    return f"{kind}_{stride}"


def input_sides(height: int, width: int, input_size: int) -> tuple[int, int]:
    """Return (height, width) of the input for a picture: multiples of the largest stride.

    The longer side is `input_size`, or that of the picture where this is smaller: enlarging adds
    cost and no detail. The other side follows the aspect ratio; rounding stretches 1080p by 2 %.
    """
    largest = STRIDES[-1]
    scale = min(input_size, max(height, width)) / max(height, width)
    rows, columns = (max(1, round(side * scale / largest)) for side in (height, width))
    return rows * largest, columns * largest


def decode(
    outputs: Mapping[str, NDArray[np.float32]], sides: tuple[int, int], min_score: float
) -> NDArray[np.float64]:
    """Return the candidates of a score of at least `min_score`, best first.

    Args:
        outputs: by `output_name`: [1, cells, n] with the cells of a stride row by row.
        sides: (height, width) of the input in pixels, multiples of 32.
        min_score: 0 to 1.

    Returns:
        float64 [n, 15]: x, y, width, height, five points (x, y), score; pixels of the input. Rows
        that are not finite are left out.
    """
    found = np.concatenate([_decode_stride(outputs, s, sides[1], min_score) for s in STRIDES])
    found = found[np.isfinite(found).all(axis=1)]
    best_first = np.argsort(-found[:, 14], kind="stable")
    return np.asarray(found[best_first[:_MOST_CANDIDATES]])


def _decode_stride(
    outputs: Mapping[str, NDArray[np.float32]], stride: int, width: int, min_score: float
) -> NDArray[np.float64]:
    part = {kind: outputs[output_name(kind, stride)][0] for kind in OUTPUTS}
    product = np.clip(part["cls"][:, 0], 0, 1) * np.clip(part["obj"][:, 0], 0, 1)
    cells = np.flatnonzero(product >= min_score**2)
    row, column = np.divmod(cells, width // stride)
    corner = np.stack([column, row], axis=1)
    bbox = part["bbox"][cells].astype(np.float64)
    points = part["kps"][cells].reshape(-1, 5, 2) + corner[:, None]
    with np.errstate(over="ignore", invalid="ignore"):  # `decode` leaves out what is not finite
        sides = np.exp(bbox[:, 2:])
        first = corner + bbox[:, :2] - sides / 2
        found = np.hstack([first, sides, points.reshape(-1, 10)]) * stride
    return np.hstack([found, np.sqrt(product[cells])[:, None]])


def suppress(found: NDArray[np.float64], max_overlap: float) -> NDArray[np.float64]:
    """Drop each row that overlaps a better one by more than `max_overlap`.

    Args:
        found: [n, >= 4] with x, y, width, height first; best first.
        max_overlap: intersection over union, 0 to 1.
    """
    kept: list[NDArray[np.float64]] = []
    while len(found):
        best, found = found[0], found[1:]
        kept.append(best)
        found = found[overlaps(best, found) <= max_overlap]
    return np.array(kept).reshape(len(kept), found.shape[1])


def overlaps(
    box: Sequence[float] | NDArray[np.float64], boxes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the intersection over union of a box with each of [n, >= 4] boxes."""
    first = np.maximum(boxes[:, :2], box[:2])
    last = np.minimum(boxes[:, :2] + boxes[:, 2:4], np.add(box[:2], box[2:4]))
    shared = np.clip(last - first, 0, None).prod(axis=1)
    union = boxes[:, 2:4].prod(axis=1) + box[2] * box[3] - shared
    return np.asarray(shared / np.maximum(union, np.finfo(np.float64).tiny))
