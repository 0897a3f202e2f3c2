"""Drawings: what must be seen is there, at any size; and the demo's material."""

from __future__ import annotations

import numpy as np
import pytest

from emonet_edge.drawing import picture as drawing
from emonet_edge.drawing import style, timeline
from emonet_edge.synthetic import demo_material

pytest.importorskip("PIL")

BARS = [("Elation", 4.2), ("Intoxication/Altered States of Consciousness", 2.5), ("Awe", -0.3)]
NOTICE = "scores from synthetic weights: they mean nothing"


def has(picture, colour) -> bool:
    return bool((np.asarray(picture) == colour).all(axis=2).any())


def count(picture, colour) -> int:
    return int((np.asarray(picture) == colour).all(axis=2).sum())


@pytest.mark.parametrize(
    ("width", "height"),
    [(1, 1), (1, 900), (900, 1), (64, 64), (640, 480), (480, 640), (5000, 300), (300, 5000)],
)
def test_a_picture_of_any_size_gives_a_readable_one(width, height):
    image = np.full((height, width, 3), 200, np.uint8)
    box = (0, 0, width, height)
    drawn = drawing.annotate_picture(image, BARS, box=box, notice=NOTICE)
    assert 500 <= max(drawn.size) <= 2100
    assert drawn.mode == "RGB"
    assert has(drawn, style.WARNING)
    assert count(drawn, style.COLOURS[0]) > 300, "the first bar is seen"


def test_the_box_is_drawn_where_the_face_is():
    image = np.full((600, 600, 3), 90, np.uint8)
    drawn = np.asarray(drawing.annotate_picture(image, [], box=(100, 200, 50, 60)))
    rows, columns = np.nonzero((drawn == style.BOX).all(axis=2))
    margin = style.MARGIN
    assert (columns.min() - margin, columns.max() - margin) == (101, 148)
    assert (rows.min() - margin, rows.max() - margin) == (201, 258)


def test_without_a_box_none_is_drawn():
    image = np.full((600, 600, 3), 90, np.uint8)
    assert not has(drawing.annotate_picture(image, BARS), style.BOX)


def test_without_a_notice_none_is_drawn():
    image = np.full((600, 600, 3), 90, np.uint8)
    assert not has(drawing.annotate_picture(image, BARS), style.WARNING)


def test_the_picture_itself_is_not_touched():
    image = np.full((60, 60, 3), 90, np.uint8)
    drawing.annotate_picture(image, BARS, box=(1, 1, 20, 20))
    assert (image == 90).all()


def test_a_bar_is_as_long_as_its_score():
    image = np.zeros((600, 600, 3), np.uint8)
    lengths = [
        count(drawing.annotate_picture(image, [("a", score)], scale=7.0), style.COLOURS[0])
        for score in (-1.0, 1.75, 3.5, 7.0, 70.0)
    ]
    none, quarter, half, full, beyond = lengths
    assert none == 0
    assert quarter == pytest.approx(full / 4, rel=0.05)
    assert half == pytest.approx(full / 2, rel=0.05)
    assert beyond == full


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_score_that_is_unknown_has_no_bar(value):
    image = np.zeros((60, 60, 3), np.uint8)
    drawn = drawing.annotate_picture(image, [("a", value)])
    assert not has(drawn, style.COLOURS[0])


def test_texts_that_the_font_lacks_and_endless_ones_are_drawn_somehow():
    image = np.zeros((60, 60, 3), np.uint8)
    drawing.annotate_picture(image, [("Freude 喜び \U0001f600", 1.0), ("x" * 5000, 1.0)])


def windows(*spans):
    return [timeline.Window(float(start), float(end)) for start, end in spans]


def test_each_window_is_drawn_where_it_is_the_nearest():
    spans = windows((0, 30), (15, 45), (30, 60))
    assert timeline._edges(spans, 60.0) == [0.0, 22.5, 37.5, 60.0]


def test_a_timeline_shows_high_windows_high():
    spans = windows((0, 30), (30, 60))
    drawn = np.asarray(timeline.draw_timeline(spans, {"Anger": [0.0, 4.0]}, duration=60.0))
    line = (drawn == style.COLOURS[0]).all(axis=2)
    middle = (300 + drawn.shape[1] - 100) // 2
    low = np.nonzero(line[:, 310 : middle - 10])[0].mean()
    high = np.nonzero(line[:, middle + 10 : -110])[0].mean()
    assert high < low - 30  # rows count downward


def test_a_timeline_grows_with_its_rows_and_shows_the_notice():
    spans = windows((0, 30))
    sizes = []
    for rows in (0, 1, 8, 40):
        series = {f"{label} {row}": [1.0] for row in range(rows) for label in ("emotion",)}
        drawn = timeline.draw_timeline(spans, series, duration=12.0, notice=NOTICE)
        assert has(drawn, style.WARNING)
        sizes.append(drawn.size[1])
    assert sizes[1] < sizes[2] < sizes[3]


def test_a_timeline_leaves_unknown_scores_out():
    spans = windows((0, 30), (15, 45))
    nothing = [float("nan")] * 2
    drawn = timeline.draw_timeline(spans, {"Awe": nothing}, duration=45.0)
    assert not has(drawn, style.COLOURS[0])


@pytest.mark.parametrize("duration", [0.01, 1.0, 29.9, 61.0, 3600.0, 36_000.0])
def test_the_axis_has_few_round_ticks(duration):
    step = timeline._tick_step(duration)
    assert duration / step <= 12
    timeline.draw_timeline(windows((0, duration)), {"Awe": [1.0]}, duration=duration)


# The demo's material


def test_the_face_is_drawn_the_same_every_time():
    first, second = demo_material.draw_face(), demo_material.draw_face()
    assert first.shape == (600, 480, 3)
    assert first.dtype == np.uint8
    assert len(np.unique(first.reshape(-1, 3), axis=0)) > 500
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("seconds", [0.01, 3.0, 40.0])
def test_the_voice_is_sound_of_the_asked_length(seconds):
    waveform = demo_material.synthesize_voice(seconds)
    assert waveform.dtype == np.float32
    assert len(waveform) == round(16_000 * seconds)
    assert np.isfinite(waveform).all()
    assert 0.3 < np.abs(waveform).max() <= 0.52
    np.testing.assert_array_equal(waveform, demo_material.synthesize_voice(seconds))


def test_the_voice_has_a_pitch_and_pauses():
    waveform = demo_material.synthesize_voice(5.0).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(waveform[4000:12_000] * np.hanning(8000)))
    lowest = 2.0 * spectrum[: 200 // 2].argmax()  # Hz: bins are 2 Hz wide
    assert 95 < lowest < 160
    loudness = np.sqrt((waveform[: 16_000 * 5].reshape(-1, 800) ** 2).mean(axis=1))
    assert loudness.min() < 0.05 * loudness.max()
