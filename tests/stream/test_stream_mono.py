"""MonoStream: equal to a conversion of the whole, whatever the rate, type and block sizes."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emonet_edge import resample
from emonet_edge.exceptions import AudioError, MissingExtraError
from emonet_edge.stream import MonoStream
from emonet_edge.stream.voices.mono import LOUDEST
from sounds import in_blocks

RATES = [8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000]


def noise(n, channels=1, seed=0):
    shape = n if channels == 1 else (n, channels)
    return (np.random.default_rng(seed).standard_normal(shape) * 0.2).astype(np.float32)


def converted(stream, blocks):
    return np.concatenate([*(stream.feed(block) for block in blocks), stream.flush()])


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", RATES)
def test_it_equals_the_conversion_of_the_whole(rate, channels):
    waveform = noise(2 * rate + 17, channels)
    found = converted(MonoStream(rate, channels), in_blocks(waveform, 480, 1, 1111))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, resample(waveform, rate))


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=30), st.sampled_from(RATES))
def test_the_cut_into_blocks_changes_nothing(sizes, rate):
    waveform = noise(sum(sizes) + 1, seed=1)
    cuts = np.cumsum(sizes)
    whole = converted(MonoStream(rate), [waveform])
    np.testing.assert_array_equal(converted(MonoStream(rate), np.split(waveform, cuts)), whole)


@pytest.mark.parametrize(
    ("dtype", "scale"), [("int16", 32767), ("int32", 2147483647), ("float64", 1)]
)
def test_every_type_gives_the_same_sound(dtype, scale):
    waveform = noise(48_000, 2).clip(-1, 1)
    typed = (waveform.astype(np.float64) * scale).astype(dtype)
    found = converted(MonoStream(48_000, 2), in_blocks(typed, 480))
    np.testing.assert_allclose(found, resample(waveform, 48_000), atol=1e-4)


def test_sixteen_bits_are_taken_exactly():
    block = np.array([-32768, -1, 0, 1, 32767], np.int16)
    found = MonoStream(16_000).feed(block)
    np.testing.assert_array_equal(found, np.array([-32768, -1, 0, 1, 32767]) / 32768)


@pytest.mark.parametrize(("rate", "seconds"), [(8000, 0.12), (44_100, 0.05), (48_000, 0.05)])
def test_what_is_fed_comes_out_soon(rate, seconds):
    stream, out = MonoStream(rate), 0
    for number, block in enumerate(in_blocks(noise(rate), rate // 100)):
        out += len(stream.feed(block))
        assert (number + 1) / 100 - out / 16_000 <= seconds


def test_after_a_flush_it_is_as_new():
    stream, waveform = MonoStream(44_100), noise(10_000)
    first = converted(stream, [waveform])
    np.testing.assert_array_equal(converted(stream, [waveform]), first)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_the_result_shares_no_memory_with_the_block(rate):
    block = noise(4800)
    found = MonoStream(rate).feed(block)
    kept = found.copy()
    block[:] = 9
    np.testing.assert_array_equal(found, kept)


def test_a_column_and_an_empty_block_are_blocks():
    stream = MonoStream(16_000)
    np.testing.assert_array_equal(stream.feed(noise(10)[:, np.newaxis]), noise(10))
    assert len(stream.feed(noise(0))) == 0
    assert len(MonoStream(48_000).feed(noise(0))) == 0
    assert len(MonoStream(48_000).flush()) == 0


# What is not a sound


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_heard_as_silence_and_counted(value):
    waveform = noise(4800, 2)
    silent = waveform.copy()
    waveform[100:103, 1], silent[100:103, 1] = value, 0
    stream = MonoStream(48_000, 2)
    np.testing.assert_array_equal(converted(stream, [waveform]), resample(silent, 48_000))
    assert stream.silenced == 3


def test_a_block_of_nothing_but_nan_is_silence():
    stream = MonoStream(16_000)
    assert stream.feed(np.full(100, np.nan, np.float32)).tolist() == [0.0] * 100
    assert stream.silenced == 100


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_integers_cast_to_float_are_refused_and_the_stream_goes_on(dtype):
    waveform = noise(9600)
    stream = MonoStream(48_000)
    head = stream.feed(waveform[:4800])
    wrong = (waveform[:480] * 32768).astype(dtype)
    with pytest.raises(AudioError, match="divide by the full scale"):
        stream.feed(wrong)
    wrong[7] = np.nan
    with pytest.raises(AudioError, match="divide by the full scale"):
        stream.feed(wrong)
    assert stream.silenced == 0
    rest = converted(stream, [waveform[4800:]])
    np.testing.assert_array_equal(np.concatenate([head, rest]), resample(waveform, 48_000))


def test_a_loud_sample_is_still_a_sample():
    assert MonoStream(16_000).feed(np.array([LOUDEST, -LOUDEST])).tolist() == [LOUDEST, -LOUDEST]
    with pytest.raises(AudioError, match="full scale"):
        MonoStream(16_000).feed(np.array([-1.01 * LOUDEST]))


@pytest.mark.parametrize(
    "block",
    [
        [0.1, 0.2],
        None,
        np.float32(0.5),
        np.zeros(4, np.uint8),
        np.zeros(4, np.float16),
        np.zeros(4, np.complex64),
        np.zeros(4, object),
        np.zeros((), np.float32),
        np.zeros(4, np.float32),
        np.zeros((4, 3), np.float32),
        np.zeros((4, 2, 1), np.float32),
    ],
)
def test_what_is_no_block_of_the_stream_is_refused(block):
    with pytest.raises(AudioError):
        MonoStream(48_000, 2).feed(block)


@pytest.mark.parametrize("rate", [0, -1, 999, 1_000_000, np.nan, "48000", None, True])
def test_an_absurd_sample_rate_is_refused(rate):
    with pytest.raises(AudioError, match="sample rate"):
        MonoStream(rate)


@pytest.mark.parametrize("channels", [0, -1, 33, 1.0, True, None])
def test_an_absurd_number_of_channels_is_refused(channels):
    with pytest.raises(AudioError, match="channels"):
        MonoStream(48_000, channels)


def test_without_soxr_the_remedy_is_named_and_16_khz_still_works(monkeypatch):
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'emonet-edge\[media\]'"):
        MonoStream(48_000)
    assert len(MonoStream(16_000).feed(noise(10))) == 10
