"""Sounds for the tests of the stream: real clips, trimmed without a detector, and made music."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from emonet_edge import media, resample
from material import LARGER, material

RATE = 16_000
SPEECH = (
    "azure-en-chat_input_1.wav",
    "azure-en-enrollment_katie.wav",
    "azure-en-katiesteve-2speakers.wav",
    "azure-en-voice_talent.wav",
    "azure-en-whatstheweatherlike.wav",
    "azure-en-wreck-a-nice-beach.wav",
    "azure-es-mx.wav",
    "azure-zh-cn_continuous.wav",
    "azure-zh-cn_short.wav",
    "jfk.flac",
    "mlx-ls_test.flac",
    "moonshine-kokoro_af_nicole.wav",
    "moonshine-kokoro_am_santa.wav",
    "speechbrain-example1-add_noise.flac",
    "speechbrain-example1.wav",
)
NOISE = "speechbrain-noise5.wav"
WEATHER, ZH_SHORT = "azure-en-whatstheweatherlike.wav", "azure-zh-cn_short.wav"
LECTURE = "speechbrain-example1.wav"


# The voices that a fixture takes. Where the larger set is absent, its voices are left out here and
# told of by the tests that take its clips one by one: one skip, not one for each test.
VOICES = ("packages", "larger set") if LARGER.is_dir() else ("packages",)


@cache
def clip(source: Path | str) -> np.ndarray:
    """A clip at 16 kHz: the file at a path, or the one that `material` calls so."""
    path = material(source) if isinstance(source, str) else source
    return resample(*media.load_audio(path))


def part(source: Path | str, start: float, end: float) -> np.ndarray:
    """What is heard in a clip from one second to another."""
    return clip(source)[round(start * RATE) : round(end * RATE)]


@dataclass(frozen=True)
class Voices:
    """What tests say and hear; no pause inside an utterance is as long as the hangover."""

    recording: np.ndarray  # with silence around the speech
    first: np.ndarray  # an utterance of more than a second
    second: np.ndarray  # another, of more than three
    short: np.ndarray  # one of less than two
    talk: np.ndarray  # a minute without a pause
    noise: np.ndarray  # recorded, without speech


@cache
def voices(which: str) -> Voices:
    """The voices of the packages' clips or of the larger set's; see VOICES."""
    if which == "packages":
        halves = [trimmed(part("german", *place), 25) for place in ((7.2, 8.6), (8.6, 12.2))]
        sentence = np.concatenate(halves)  # without the pause in its middle
        return Voices(
            recording=part("german", 7.0, 12.5),
            first=trimmed(part("arabic", 15.0, 17.6), 12),  # the noise lies 15 dB lower
            second=sentence,
            short=trimmed(part("german", 7.2, 9.25), 30),
            talk=np.tile(sentence, 16),
            noise=part("german", 0, 7) * np.float32(30),  # a quiet room, made loud
        )
    folder = LARGER / "audio"
    long = trimmed(clip(folder / "azure-zh-cn_continuous.wav"))
    return Voices(
        recording=clip(folder / WEATHER),
        first=trimmed(clip(folder / WEATHER)),
        second=trimmed(clip(folder / LECTURE)),
        short=trimmed(clip(folder / ZH_SHORT)),
        talk=np.concatenate([long, long[: 9 * RATE]]),
        noise=clip(folder / NOISE),
    )


def two_utterances(said: Voices) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Two utterances with 1.5 s of silence between them, and where they lie."""
    return scene(1.0, said.first, 1.5, said.second, 1.2)


def trimmed(waveform: np.ndarray, below_peak_db: float = 35) -> np.ndarray:
    """What lies between the first and the last 10 ms that are loud, by their energy alone."""
    frames = waveform[: len(waveform) // 160 * 160].reshape(-1, 160)
    level = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    loud = np.flatnonzero(level > level.max() - below_peak_db)
    return waveform[loud[0] * 160 : (loud[-1] + 1) * 160]


def hiss(seconds: float, db: float = -70, seed: int = 0) -> np.ndarray:
    """The floor of a quiet room: white noise, dB below full scale."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return (noise * 10 ** (db / 20)).astype(np.float32)


def scene(*parts: np.ndarray | float) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Join clips and pauses (seconds); return the sound and where the clips lie, in seconds."""
    sounds, places, at = [], [], 0
    for part in parts:
        sound = np.zeros(round(part * RATE), np.float32) if isinstance(part, float) else part
        if not isinstance(part, float):
            places.append((at / RATE, (at + len(sound)) / RATE))
        sounds.append(sound)
        at += len(sound)
    whole = np.concatenate(sounds)
    return whole + hiss(len(whole) / RATE), places


def tone(hz: float, seconds: float) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(
        np.float32
    )


def chords(seconds: float = 12.0) -> np.ndarray:
    """Four chords over and over, struck twice a second, eight harmonics a note."""
    t = np.arange(RATE // 2) / RATE
    notes = ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))
    bars = []
    for beat in range(round(seconds * 2)):
        struck = sum(
            np.sin(2 * np.pi * hz * k * t) / k**1.5
            for hz in notes[beat // 4 % 4]
            for k in range(1, 9)
        )
        bars.append(struck * np.exp(-4 * t) * np.minimum(1, t / 0.005))
    return (0.1 * np.concatenate(bars)).astype(np.float32)


def drums(seconds: float = 12.0) -> np.ndarray:
    """Kick, snare and hi-hat at 120 beats a minute."""
    rng = np.random.default_rng(2)
    t = np.arange(RATE // 4) / RATE
    kick = np.sin(2 * np.pi * 60 * t * (1 + np.exp(-30 * t))) * np.exp(-12 * t)
    snare = (rng.standard_normal(len(t)) * 0.5 + np.sin(2 * np.pi * 190 * t)) * np.exp(-20 * t)
    hat = np.diff(rng.standard_normal(len(t) + 1)) * np.exp(-60 * t) * 0.2
    bar = np.concatenate([kick + hat, hat, snare + hat, hat])
    return (0.3 * np.tile(bar, round(seconds))).astype(np.float32)[: round(seconds * RATE)]


def in_blocks(samples: np.ndarray, *sizes: int):
    """Cut into blocks of the sizes given, over and over."""
    at = turn = 0
    while at < len(samples):
        size = sizes[turn % len(sizes)]
        yield samples[at : at + size]
        at, turn = at + size, turn + 1
