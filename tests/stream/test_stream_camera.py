"""V4L2 cameras: ffmpeg's own demuxer against a camera that is preloaded instead of a kernel's.

There is no v4l2loopback without a kernel module; the last test uses a real device where one is.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import emonet_edge as ee
from emonet_edge.exceptions import DeviceError
from emonet_edge.stream.sources.camera import FormatMemory
from emonet_edge.stream.sources.devices import camera_path, list_cameras
from stream_media import av, levels_of, picture

SOURCE = Path(__file__).with_name("fake_camera.c")
HEADER = Path("/usr/include/linux/videodev2.h")

PRELUDE = """
import json, os, threading, time
import numpy as np
import emonet_edge as ee
from emonet_edge.exceptions import MediaError
from emonet_edge.stream import SourceOptions
from emonet_edge.stream.sources.camera import CameraWish
device, notices = os.environ["FAKE_CAMERA"], []
def opened(width=320, height=240, rate=30, stall_after=1.0):
    options = SourceOptions(camera=CameraWish(width, height, rate), stall_after=stall_after)
    return ee.stream.open_video("v4l2:" + device, options, on_notice=notices.append)
def say(**values):
    print(json.dumps(values))
def states():
    return [notice.details["state"] for notice in notices]
"""


@pytest.fixture(scope="session")
def fake_camera_library(tmp_path_factory):
    compiler = shutil.which("cc")
    if compiler is None or not HEADER.exists():
        pytest.skip("needs a C compiler and the kernel's videodev2.h")
    library = tmp_path_factory.mktemp("camera") / "fake_camera.so"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *flags, "-o", library, SOURCE, "-ldl"], check=True)
    return library


@pytest.fixture
def camera(fake_camera_library, tmp_path):
    """Return a function that runs code beside a fake camera and returns what it said."""
    device = tmp_path / "video7"
    device.touch()
    for fourcc, pixel_format in (("YUYV", "yuyv422"), ("NV12", "nv12")):
        frame = av.VideoFrame.from_ndarray(picture(0), format="rgb24")
        data = frame.reformat(format=pixel_format).to_ndarray().tobytes()
        device.with_name(f"video7.{fourcc}").write_bytes(data)
    device.with_name("video7.MJPG").write_bytes(jpeg(picture(0)))

    def run(code, modes="YUYV 320x240@30"):
        environment = {
            **os.environ,
            "FAKE_CAMERA": str(device),
            "FAKE_CAMERA_MODES": modes,
            "LD_PRELOAD": str(fake_camera_library),
        }
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + code],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def jpeg(pixels: np.ndarray) -> bytes:
    image = pytest.importorskip("PIL.Image").fromarray(pixels)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95, subsampling="4:2:2")
    return file.getvalue()


READ_FIVE = """
with opened() as source:
    frames = [source.read() for _ in range(5)]
    ages = [source._clock.now() - frame.captured_at for frame in frames]
frame = frames[-1]
seen = ee.preprocess_image(frame.image, **frame.options) * 127.5 + 127.5
say(seqs=[f.seq for f in frames], times=[f.captured_at for f in frames], color=frame.color,
    size=[frame.width, frame.height], matrix=frame.matrix, range=frame.range,
    seen=seen[:, ::16, ::16].tolist(), states=states())
"""


@pytest.mark.parametrize(
    ("fourcc", "color", "range_"),
    [("YUYV", "yuyv", "limited"), ("NV12", "nv12", "limited"), ("MJPG", "yuyv", "full")],
)
def test_a_camera_gives_its_pictures(camera, fourcc, color, range_):
    said = camera(READ_FIVE, f"{fourcc} 320x240@30")
    assert said["seqs"] == [0, 1, 2, 3, 4]
    assert (said["color"], said["size"]) == (color, [320, 240])
    assert (said["matrix"], said["range"]) == ("bt601", range_)
    assert np.abs(np.array(said["seen"]) - levels_of(picture(0))[:, ::16, ::16]).mean() < 3
    assert np.diff(said["times"]).min() > 0.03  # the kernel's stamps, at 30 a second
    assert said["states"] == ["running", "ended"]


NEGOTIATED = """
with opened(1280, 720, 30) as source:
    frame = source.read()
    say(size=[frame.width, frame.height], range=frame.range, formats=source._make.args[4].order)
"""


def test_a_camera_that_has_less_than_was_wished_is_not_searched_again():
    memory = FormatMemory(("yuyv422", "nv12", "mjpeg"))
    memory.taken("mjpeg", 0.25)
    assert memory.order == ["mjpeg", "yuyv422", "nv12"]
    assert memory.enough == 0.25
    memory.taken("nv12", 1.0)  # another camera was plugged in
    assert (memory.order[0], memory.enough) == ("nv12", 0.25)


@pytest.mark.parametrize(
    ("modes", "size", "taken"),
    [
        ("YUYV 1280x720@30;NV12 1280x720@30;MJPG 320x240@30", [1280, 720], "yuyv422"),
        ("YUYV 1280x720@10;NV12 1280x720@30;MJPG 320x240@30", [1280, 720], "nv12"),
        ("YUYV 1280x720@10;NV12 640x480@30;MJPG 320x240@30", [1280, 720], "yuyv422"),
        ("YUYV 1280x720@5;NV12 1280x720@15", [1280, 720], "nv12"),
        ("NV12 320x240@30", [320, 240], "nv12"),
        ("MJPG 320x240@30", [320, 240], "mjpeg"),
    ],
)
def test_the_first_format_that_reaches_size_and_rate_is_taken_else_the_nearest(
    camera, modes, size, taken
):
    said = camera(NEGOTIATED, modes)
    assert said["size"] == size
    assert said["formats"][0] == taken  # and it is asked for first when the camera returns


PULLED = """
with opened() as source:
    source.read()
    kept = [source.read() for _ in range(4)]
    os.rename(device, device + ".pulled")
    frames = []
    reading = threading.Thread(target=lambda: frames.append(source.read()))
    reading.start()
    while source.state != "lost":
        time.sleep(0.001)
    time.sleep(2)
    os.rename(device + ".pulled", device)
    start = time.monotonic()
    reading.join(20)
    took = time.monotonic() - start
