"""Files from strangers: a MediaError within a second, and nothing else was opened."""

from __future__ import annotations

import http.server
import resource
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest

import emonet_edge as ee
from emonet_edge.exceptions import MediaError
from emonet_edge.stream import SourceOptions
from stream_media import av, read_all, write_sound, write_video

FAST = SourceOptions(pace="fast")
OPEN = [ee.stream.open_video, ee.stream.open_audio]


@pytest.fixture
def web():
    """A web server on this machine that notes who came."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def playlists(target: str):
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{0}\n#EXT-X-ENDLIST\n"
    yield "a.m3u8", hls
    yield "a.mp4", hls
    yield "a.ffconcat", "ffconcat version 1.0\nfile '{0}'\n"
    yield "a.mkv", "ffconcat version 1.0\nfile '{0}'\n"
    yield (
        "a.sdp",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nt=0 0\nm=video 5 RTP/AVP 96\na=control:{0}\n",
    )
    yield "a.mpd", "<?xml version='1.0'?><MPD><BaseURL>{0}</BaseURL></MPD>"
    yield "a.asx", "<asx version='3.0'><entry><ref href='{0}'/></entry></asx>"
    yield (
        "a.xspf",
        "<playlist><trackList><track><location>{0}</location></track></trackList></playlist>",
    )


@pytest.mark.parametrize("open_source", OPEN)
@pytest.mark.parametrize("name", [name for name, _ in playlists("")])
def test_a_playlist_is_refused_and_what_it_names_is_never_opened(tmp_path, web, name, open_source):
    url, asked = web
    secret = write_video(tmp_path / "secret.avi")
    text = dict(playlists(""))[name]
    for target in (f"{url}/secret.ts", secret.name, str(secret), f"file://{secret}"):
        (tmp_path / name).write_text(text.format(target))
        with pytest.raises(MediaError):
            open_source(str(tmp_path / name), FAST)
    assert asked == []


def test_ffmpeg_opens_no_file_by_itself(tmp_path):
    """Watched from outside: the only names that the process opens are the playlists' own."""
    strace = subprocess.run(["which", "strace"], capture_output=True, text=True).stdout.strip()
    if not strace:
        pytest.skip("needs strace")
    secret = write_video(tmp_path / "secret.avi")
    for name, text in playlists(""):
        (tmp_path / f"list-{name}").write_text(text.format(secret))
    code = (
        "import sys, pathlib, emonet_edge as ee\n"
        "for path in pathlib.Path(sys.argv[1]).glob('list-*'):\n"
        "    try: ee.stream.open_video(str(path))\n"
        "    except ee.exceptions.MediaError: pass\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    watched = subprocess.run(
        [strace, "-f", "-e", "trace=open,openat,connect", "-o", str(tmp_path / "calls"), *command],
        capture_output=True,
        text=True,
    )
    if watched.returncode:
        pytest.skip(f"strace may not trace here: {watched.stderr[-200:]}")
    calls = (tmp_path / "calls").read_text()
    assert "list-a.m3u8" in calls
    assert "secret" not in calls
    assert "AF_INET" not in calls


@pytest.mark.parametrize("open_source", OPEN)
@pytest.mark.parametrize(
    "data",
    [b"", bytes(20_000), b"a text, no more\n" * 500, b"RIFF\xff\xff\xff\xffAVI LIST"],
)
def test_what_is_no_video_is_refused(tmp_path, data, open_source):
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    with pytest.raises(MediaError, match="cannot be read"):
        open_source(str(path), FAST)


