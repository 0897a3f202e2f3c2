"""Files from strangers: what can be read is read right, everything else is a MediaError."""

from __future__ import annotations

import io
import struct
import sys
import tracemalloc
import zlib

import numpy as np
import pytest

from emonet_edge import media
from emonet_edge.exceptions import MediaError, MissingExtraError
from material import FACELESS, LARGER, PORTRAITS, material, needs_larger

Image = pytest.importorskip("PIL.Image")
soundfile = pytest.importorskip("soundfile")


def encoded(picture, kind="PNG", **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def sound(samples, rate=16_000, kind="WAV", **options) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, **options)
    return file.getvalue()


@pytest.fixture
def gradient() -> np.ndarray:
    y, x = np.mgrid[0:40, 0:60]
    return np.stack([4 * x, 6 * y, 255 - 4 * x], axis=2).astype(np.uint8)


@pytest.fixture
def tone() -> np.ndarray:
    return (0.4 * np.sin(np.arange(16_000) / 7)).astype(np.float32)


# Pictures that can be read


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_a_lossless_picture_comes_back_as_it_was(gradient, kind):
    loaded = media.load_image(encoded(Image.fromarray(gradient), kind))
    assert loaded.dtype == np.uint8
    assert loaded.flags.c_contiguous
    np.testing.assert_array_equal(loaded, gradient)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_lossy_picture_keeps_its_colours_in_order(gradient, kind):
    loaded = media.load_image(encoded(Image.fromarray(gradient), kind, quality=95))
    assert np.abs(loaded.astype(int) - gradient).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_agrees_with_pillow(gradient, orientation):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(gradient), "PNG", exif=exif)
    expected = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(media.load_image(data), expected)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_changes_nothing(gradient, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(gradient), "PNG", exif=exif)
    np.testing.assert_array_equal(media.load_image(data), gradient)


def test_grey_is_the_same_in_all_channels(gradient):
    grey = Image.fromarray(gradient).convert("L")
    loaded = media.load_image(encoded(grey))
    for channel in range(3):
        np.testing.assert_array_equal(loaded[..., channel], np.array(grey))


def test_sixteen_bit_grey_keeps_its_high_byte():
    deep = np.array([[0x0000, 0x00FF, 0x0100], [0x7FFF, 0x8000, 0xFFFF]], dtype=np.uint16)
    for kind in ("PNG", "TIFF"):
        loaded = media.load_image(encoded(Image.fromarray(deep), kind))
        np.testing.assert_array_equal(loaded[..., 0], [[0, 0, 1], [127, 128, 255]])


def test_float_grey_is_refused_because_its_white_is_unknown():
    data = encoded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF")
    with pytest.raises(MediaError, match="convert it to 8 or 16 bits"):
        media.load_image(data)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_parts_lie_on_white(mode):
    picture = Image.new(mode, (3, 2), 0)
    assert media.load_image(encoded(picture)).min() == 255


def test_a_palette_with_a_transparent_entry_lies_on_white():
    picture = Image.new("P", (2, 1), 0)
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putpixel((1, 0), 1)
    loaded = media.load_image(encoded(picture, "GIF", transparency=0))
    np.testing.assert_array_equal(loaded, [[[255, 255, 255], [200, 100, 50]]])


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "YCbCr"])
def test_other_modes_become_rgb(gradient, mode):
    kind = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    loaded = media.load_image(encoded(Image.fromarray(gradient).convert(mode), kind))
    assert loaded.shape == gradient.shape
    assert loaded.std() > 10


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(media.load_image(data)[0, 0], [255, 0, 0])


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1)])
def test_thin_pictures_are_pictures(size):
    assert media.load_image(encoded(Image.new("RGB", size))).shape == (size[1], size[0], 3)


def test_a_hundred_megapixels_are_allowed():
    data = encoded(Image.new("1", (10_000, 10_000)))
    assert media.load_image(data).shape == (10_000, 10_000, 3)


