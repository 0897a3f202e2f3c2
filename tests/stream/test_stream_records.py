"""The buffer between the lanes and their reader, and the books."""

from __future__ import annotations

import threading

import pytest

from emonet_edge.stream.outcomes import FrameOutcome, Notice
from emonet_edge.stream.publisher import Ledger
from emonet_edge.stream.records import Records


def notice(text):
    return Notice(0.0, "device", text)


def outcome(seq, kind="result"):
    return FrameOutcome(kind, seq, 0.0, 0.0)


def test_records_come_out_in_their_order():
    records = Records(8, lambda: 0.0)
    for text in "abc":
        records.put(notice(text))
    records.close()
    assert [records.take().text for _ in range(3)] == ["a", "b", "c"]
    assert records.take() is None


def test_a_slow_reader_loses_the_oldest_and_is_told_how_many():
    records = Records(2, lambda: 42.0)
    for text in "abcde":
        records.put(notice(text))
    told = records.take()
    assert (told.topic, told.at, told.details["lost"]) == ("records", 42.0, 3)
    assert [records.take().text for _ in range(2)] == ["d", "e"]
    assert records.lost == 3


def test_a_reader_that_waits_is_woken():
    records, found = Records(2, lambda: 0.0), []
    reader = threading.Thread(target=lambda: found.extend([records.take(), records.take()]))
    reader.start()
    records.put(notice("a"))
    records.close()
    reader.join(5)
    assert found == [notice("a"), None]


def test_a_reader_that_does_not_wait_gets_nothing_from_nothing():
    assert Records(2, lambda: 0.0).take(wait=False) is None


def test_an_outcome_says_how_many_were_dropped_before_it():
    ledger = Ledger()
    for seq in range(5):
        ledger.submit(seq)
    kinds = ["dropped", "dropped", "result", "dropped", "error"]
    entered = [ledger.enter(seq, outcome(seq, kind)) for seq, kind in enumerate(kinds)]
    assert [entry.dropped_before for entry in entered] == [0, 0, 2, 0, 1]
    assert ledger.to_dict() == {
        "submitted": 5,
        "waiting": 0,
        "result": 1,
        "dropped": 3,
        "abstained": 0,
        "error": 1,
    }


def test_a_second_outcome_for_the_same_frame_is_a_bug_that_shows():
    ledger = Ledger()
    ledger.submit(3)
    ledger.enter(3, outcome(3))
    with pytest.raises(KeyError):
        ledger.enter(3, outcome(3))


def test_the_books_know_what_still_waits():
    ledger = Ledger()
    for seq in range(3):
        ledger.submit(seq)
    ledger.enter(1, outcome(1))
    assert ledger.waiting == {0, 2}
