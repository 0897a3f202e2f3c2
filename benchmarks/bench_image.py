"""How long does the preparation of a camera frame for the face encoder take on one thread?

Units: seconds for one 1080p picture (2.07 Mpixel read, 384 x 384 written), and for a face of
512 x 512 pixels in a 1080p NV12 frame. Answers: the resized bytes equal Pillow's, so normalised
values differ by float rounding only (1e-6); OpenCV's INTER_LINEAR is not antialiased, so it is
only held to the same picture (mean difference below 0.2 of the range 2) and must differ.
"""

from __future__ import annotations

import numpy as np
import pytest

import reference_image
from benchmarks.inputs import FACE_BOX, picture_1080p
from benchmarks.peers import pictures
from benchmarks.race import Contestant, Race, replayed_time
from emonet_edge import preprocess_image

PEERS = {
    "Pillow resize + normalise": pictures.pillow,
    "Hugging Face SigLIP processor": pictures.siglip_run,
    "OpenCV INTER_LINEAR (not antialiased)": pictures.opencv,
}
NV12 = (
    "emonet-edge, face of a 1080p frame",
    "emonet-edge, a frame of only these pixels",
    "OpenCV whole frame to RGB, Pillow crop",
)


def same_bytes(answer, expected) -> None:
    levels = np.rint((np.asarray(answer) + 1) * 127.5)
    assert np.array_equal(levels, np.rint((expected + 1) * 127.5))
    assert np.abs(answer - expected).max() <= 1e-6


def same_picture(answer, expected) -> None:
    difference = np.abs(answer - expected).mean()
    assert 1e-3 < difference < 0.2


@pytest.fixture(scope="module")
def frame_race(rounds: int) -> Race:
    picture = picture_1080p()
    expected = pictures.pillow(picture)()
    facts = {"bytes_read": picture.nbytes, "pixels_written": 384 * 384}
    contestants = {
        "emonet-edge": Contestant(
            lambda: preprocess_image(picture), lambda answer: same_bytes(answer, expected), facts
        )
    }
    absent = {}
    for name, peer in PEERS.items():
        check = same_picture if "not antialiased" in name else same_bytes
        try:
            run = peer(picture)
        except ImportError as error:
            absent[name] = f"{name} is not installed: {error}"
            continue
        contestants[name] = Contestant(
            run, lambda answer, check=check: check(answer, expected), facts
        )
    return Race("one 1080p picture", contestants, rounds, inner=5, threads=1, absent=absent)


@pytest.mark.benchmark(group="1080p to 384x384, 1 thread", timer=replayed_time)
@pytest.mark.parametrize("name", ["emonet-edge", *PEERS])
def test_preprocess_image(benchmark, frame_race, name):
    frame_race.report(benchmark, name)


@pytest.fixture(scope="module")
def nv12_race(rounds: int) -> Race:
    x, y, width, height = FACE_BOX
    frame = reference_image.rgb_to_nv12(picture_1080p(), "bt601", "limited")
    chroma = frame[1080 + y // 2 : 1080 + (y + height) // 2, x : x + width]
    face = np.concatenate([frame[y : y + height, x : x + width], chroma])
    yuv = reference_image.nv12_to_yuv(face[:height], chroma.reshape(height // 2, width // 2, 2))
    rgb = reference_image.yuv_to_rgb_fixed(yuv, "bt601", "limited")
    expected = pictures.pillow(rgb)()

    def near(answer) -> None:  # OpenCV interpolates chroma and rounds otherwise
        assert np.abs(answer - expected).mean() < 0.05

    facts = {"bytes_read": face.nbytes}
    exact = lambda answer: same_bytes(answer, expected)  # noqa: E731
    contestants = {
        NV12[0]: Contestant(lambda: preprocess_image(frame, FACE_BOX, "nv12"), exact, facts),
        NV12[1]: Contestant(lambda: preprocess_image(face, None, "nv12"), exact, facts),
    }
    absent = {}
    try:
        run = pictures.nv12_face_by_opencv(frame, FACE_BOX)
        contestants[NV12[2]] = Contestant(run, near, {"bytes_read": frame.nbytes})
    except ImportError as error:
        absent[NV12[2]] = f"OpenCV is not installed: {error}"
    return Race("one face", contestants, rounds, inner=10, threads=1, absent=absent)


@pytest.mark.benchmark(group="512x512 face of a 1080p NV12 frame, 1 thread", timer=replayed_time)
@pytest.mark.parametrize("name", NV12)
def test_preprocess_nv12_face(benchmark, nv12_race, name):
    nv12_race.report(benchmark, name)
