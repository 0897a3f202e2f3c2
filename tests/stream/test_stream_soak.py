"""Hours of a stream in minutes: bounded memory, one outcome for every input, no counter too small.

A day at a kiosk, with real faces, real speech and tiny models, everything in one thread on a
`ManualClock`: people come in turns and leave, talk to the machine and pause. Sample counters begin
near the numbers at which 32-bit ones would wrap.
"""

from __future__ import annotations

import gc
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from emonet_edge.stream import (
    FaceOptions,
    FrameOutcome,
    LiveOptions,
    LiveSession,
    UtteranceOutcome,
)
from emonet_edge.stream.sources.source import AudioBlock
from stream_scene import (
    RATE,
    Scripted,
    detector,
    face_model,
    frame,
    photo,
    silence,
    speech,
    voice_model,
)

HOUR = 3600.0
MICROPHONE = 48000
PEOPLE = ("officer", "astronaut")


class Kiosk:
    """What a camera and a microphone give: a visit of 40 s, then 20 s of nobody, and so on."""

    VISIT_S, CYCLE_S = 40, 60

    def __init__(self):
        self._people = [photo(name, 240) for name in PEOPLE]
        self._talk = self._sound_of_a_cycle()

    def _sound_of_a_cycle(self):
        """A minute at 48 kHz: two sentences, and the quiet of a room."""
        soxr = pytest.importorskip("soxr")
        pieces = [
            silence(3),
            speech(),
            silence(5),
            speech(9.2, 11.9),
        ]
        said = soxr.resample(np.concatenate(pieces), RATE, MICROPHONE)
        room = np.random.default_rng(0).normal(0, 1e-4, self.CYCLE_S * MICROPHONE)
        room[: len(said)] += said
        return room.astype(np.float32)

    def frame(self, seq, at):
        """Who is there sways a little; nobody is an empty picture."""
        person = self._people[int(at // self.CYCLE_S) % len(self._people)]
        if at % self.CYCLE_S >= self.VISIT_S:
            return frame(np.zeros_like(person), seq, at)
        return frame(np.roll(person, seq % 7 - 3, axis=1), seq, at)

    def block(self, second, first_sample):
        """The samples of a second."""
        begin = second % self.CYCLE_S * MICROPHONE
        first = first_sample + second * MICROPHONE
        return AudioBlock(first, float(second), MICROPHONE, self._talk[begin : begin + MICROPHONE])


class Books:
    """Counts records as they come, and keeps none of them."""

    def __init__(self):
        self.kinds, self.frames, self.finals = Counter(), 0, Counter()
        self.next_seq = 0

    def __call__(self, record):
        self.kinds[type(record).__name__, getattr(record, "kind", "")] += 1
        if isinstance(record, FrameOutcome):
            assert record.seq == self.next_seq  # inline, they come in order: none is lost or double
            self.next_seq += 1
            self.frames += bool(record.faces)
        elif isinstance(record, UtteranceOutcome):
            assert record.final or record.seq not in self.finals
            assert 3 <= record.start % Kiosk.CYCLE_S < record.end % Kiosk.CYCLE_S < 16
            self.finals[record.seq] += record.final
            assert self.finals[record.seq] <= 1


def resident_mb():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def objects():
    gc.collect()
    return len(gc.get_objects())


def simulate(hours, rate_hz, first_sample, measure_every_s=600):
    """Run the kiosk; return its books, the counts, and (hour, MB, objects) while it ran."""
    kiosk, books, memory = Kiosk(), Books(), []
    seconds = range(round(hours * HOUR))

    def frames():
        for seq in range(len(seconds) * rate_hz):
            yield kiosk.frame(seq, seq / rate_hz)

    def blocks():
        # A first one far away, so that the 16 kHz counter behind the source's jumps as well.
        yield AudioBlock(0, 0.0, MICROPHONE, np.zeros(480, np.float32))
        for second in seconds:
            yield kiosk.block(second, first_sample)
            if second % measure_every_s == measure_every_s - 1:
                memory.append((second / HOUR, resident_mb(), objects()))

    options = LiveOptions(face=FaceOptions(rate_hz=rate_hz, detector_rate_hz=rate_hz))
    models = face_model(), voice_model(), detector()
    with LiveSession(*models, options, inline=True, on_record=books) as session:
        session.add_video(Scripted(frames()))
        session.add_audio(Scripted(blocks()))
        session.wait()
    return books, session.counts, memory


def slope(memory, column):
    """Growth an hour by least squares, after the first third: caches fill, arenas settle."""
    points = np.array(memory[len(memory) // 3 :])
    return float(np.polyfit(points[:, 0], points[:, column], 1)[0])


def check(books, counts, hours, rate_hz):
    frames = round(hours * HOUR) * rate_hz
    cycles = hours * HOUR / Kiosk.CYCLE_S
    assert counts["frames"]["submitted"] == books.next_seq == frames
    assert counts["frames"]["waiting"] == counts["utterances"]["waiting"] == 0
    assert counts["frames"]["error"] == counts["utterances"]["error"] == 0
    assert books.frames == pytest.approx(frames * Kiosk.VISIT_S / Kiosk.CYCLE_S, rel=0.1)
    assert set(books.finals.values()) == {1}
    assert list(books.finals) == list(range(len(books.finals)))
    assert len(books.finals) == pytest.approx(2 * cycles, rel=0.5)
    assert books.kinds["FusedState", ""] == pytest.approx(hours * HOUR, rel=0.02)
    assert counts["records_lost"] == counts["callback_errors"] == 0


# The number is reached 4 s later in the middle of a sentence, or 80 s later in the quiet; by the
# microphone's counter, or by the one at 16 kHz that follows it.
@pytest.mark.parametrize(
    "first_sample",
    [
        2**31 - 4 * MICROPHONE,
        2**32 - 80 * MICROPHONE,
        3 * (2**31 - 4 * RATE),
        3 * (2**32 - 80 * RATE),
    ],
)
def test_minutes_at_a_kiosk_with_counters_that_cross_32_bits(first_sample):
    hours = 3 / 60
    books, counts, _ = simulate(hours, 2, first_sample)
    check(books, counts, hours, 2)


def test_what_is_kept_does_not_grow_with_the_minutes():
    _, _, memory = simulate(12 / 60, 1, 0, measure_every_s=60)
    counted = [found for _, _, found in memory]
    assert counted[-1] - counted[3] < 200  # a track or two more at the moment of counting


@pytest.mark.full
def test_ten_hours_at_a_kiosk(capsys):
    hours = 10
    books, counts, memory = simulate(hours, 1, 3 * (2**31 - 2 * 3600 * RATE))
    check(books, counts, hours, 1)
    mb_an_hour, objects_an_hour = slope(memory, 1), slope(memory, 2)
    with capsys.disabled():
        print(f"\n{mb_an_hour:.3f} MB and {objects_an_hour:.0f} objects an hour; {counts}")
    assert mb_an_hour < 1
    assert objects_an_hour < 100
