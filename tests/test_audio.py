"""log_mel_spectrogram and resample, against tests/reference_audio.py and against transformers."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec
from itertools import product

import numpy as np
import pytest

import reference_audio
from emonet_edge import _core, audio
from emonet_edge.exceptions import AudioError, IsaError, MissingExtraError
from material import LARGER, SPEECH, material, needs_larger
from sounds import VOICES

# Whisper's features span about 4; the transformers paths differ by 4e-5 among themselves.
TOLERANCE = 1e-4
# Beside a full-scale tone the floor lies 80 dB lower, where rounding to float32 (of the samples
# times the window, whoever multiplies them) shows.
TONE_TOLERANCE = 3e-4

LENGTHS = [1, 2, 159, 160, 161, 199, 200, 201, 399, 400, 401, 1519, 1520, 2800, 4003, 16000]
LONG_LENGTHS = [479799, 479800, 479999, 480000, 480001, 500000]


def noise(n: int) -> np.ndarray:
    return (np.random.default_rng(n).standard_normal(n) * 0.1).astype(np.float32)


def tone(n: int, hz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(n) / 16000).astype(np.float32)


def clicks(n: int) -> np.ndarray:
    waveform = np.zeros(n, np.float32)
    waveform[::1601] = 1.0
    waveform[-1] = -1.0
    return waveform


SIGNALS = {
    "silence": np.zeros(16000, np.float32),
    "negative zeros": np.full(16000, -0.0, np.float32),
    "clicks": clicks(40000),
    "direct current": np.full(480000, 0.5, np.float32),
    "quiet noise": noise(48000) * np.float32(1e-4),
    "denormals": noise(48000) * np.float32(1e-38),
    "16-bit scale": noise(48000) * np.float32(32768),
    "the loudest allowed": np.full(48000, 1e15, np.float32),
    "one loud sample at the end": np.append(np.zeros(479999, np.float32), np.float32(1)),
}


@pytest.fixture(params=_core.available_isas())
def isa(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@cache
def clips_of(which: str) -> dict[str, np.ndarray]:
    soundfile = pytest.importorskip("soundfile")
    larger = which == "larger set"
    paths = sorted((LARGER / "audio").iterdir()) if larger else map(material, SPEECH)
    return {path.name: audio.resample(*soundfile.read(path, dtype="float32")) for path in paths}


@pytest.fixture(params=VOICES)
def clips(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    return clips_of(request.param)


def test_shape_type_and_constants_agree() -> None:
    spectrogram = audio.log_mel_spectrogram(noise(100))
    assert spectrogram.shape == (audio.N_MELS, audio.N_FRAMES) == (80, 3000)
    assert spectrogram.dtype == np.float32
    assert audio.N_FRAMES * 160 == audio.SAMPLE_RATE * audio.WINDOW_S


@pytest.mark.parametrize("n", LENGTHS + LONG_LENGTHS)
def test_every_isa_follows_the_definition_at_any_length(isa: str, n: int) -> None:
    waveform = noise(n)
    spectrogram = _core.log_mel_spectrogram(waveform, isa)
    expected = reference_audio.log_mel_spectrogram(waveform)
    np.testing.assert_allclose(spectrogram, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", SIGNALS)
def test_every_isa_follows_the_definition_for_extreme_signals(isa: str, name: str) -> None:
    spectrogram = _core.log_mel_spectrogram(SIGNALS[name], isa)
    expected = reference_audio.log_mel_spectrogram(SIGNALS[name])
    np.testing.assert_allclose(spectrogram, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("hz", [50.0, 440.0, 1000.0, 3333.3, 7990.0, 8000.0])
def test_every_isa_follows_the_definition_for_full_scale_tones(isa: str, hz: float) -> None:
    waveform = tone(480000, hz)
    spectrogram = _core.log_mel_spectrogram(waveform, isa)
    expected = reference_audio.log_mel_spectrogram(waveform)
    np.testing.assert_allclose(spectrogram, expected, rtol=0, atol=TONE_TOLERANCE)


def test_silence_is_one_value_on_every_isa(isa: str) -> None:
    spectrogram = _core.log_mel_spectrogram(SIGNALS["silence"], isa)
    assert set(spectrogram.ravel().tolist()) == {-1.5}


def test_padding_changes_nothing() -> None:
    waveform = noise(20000)
    padded = np.append(waveform, np.zeros(480000 - 20000, np.float32))
    np.testing.assert_array_equal(
        audio.log_mel_spectrogram(waveform), audio.log_mel_spectrogram(padded)
    )


def test_what_lies_beyond_30_s_changes_nothing() -> None:
    waveform = noise(500000)
    np.testing.assert_array_equal(
        audio.log_mel_spectrogram(waveform), audio.log_mel_spectrogram(waveform[:480000])
    )


def test_every_isa_agrees_with_portable_on_real_clips(
    isa: str, clips: dict[str, np.ndarray]
) -> None:
    for name, waveform in clips.items():
        spectrogram = _core.log_mel_spectrogram(waveform, isa)
        portable = _core.log_mel_spectrogram(waveform, "portable")
        np.testing.assert_allclose(spectrogram, portable, rtol=0, atol=TOLERANCE, err_msg=name)


PATHS = ("_np_extract_fbank_features", "_torch_extract_fbank_features")
NEEDS_TORCH = "needs torch and transformers: pip install '.[export]'"


@pytest.mark.torch
@pytest.mark.parametrize(
    ("isa", "path"),
    [*product(_core.available_isas(), PATHS)]
    if find_spec("torch") and find_spec("transformers")
    else [pytest.param("portable", PATHS[0], marks=pytest.mark.skip(NEEDS_TORCH))],
)
def test_every_isa_equals_transformers_on_real_clips(
    isa: str, path: str, clips: dict[str, np.ndarray]
) -> None:
    transformers = pytest.importorskip("transformers")
    extract = getattr(transformers.WhisperFeatureExtractor(), path)
    for name, waveform in clips.items():
        padded = np.zeros((1, 480000), np.float32)
        padded[0, : waveform.size] = waveform[:480000]
        np.testing.assert_allclose(
            _core.log_mel_spectrogram(waveform, isa),
            extract(padded, "cpu")[0],
            rtol=0,
            atol=TOLERANCE,
            err_msg=name,
        )


@needs_larger("weights")
def test_reference_filters_are_the_published_ones() -> None:
    published = np.load(LARGER / "weights" / "mel_filters.npz")["mel_80"]
    np.testing.assert_allclose(reference_audio.mel_filters(), published, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("index", "first", "values"),
    [
        (0, 1, [0.0248625949]),
        (1, 1, [0.00199082191, 0.0228717718]),
        (25, 24, [0.0208740104, 0.00404042564]),
        (40, 42, [0.00541110476, 0.0147355665, 0.0065181898]),
    ],
)
def test_reference_filters_hold_the_published_numbers(
    index: int, first: int, values: list[float]
) -> None:
    # Copied from mel_filters.npz of openai/whisper, so that they are checked without it.
    expected = np.zeros(201)
    expected[first : first + len(values)] = values
    filters = reference_audio.mel_filters()
    np.testing.assert_allclose(filters[index], expected, rtol=0, atol=1e-8)
    assert filters.sum() == pytest.approx(1.9990242, abs=1e-6)


@pytest.mark.torch
def test_reference_filters_are_those_of_transformers() -> None:
    transformers = pytest.importorskip("transformers", reason=NEEDS_TORCH)
    filters = transformers.WhisperFeatureExtractor().mel_filters.T
    np.testing.assert_allclose(reference_audio.mel_filters(), filters, rtol=0, atol=1e-12)


def test_an_unknown_isa_is_refused() -> None:
    with pytest.raises(IsaError, match="sse9"):
        _core.log_mel_spectrogram(noise(10), "sse9")


@pytest.mark.parametrize(
    "view",
    [
        pytest.param(lambda x: np.repeat(x, 2)[::2], id="strided"),
        pytest.param(lambda x: x[::-1].copy()[::-1], id="reversed"),
        pytest.param(lambda x: x.astype(np.float64), id="float64"),
        pytest.param(lambda x: x.astype(">f4"), id="big-endian"),
        pytest.param(
            lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32),
            id="unaligned",
        ),
    ],
)
def test_memory_layout_does_not_matter(view) -> None:
    waveform = noise(3000)
    np.testing.assert_array_equal(
        audio.log_mel_spectrogram(view(waveform)), audio.log_mel_spectrogram(waveform)
    )


def test_the_waveform_is_not_changed() -> None:
    waveform = noise(3000)
    waveform.flags.writeable = False
    before = waveform.copy()
    audio.log_mel_spectrogram(waveform)
    np.testing.assert_array_equal(waveform, before)


def test_other_arithmetic_still_has_denormals_afterwards() -> None:
    audio.log_mel_spectrogram(SIGNALS["denormals"])
    assert np.float32(1e-30) * np.float32(1e-10) > 0


@pytest.mark.parametrize(
    ("waveform", "words"),
    [
        pytest.param(np.zeros(0, np.float32), ["at least one sample", "skip"], id="empty"),
        pytest.param(np.zeros((2, 9), np.float32), ["(2, 9)", "average its channels"], id="2-D"),
        pytest.param(np.array(1, np.float32), ["one-dimensional", "()"], id="0-D"),
        pytest.param(np.zeros(9, np.int16), ["int16", "divide it by 32768"], id="int16"),
        pytest.param(np.zeros(9, np.int32), ["int32", "2147483648"], id="int32"),
        pytest.param(np.zeros(9, np.uint8), ["uint8", "subtract 128"], id="uint8"),
        pytest.param(np.zeros(9, np.float16), ["float16", "astype"], id="float16"),
        pytest.param(np.zeros(9, bool), ["bool", "astype"], id="bool"),
        pytest.param(np.zeros(9, complex), ["complex128", "astype"], id="complex"),
        pytest.param([0.0, 0.1], ["list", "numpy.asarray"], id="list"),
        pytest.param(None, ["NoneType", "numpy.asarray"], id="None"),
    ],
)
def test_what_is_no_waveform_is_refused_with_the_remedy(waveform, words: list[str]) -> None:
    with pytest.raises(AudioError) as caught:
        audio.log_mel_spectrogram(waveform)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("index", [0, 4095, 4096, 9999, 490000])
@pytest.mark.parametrize(
    ("bad", "shown"),
    [
        (np.nan, "got nan"),
        (np.inf, "got inf"),
        (-np.inf, "got -inf"),
        (2e15, "within +-1e15; got 2e+15"),
    ],
)
def test_the_first_bad_sample_is_named(index: int, bad: float, shown: str) -> None:
    waveform = np.zeros(500000, np.float32)
    waveform[[index, -1]] = bad
    with pytest.raises(AudioError) as caught:
        audio.log_mel_spectrogram(waveform)
    assert shown in str(caught.value)
    assert f"at sample {index};" in str(caught.value)


def test_float64_beyond_float32_is_refused() -> None:
    with pytest.raises(AudioError, match="got inf at sample 1;"):
        audio.log_mel_spectrogram(np.array([0.0, 1e300]))


@pytest.mark.parametrize("sample_rate", [8000, 11025, 22050, 44100, 48000.0, np.int32(96000)])
def test_resampling_keeps_a_tone_and_its_length(sample_rate) -> None:
    pytest.importorskip("soxr")
    seconds = np.arange(int(sample_rate)) / float(sample_rate)
    recording = np.sin(2 * np.pi * 440 * seconds).astype(np.float32)
    waveform = audio.resample(recording, sample_rate)
    assert waveform.dtype == np.float32
    assert waveform.shape == (16000,)
    np.testing.assert_allclose(waveform[800:-800], tone(16000, 440)[800:-800], rtol=0, atol=1e-3)


def test_channels_are_averaged() -> None:
    left, right = noise(500), noise(501)[:500]
    waveform = audio.resample(np.stack([left, right], axis=1), 16000)
    np.testing.assert_allclose(waveform, (left + right) / 2, rtol=0, atol=1e-7)


def test_at_16_khz_mono_nothing_changes() -> None:
    waveform = noise(500)
    np.testing.assert_array_equal(audio.resample(waveform, 16000), waveform)


@pytest.mark.parametrize(
    "sample_rate", [0, -16000, 999, 768001, np.nan, np.inf, True, "16000", None, 16000j]
)
def test_a_sample_rate_out_of_range_is_refused(sample_rate) -> None:
    with pytest.raises(AudioError, match=r"1000 to 768000 \(Hz\); got "):
        audio.resample(noise(100), sample_rate)


@pytest.mark.parametrize(
    ("recording", "words"),
    [
        pytest.param(np.zeros((2, 16000), np.float32), ["waveform.T"], id="channels first"),
        pytest.param(np.zeros((9, 0), np.float32), ["(9, 0)"], id="no channels"),
        pytest.param(np.zeros((9, 2, 2), np.float32), ["(9, 2, 2)"], id="3-D"),
        pytest.param(np.zeros((0, 2), np.float32), ["at least one sample"], id="empty"),
        pytest.param(np.zeros((9, 2), np.int16), ["divide it by 32768"], id="int16"),
        pytest.param(np.array([[0, 0], [0, np.nan]]), ["got nan at sample 1;"], id="NaN"),
        pytest.param(np.array([[np.inf, -np.inf]]), ["got nan at sample 0;"], id="inf - inf"),
    ],
)
@pytest.mark.parametrize("sample_rate", [16000, 44100])
def test_a_bad_recording_is_refused(recording, words: list[str], sample_rate: int) -> None:
    with pytest.raises(AudioError) as caught:
        audio.resample(recording, sample_rate)
    for word in words:
        assert word in str(caught.value)


def test_a_recording_too_short_for_one_sample_is_refused() -> None:
    pytest.importorskip("soxr")
    with pytest.raises(AudioError, match="1 samples at 48000 Hz"):
        audio.resample(np.ones(1, np.float32), 48000)


def test_without_soxr_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    assert audio.resample(noise(100), 16000).size == 100
    with pytest.raises(MissingExtraError, match=r"pip install 'emonet-edge\[media\]'"):
        audio.resample(noise(100), 44100)
