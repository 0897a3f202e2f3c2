"""Sound files and the sound of video files: every sample, its number and its time."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

import emonet_edge as ee
from emonet_edge import media
from emonet_edge.stream import SourceOptions
from emonet_edge.stream.clock import ManualClock
from emonet_edge.stream.sources.container_audio import AudioFile
from emonet_edge.stream.sources.media_time import Pacer
from material import LARGER, SPEECH, material, needs_larger
from stream_media import av, read_all, write_sound

FAST = SourceOptions(pace="fast")


def tone(count: int, channels: int = 1) -> np.ndarray:
    waves = [0.5 * np.sin(np.arange(count) / (7 + channel)) for channel in range(channels)]
    return np.stack(waves, axis=1).astype(np.float32)


def joined(blocks) -> np.ndarray:
    return np.concatenate([block.samples for block in blocks])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.wav", "pcm_s16le"), ("a.wav", "pcm_u8"), ("a.flac", "flac"), ("a.mkv", "pcm_f32le")],
)
def test_lossless_sound_comes_back_with_numbers_and_times(tmp_path, name, codec, channels):
    sound = tone(30_000, channels)
    path = write_sound(tmp_path / name, sound, 22_050, codec)
    with ee.stream.open_audio(str(path), FAST) as source:
        blocks = read_all(source)
    assert {block.sample_rate for block in blocks} == {22_050}
    assert blocks[0].samples.dtype == np.float32
    tolerance = 1 / 100 if codec == "pcm_u8" else 1 / 16_000
    np.testing.assert_allclose(joined(blocks).reshape(-1, channels), sound, atol=tolerance)
    assert blocks[0].first_sample == 0
    for before, after in pairwise(blocks):
        assert after.first_sample == before.end_sample
        assert after.captured_at == pytest.approx(after.first_sample / 22_050)


@pytest.mark.parametrize(("name", "codec"), [("a.mp3", "libmp3lame"), ("a.m4a", "aac")])
def test_lossy_sound_keeps_its_shape_and_length(tmp_path, name, codec):
    sound = tone(44_100)
    path = write_sound(tmp_path / name, sound, 44_100, codec)
    with ee.stream.open_audio(str(path), FAST) as source:
        heard = joined(read_all(source))
    assert abs(len(heard) - len(sound)) < 5000
    middle = heard[10_000:40_000]
    shifts = [np.abs(middle - sound[at : at + 30_000, 0]).mean() for at in range(8000, 12_000, 1)]
    assert min(shifts) < 0.05


def check_as_the_other_reader(path):
    expected, rate = media.load_audio(path)
    with ee.stream.open_audio(str(path), FAST) as source:
        blocks = read_all(source)
    heard = joined(blocks)
    mono = heard if heard.ndim == 1 else heard.mean(axis=1)
    assert blocks[0].sample_rate == rate
    np.testing.assert_allclose(mono, expected, atol=1e-4, err_msg=path.name)


@pytest.mark.parametrize("name", SPEECH)
def test_a_clip_is_read_as_the_other_reader_reads_it(name):
    check_as_the_other_reader(material(name))


@needs_larger("clips")
def test_clips_of_the_larger_set_are_read_as_the_other_reader_reads_them():
    paths = [
        path
        for path in sorted((LARGER / "audio").glob("*.*"))[:6]
        if path.suffix in (".wav", ".flac")
    ]
    assert paths
    for path in paths:
        check_as_the_other_reader(path)


def test_a_gap_in_a_recording_is_a_jump_of_the_numbers(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for begin in (0, 1600, 16_000, 17_600):  # 0.8 s are missing
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 16_000, begin, Fraction(1, 16_000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    with ee.stream.open_audio(str(path), FAST) as source:
        blocks = read_all(source)
    assert [block.first_sample for block in blocks] == [0, 1600, 16_000, 17_600]


def test_picture_and_sound_of_one_recording_share_their_time(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as file:
        video = file.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = file.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for index in range(10):  # the sound begins half a second later
            picture = av.VideoFrame(64, 48, "yuv420p")
            picture.pts, picture.time_base = index, Fraction(1, 10)
            file.mux(video.encode(picture))
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), "s16", "mono")
            sound.sample_rate, sound.pts = 16_000, 8000 + 1600 * index
            sound.time_base = Fraction(1, 16_000)
            file.mux(audio.encode(sound))
        file.mux(video.encode())
    with ee.stream.open_video(str(path), FAST) as source:
        assert source.read().captured_at == 0
    with ee.stream.open_audio(str(path), FAST) as source:
        block = source.read()
    assert (block.first_sample, block.captured_at) == (8000, 0.5)


def test_in_real_time_a_block_comes_when_its_last_sample_was_heard(tmp_path):
    clock, ends = ManualClock(start=3.0), []

    def wait(stop, seconds):
        clock.advance_to(clock.now() + seconds)
        return False

    path = write_sound(tmp_path / "a.wav", tone(16_000), 16_000)
    pacer = Pacer("realtime", clock, starts_at=3.0, wait=wait)
    with AudioFile(str(path), clock, pacer) as source:
        for block in iter(source.read, None):
            assert block.captured_at == pytest.approx(3 + block.first_sample / 16_000)
            assert clock.now() == pytest.approx(3 + block.end_sample / 16_000)
            ends.append(clock.now())
    assert ends[-1] == pytest.approx(4.0)