def test_a_picture_is_read_from_stdin(gradient, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(encoded(Image.fromarray(gradient))))
    monkeypatch.setattr(sys, "stdin", stdin)
    np.testing.assert_array_equal(media.load_image("-"), gradient)


def check_as_pillow(path):
    expected = np.array(Image.open(path).convert("RGB"))
    np.testing.assert_array_equal(media.load_image(path), expected, err_msg=path.name)


@pytest.mark.parametrize("name", PORTRAITS + FACELESS)
def test_a_photograph_is_read_as_pillow_reads_it(name):
    check_as_pillow(material(name))


@needs_larger("pictures")
def test_pictures_of_the_larger_set_are_read_as_pillow_reads_them():
    paths = sorted((LARGER / "faces").iterdir())
    assert paths
    for path in paths:
        check_as_pillow(path)


# Pictures that cannot


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_picture_cut_short_is_refused(gradient, kind, share):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(MediaError):
        media.load_image(data[: int(share * len(data))])


def test_a_png_that_claims_to_be_huge_is_refused_by_its_header():
    data = bytearray(encoded(Image.new("RGB", (1, 1))))
    for width, height in ((60_000, 60_000), (13_000, 13_000)):
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        with pytest.raises(MediaError, match="scale it down"):
            media.load_image(bytes(data))


def test_postscript_is_never_opened(tmp_path):
    path = tmp_path / "picture.eps"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n")
    with pytest.raises(MediaError, match="known format"):
        media.load_image(path)


@pytest.mark.parametrize("load", [media.load_image, media.load_audio])
def test_a_missing_file_a_folder_and_a_broken_name_are_refused(load, tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        load(tmp_path / "nothing.bin")
    with pytest.raises(MediaError, match="is a directory"):
        load(tmp_path)
    with pytest.raises(MediaError):
        load("nul\0byte")


@pytest.mark.parametrize("load", [media.load_image, media.load_audio])
def test_an_empty_stdin_is_refused(load, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(MediaError, match="standard input is empty"):
        load("-")


def damaged(data: bytes, copies: int):
    """Copies with a few bytes replaced, mostly near the header, where it hurts."""
    random = np.random.default_rng(len(data))
    for _ in range(copies):
        broken = bytearray(data)
        for _ in range(random.integers(1, 6)):
            end = len(data) if random.random() < 0.5 else min(len(data), 64)
            broken[random.integers(0, end)] = random.integers(0, 256)
        yield bytes(broken)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM"])
def test_a_damaged_picture_is_read_or_refused_and_nothing_else(gradient, kind):
    for data in damaged(encoded(Image.fromarray(gradient), kind), 150):
        try:
            loaded = media.load_image(data)
        except MediaError:
            continue
        assert loaded.dtype == np.uint8
        assert loaded.ndim == 3


# Sounds that can be read


@pytest.mark.parametrize(("kind", "tolerance"), [("WAV", 4e-5), ("FLAC", 4e-5)])
def test_a_lossless_sound_comes_back_as_it_was(tone, kind, tolerance):
    waveform, rate = media.load_audio(sound(tone, 22_050, kind))
    assert (waveform.dtype, rate) == (np.float32, 22_050)
    np.testing.assert_allclose(waveform, tone, atol=tolerance)


@pytest.mark.parametrize("kind", ["OGG", "MP3"])
def test_a_lossy_sound_keeps_its_shape(tone, kind):
    waveform, rate = media.load_audio(sound(tone, 16_000, kind))
    assert rate == 16_000
    assert abs(len(waveform) - len(tone)) < 3000
    assert np.abs(waveform).max() == pytest.approx(0.4, abs=0.1)


def test_channels_are_averaged(tone):
    stereo = np.stack([tone, -0.5 * tone], axis=1)
    waveform, _ = media.load_audio(sound(stereo))
    np.testing.assert_allclose(waveform, 0.25 * tone, atol=4e-5)


def test_a_long_clip_is_whole_although_it_is_read_in_blocks():
    ramp = np.linspace(-0.9, 0.9, 300_001, dtype=np.float32)
    waveform, _ = media.load_audio(sound(ramp, subtype="FLOAT"))
    np.testing.assert_array_equal(waveform, ramp)


def test_a_sound_is_read_from_stdin(tone, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sound(tone))))
    waveform, _ = media.load_audio("-")
    assert len(waveform) == len(tone)


