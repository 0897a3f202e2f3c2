"""Frames and their outcomes come together again, in order, whatever order they are known in."""

from __future__ import annotations

from emonet_edge.stream.outcomes import Notice
from emonet_edge.stream.output.pairing import Pairing
from stream_records import frame_outcome, reading, rgb_frame, scores_of, utterance_outcome


def pairing_with(count, **options):
    pairing = Pairing(**options)
    for seq in range(count):
        pairing.add_frame(rgb_frame(seq, seq / 30))
    return pairing


def taken(pairing, everything=False):
    found = []
    while (pair := pairing.take(everything)) is not None:
        found.append((pair[0].seq, [face.track for face in pair[1].faces], pair[1].dropped))
    return found


def test_a_frame_waits_for_its_own_outcome():
    pairing = pairing_with(2)
    assert taken(pairing) == []
    pairing.add_record(frame_outcome(0, 0.0, reading(7, scores_of())))
    assert taken(pairing) == [(0, [7], 0)]


def test_a_dropped_frame_shows_the_faces_before_it_though_its_drop_was_known_first():
    pairing = pairing_with(4)
    pairing.add_record(frame_outcome(1, 0.03, kind="dropped"))
    pairing.add_record(frame_outcome(2, 0.06, kind="dropped"))
    assert taken(pairing) == []
    pairing.add_record(frame_outcome(0, 0.0, reading(7, scores_of())))
    assert taken(pairing) == [(0, [7], 0), (1, [7], 1), (2, [7], 2)]


def test_nobody_waits_for_ever():
    pairing = pairing_with(31, patience=0.5)
    assert [seq for seq, _, _ in taken(pairing)] == list(range(15))
    assert [seq for seq, _, _ in taken(pairing_with(31, held=20))] == list(range(11))


def test_at_the_end_everything_is_given_out():
    assert len(taken(pairing_with(5), everything=True)) == 5


def test_an_outcome_whose_frame_is_gone_counts_for_the_next():
    pairing = pairing_with(3, held=1)
    assert [seq for seq, _, _ in taken(pairing)] == [0, 1]
    pairing.add_record(frame_outcome(0, 0.0, reading(7, scores_of())))
    pairing.add_record(frame_outcome(2, 0.06, kind="dropped"))
    assert taken(pairing) == [(2, [7], 1)]


def test_outcomes_of_frames_that_never_came_do_not_pile_up():
    pairing = Pairing()
    for seq in range(0, 1000, 2):
        pairing.add_frame(rgb_frame(seq, seq / 30))
        pairing.add_record(frame_outcome(seq + 1, (seq + 1) / 30, kind="dropped"))
        pairing.add_record(frame_outcome(seq, seq / 30))
        taken(pairing)
    assert len(pairing._outcomes) <= 1


def test_other_records_count_at_once():
    pairing = pairing_with(1)
    pairing.add_record(utterance_outcome(0, 0.0, 1.0, scores_of("voice")))
    pairing.add_record(Notice(0.0, "governor", "10 frames a second"))
    _, view = pairing.take(everything=True)
    assert view.voice.seq == 0
    assert view.governor == "10 frames a second"