grey = [int(frame.image[0, 0]) for frame in kept]
say(took=took, seq=frames[0].seq, states=states(), alive=reading.is_alive(), grey=grey)
"""


def test_a_camera_that_is_pulled_is_back_within_three_seconds_of_its_return(camera):
    said = camera(PULLED)
    assert not said["alive"]
    assert said["took"] < 3.0
    assert said["states"] == ["running", "lost", "running", "ended"]
    assert said["seq"] == 5
    assert len(set(said["grey"])) == 1  # frames that outlived the camera can be looked at


STALLED = """
with opened(stall_after=0.5) as source:
    source.read()
    open(device + ".stall", "w").close()
    start = time.monotonic()
    frames = []
    reading = threading.Thread(target=lambda: frames.append(source.read()))
    reading.start()
    while source.state != "lost":
        time.sleep(0.001)
    lost_after = time.monotonic() - start
    reason = source.reason
    os.remove(device + ".stall")
    reading.join(20)
say(lost_after=lost_after, reason=reason, states=states(), frames=len(frames))
"""


def test_a_camera_that_hangs_is_lost_and_opened_again(camera):
    said = camera(STALLED)
    assert 0.4 < said["lost_after"] < 1.5
    assert "gave no picture for 0.5 s" in said["reason"]
    assert said["states"] == ["running", "lost", "running", "ended"]
    assert said["frames"] == 1


CLOSED = """
open(device + ".stall", "w").close()
source = opened(stall_after=60)
frames = []
reading = threading.Thread(target=lambda: frames.append(source.read()))
reading.start()
time.sleep(0.3)
start = time.monotonic()
source.close()
reading.join(20)
files = [os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
         if os.path.exists(f"/proc/self/fd/{n}")]
say(took=time.monotonic() - start, frames=frames, open=device in files,
    threads=threading.active_count())
"""


def test_closing_ends_a_camera_that_hangs(camera):
    said = camera(CLOSED)
    assert said == {
        "took": pytest.approx(0, abs=0.5),
        "frames": [None],
        "open": False,
        "threads": 1,
    }


ABSENT = """
os.remove(device)
source = opened()
reading = threading.Thread(target=source.read)
reading.start()
while source.state != "lost":
    time.sleep(0.001)
source.close()
reading.join(20)
say(reason=notices[0].details["reason"], states=states())
"""


def test_a_camera_that_is_absent_at_the_start_is_awaited(camera):
    said = camera(ABSENT)
    assert said["states"] == ["lost", "ended"]
    assert "plug it in" in said["reason"]


# Which camera


@pytest.fixture
def sysfs(tmp_path):
    for number, (name, index) in {
        0: ("Integrated Camera", "0"),
        1: ("Integrated Camera", "1"),
        2: ("HD Pro Webcam C920", "0"),
        10: ("Robot head", "0"),
    }.items():
        node = tmp_path / f"video{number}"
        node.mkdir()
        (node / "name").write_text(name + "\n")
        (node / "index").write_text(index + "\n")
    return tmp_path


def test_cameras_are_listed_in_order_and_their_metadata_nodes_are_not(sysfs):
    cameras = list_cameras(sysfs)
    assert [camera.details["path"] for camera in cameras] == [
        "/dev/video0",
        "/dev/video2",
        "/dev/video10",
    ]
    assert [camera.spec for camera in cameras] == ["camera:0", "camera:1", "camera:2"]
    assert cameras[1].to_dict() == {
        "kind": "camera",
        "spec": "camera:1",
        "name": "HD Pro Webcam C920",
        "path": "/dev/video2",
    }


@pytest.mark.parametrize(
    ("which", "path"), [("0", "/dev/video0"), ("2", "/dev/video10"), ("c920", "/dev/video2")]
)
def test_a_camera_is_found_by_place_or_by_name(sysfs, which, path):
    assert camera_path(which, sysfs) == path


@pytest.mark.parametrize("which", ["3", "Elgato"])
def test_a_camera_that_is_not_there_is_named_beside_those_that_are(sysfs, which):
    with pytest.raises(DeviceError, match="C920"):
        camera_path(which, sysfs)


def test_no_camera_at_all_says_so(tmp_path):
    with pytest.raises(DeviceError, match="none is"):
        camera_path("0", tmp_path)


def test_a_real_camera_gives_a_picture():
    devices = sorted(Path("/dev").glob("video*"))
    if not devices:
        pytest.skip("there is no /dev/video* here: load v4l2loopback or plug in a camera")
    with ee.stream.open_video(str(devices[0])) as source:
        frame = source.read()
        assert ee.preprocess_image(frame.image, **frame.options).std() > 0