def test_a_streamed_wav_that_does_not_know_its_length_is_whole(tone):
    data = bytearray(sound(tone))
    data[40:44] = struct.pack("<I", 0xFFFFFFFF)
    waveform, _ = media.load_audio(bytes(data))
    assert len(waveform) == len(tone)


@pytest.mark.parametrize(
    ("name", "seconds", "rate"), [("german", 16.93, 44_100), ("arabic", 18.79, 16_000)]
)
def test_a_clip_has_its_stated_length(name, seconds, rate):
    waveform, found = media.load_audio(material(name))
    assert found == rate
    assert len(waveform) / rate == pytest.approx(seconds, abs=0.01)


@needs_larger("clips")
def test_clips_of_the_larger_set_have_their_stated_lengths():
    expected = {"jfk.flac": (11.0, 44_100), "azure-zh-cn_continuous.wav": (52.7, 16_000)}
    for name, (seconds, rate) in expected.items():
        waveform, found = media.load_audio(LARGER / "audio" / name)
        assert found == rate
        assert len(waveform) / rate == pytest.approx(seconds, abs=0.1)


# Sounds that cannot


@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_sound_cut_short_is_refused(kind, share):
    noise = np.random.default_rng(1).normal(0, 0.1, 30_000).astype(np.float32)
    data = sound(noise, kind=kind)
    with pytest.raises(MediaError):
        media.load_audio(data[: int(share * len(data))])


def test_a_sound_without_samples_is_refused(tone):
    with pytest.raises(MediaError, match="holds no samples"):
        media.load_audio(sound(tone[:0]))


def test_a_clip_longer_than_the_limit_is_refused(tone):
    with pytest.raises(MediaError, match="cut it into parts"):
        media.load_audio(sound(tone), max_seconds=0.5)
    assert len(media.load_audio(sound(tone), max_seconds=1.0)[0]) == len(tone)


@pytest.mark.parametrize("rate", [1, 999, 1_000_000, 2**31 - 1])
def test_an_absurd_sample_rate_is_refused(tone, rate):
    data = bytearray(sound(tone))
    data[24:28] = struct.pack("<I", rate)
    with pytest.raises(MediaError, match=r"sample rate|not a sound"):
        media.load_audio(bytes(data))


def test_too_many_channels_are_refused():
    with pytest.raises(MediaError, match="mix it down"):
        media.load_audio(sound(np.zeros((10, 65), np.float32)))


def test_a_header_that_promises_gigabytes_costs_nothing(tone):
    flac = bytearray(sound(tone, kind="FLAC"))
    flac[21] |= 0x0F  # the 36-bit number of samples in STREAMINFO: 68 thousand million
    flac[22:26] = b"\xff" * 4
    wav = bytearray(sound(tone))
    wav[40:44] = struct.pack("<I", 0x7FFF0000 - 1)
    tracemalloc.start()
    try:
        for data in (flac, wav):
            with pytest.raises(MediaError):
                media.load_audio(bytes(data))
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_a_damaged_sound_is_read_or_refused_and_nothing_else(tone, kind):
    for data in damaged(sound(tone[:4000], kind=kind), 100):
        try:
            waveform, rate = media.load_audio(data, max_seconds=60)
        except MediaError:
            continue
        assert waveform.dtype == np.float32
        assert rate >= 1000


# A missing extra


@pytest.mark.parametrize(
    ("module", "load"), [("PIL", media.load_image), ("soundfile", media.load_audio)]
)
def test_a_missing_library_names_the_extra(monkeypatch, module, load):
    monkeypatch.setitem(sys.modules, module, None)  # import raises ImportError
    with pytest.raises(MissingExtraError, match=r"pip install 'emonet-edge\[media\]'"):
        load(b"anything")