@pytest.mark.parametrize("open_source", OPEN)
def test_a_missing_file_a_folder_a_device_and_a_broken_name_are_refused(tmp_path, open_source):
    with pytest.raises(MediaError, match="no such file"):
        open_source(str(tmp_path / "nothing.mp4"))
    for name in (str(tmp_path), "/dev/zero"):
        with pytest.raises(MediaError, match="neither a file nor a pipe"):
            open_source(name)
    with pytest.raises(MediaError):
        open_source("nul\0byte")


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mkv", "mpeg4", "yuv420p"),
        ("a.avi", "mjpeg", "yuvj420p"),
    ],
)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_video_cut_short_gives_what_is_there_or_is_refused(
    tmp_path, name, codec, pixel_format, share
):
    path = write_video(tmp_path / name, codec, pixel_format, count=30)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    try:
        with ee.stream.open_video(str(path), FAST) as source:
            frames = read_all(source)
    except MediaError:
        return
    assert 0 < len(frames) <= 30


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts", "a.webm"])
def test_a_damaged_video_is_read_or_refused_and_nothing_else(tmp_path, name):
    codec = "libvpx" if name == "a.webm" else "mpeg4"
    data = write_video(tmp_path / name, codec, size=(64, 48), count=8).read_bytes()
    random = np.random.default_rng(len(data))
    for _ in range(40):
        broken = bytearray(data)
        for _ in range(random.integers(1, 8)):
            end = len(data) if random.random() < 0.5 else min(len(data), 256)
            broken[random.integers(0, end)] = random.integers(0, 256)
        (tmp_path / name).write_bytes(broken)
        try:
            with ee.stream.open_video(str(tmp_path / name), FAST) as source:
                for frame in read_all(source)[:1]:
                    ee.preprocess_image(frame.image, **frame.options)
        except MediaError:
            continue


def huge_avi(tmp_path, side):
    path = write_video(tmp_path / "a.avi", "mjpeg", "yuvj420p", count=2)
    data = bytearray(path.read_bytes())
    main, stream = data.index(b"avih") + 8, data.index(b"strf") + 8
    data[main + 32 : main + 40] = data[stream + 4 : stream + 12] = struct.pack("<2I", side, side)
    frame = data.index(b"\xff\xc0")  # the size in the JPEG itself
    while frame > 0:
        data[frame + 5 : frame + 9] = struct.pack(">2H", min(side, 65500), min(side, 65500))
        frame = data.find(b"\xff\xc0", frame + 1)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("side", [10_000, 65_500, 100_000])
def test_a_header_that_promises_a_huge_picture_is_refused_before_it_costs_memory(tmp_path, side):
    path = huge_avi(tmp_path, side)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(MediaError, match=r"may have 67,108,864 pixels|states no size"):
        read_all(ee.stream.open_video(str(path), FAST))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_raw_video_in_a_container_that_promises_a_huge_picture_is_refused(tmp_path):
    path = tmp_path / "a.y4m"
    path.write_bytes(b"YUV4MPEG2 W100000 H100000 F30:1 C420\nFRAME\n" + bytes(10_000))
    with pytest.raises(MediaError):
        read_all(ee.stream.open_video(str(path), FAST))


def test_a_track_in_a_codec_that_is_not_opened_here_is_named(tmp_path):
    path = write_video(tmp_path / "a.avi", "zmbv", "bgr0")
    with pytest.raises(MediaError, match=r"\(zmbv\)"):
        ee.stream.open_video(str(path), FAST)


def test_sound_without_pictures_and_pictures_without_sound_are_refused(tmp_path):
    sound = write_sound(tmp_path / "a.wav", np.zeros((1600, 1), np.float32), 16_000)
    with pytest.raises(MediaError, match="holds no video"):
        ee.stream.open_video(str(sound), FAST)
    video = write_video(tmp_path / "a.mp4")
    with pytest.raises(MediaError, match="holds no audio"):
        ee.stream.open_audio(str(video), FAST)


def test_names_of_the_network_are_refused_unless_they_are_rtsp():
    for spec in ("http://127.0.0.1/a.mp4", "https://x/a.m3u8", "udp://127.0.0.1:1"):
        with pytest.raises(ee.exceptions.InputError, match="only rtsp"):
            ee.stream.open_video(spec)


def test_a_missing_library_names_the_extra(tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.mp4")
    monkeypatch.setitem(sys.modules, "av", None)  # import raises ImportError
    with pytest.raises(ee.exceptions.MissingExtraError, match=r"pip install 'emonet-edge\[live\]'"):
        ee.stream.open_video(str(path))


def test_the_formats_that_are_opened_exist():
    from emonet_edge.stream.sources import containers

    # A name that this ffmpeg does not have would be a typing error.
    names = set(containers.CONTAINERS.split(","))
    known = {part for name in av.formats_available for part in name.split(",")}
    assert names <= known
    assert {"mpeg4", "h264", "hevc", "mjpeg", "vp9"} <= set(containers.VIDEO_CODECS.split(","))
