"""Plain NumPy: the specification of the image preparation.

The resize is Pillow's (src/libImaging/Resample.c): a triangle whose half-width grows with the
reduction, coefficients normalised in float64 and rounded to 22-bit fixed point, each pass rounded
and clipped to 8 bits.
"""

from __future__ import annotations

import numpy as np

PRECISION_BITS = 22
LUMA_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}  # Kr, Kb


def coefficients(n_in: int, n_out: int) -> np.ndarray:
    """Dense int64 [n_out, n_in]."""
    scale = n_in / n_out
    support = max(scale, 1.0)
    dense = np.zeros((n_out, n_in), np.int64)
    for out in range(n_out):
        center = (out + 0.5) * scale
        first = max(int(center - support + 0.5), 0)
        last = min(int(center + support + 0.5), n_in)
        position = np.arange(first, last)
        weight = np.maximum(1 - np.abs((position - center + 0.5) * (1.0 / support)), 0)
        weight /= np.cumsum(weight)[-1]  # added from the left, as Pillow does
        dense[out, first:last] = (0.5 + weight * (1 << PRECISION_BITS)).astype(np.int64)
    return dense


def _one_pass(rows: np.ndarray, n_out: int) -> np.ndarray:
    """uint8 [n_in, ...] -> [n_out, ...] along the first axis."""
    sums = np.tensordot(coefficients(rows.shape[0], n_out), rows.astype(np.int64), axes=1)
    half = 1 << (PRECISION_BITS - 1)
    return np.clip((sums + half) >> PRECISION_BITS, 0, 255).astype(np.uint8)


def sides(size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a result."""
    return (size, size) if isinstance(size, int) else size


def columns_first(height: int, width: int, size: int | tuple[int, int]) -> bool:
    """Pillow 13's order of the two passes."""
    to_height, to_width = sides(size)
    return height > to_height and height - to_height > 2 * (width - to_width)


def resize(image: np.ndarray, size: int | tuple[int, int]) -> np.ndarray:
    """uint8 [height, width, 3] -> [size, size, 3], or [*size, 3]."""
    passes = [0, 1] if columns_first(image.shape[0], image.shape[1], size) else [1, 0]
    for axis in passes:
        image = np.moveaxis(_one_pass(np.moveaxis(image, axis, 0), sides(size)[axis]), 0, axis)
    return image


def normalise(image: np.ndarray, mean: tuple, std: tuple) -> np.ndarray:
    """uint8 [size, size, 3] -> float64 [3, size, size]."""
    return ((image / 255.0 - np.asarray(mean)) / np.asarray(std)).transpose(2, 0, 1)


def yuv_matrix(matrix: str, value_range: str) -> tuple[np.ndarray, np.ndarray]:
    """float64 [3, 3] and offset [3], so that rgb = A @ (yuv - offset)."""
    kr, kb = LUMA_WEIGHTS[matrix]
    kg = 1 - kr - kb
    full = np.array(
        [
            [1, 0, 2 * (1 - kr)],
            [1, -2 * (1 - kb) * kb / kg, -2 * (1 - kr) * kr / kg],
            [1, 2 * (1 - kb), 0],
        ]
    )
    if value_range == "full":
        return full, np.array([0.0, 128, 128])
    return full * np.array([255 / 219, 255 / 224, 255 / 224]), np.array([16.0, 128, 128])


def yuv_to_rgb(yuv: np.ndarray, matrix: str, value_range: str) -> np.ndarray:
    """uint8 [..., 3] -> float64 [..., 3], clipped to 0..255 and not rounded."""
    linear, offset = yuv_matrix(matrix, value_range)
    return np.clip((yuv - offset) @ linear.T, 0, 255)


def yuv_to_rgb_fixed(yuv: np.ndarray, matrix: str, value_range: str) -> np.ndarray:
    """The integer conversion: coefficients times 8192, rounded; the sum rounded and shifted."""
    linear, offset = yuv_matrix(matrix, value_range)
    fixed = np.round(linear * 8192).astype(np.int64)
    sums = (yuv.astype(np.int64) - offset.astype(np.int64)) @ fixed.T
    return np.clip((sums + 4096) >> 13, 0, 255).astype(np.uint8)


def nv12_to_yuv(luma: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """[height, width] and [height / 2, width / 2, 2] -> [height, width, 3], nearest chroma."""
    return np.dstack([luma, chroma.repeat(2, axis=0).repeat(2, axis=1)])


def yuyv_to_yuv(frame: np.ndarray) -> np.ndarray:
    """[height, width, 2] -> [height, width, 3], nearest chroma."""
    u, v = frame[:, 0::2, 1], frame[:, 1::2, 1]
    return np.dstack([frame[:, :, 0], u.repeat(2, axis=1), v.repeat(2, axis=1)])


def rgb_to_yuv(rgb: np.ndarray, matrix: str, value_range: str) -> np.ndarray:
    """uint8 [..., 3] -> uint8 [..., 3], for making test frames."""
    linear, offset = yuv_matrix(matrix, value_range)
    return np.clip(np.round(rgb @ np.linalg.inv(linear).T + offset), 0, 255).astype(np.uint8)


def rgb_to_nv12(rgb: np.ndarray, matrix: str, value_range: str) -> np.ndarray:
    """[height, width, 3] -> [height * 3 / 2, width]; chroma of each block's top left pixel."""
    yuv = rgb_to_yuv(rgb, matrix, value_range)
    height, width = yuv.shape[:2]
    chroma = yuv[::2, ::2, 1:].reshape(height // 2, width)
    return np.concatenate([yuv[:, :, 0], chroma])


def rgb_to_yuyv(rgb: np.ndarray, matrix: str, value_range: str) -> np.ndarray:
    """[height, width, 3] -> [height, width, 2]; chroma of each pair's left pixel."""
    yuv = rgb_to_yuv(rgb, matrix, value_range)
    frame = np.dstack([yuv[:, :, 0], yuv[:, :, 1]])
    frame[:, 1::2, 1] = yuv[:, ::2, 2]
    return frame
