"""Encoders take turns."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from emonet_edge.stream.turns import ClosedError, Turns


def test_only_one_has_the_turn():
    turns, inside, most = Turns(), [0], [0]

    def work():
        for _ in range(200):
            with turns.wait():
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == [1]


def test_two_lanes_that_always_have_work_alternate():
    turns, order = Turns(), []
    both = threading.Barrier(2)

    def work(name):
        both.wait()
        for _ in range(50):
            with turns.wait():
                order.append(name)
                while turns.waiting == 0 and len(order) < 99:  # the other one is on its way
                    threading.Event().wait(0.0001)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("face", "voice")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(order) == 100
    assert all(a != b for a, b in pairwise(order[:98]))


def test_an_error_gives_the_turn_back():
    turns = Turns()
    with pytest.raises(ValueError, match="mine"), turns.wait():
        raise ValueError("mine")
    with turns.wait():
        pass


def test_closing_turns_away_who_waits_and_lets_who_works_finish():
    turns, refused = Turns(), threading.Event()

    def wait():
        try:
            with turns.wait():
                pass
        except ClosedError:
            refused.set()

    with turns.wait():
        waiter = threading.Thread(target=wait)
        waiter.start()
        turns.close()
        assert refused.wait(5)
    waiter.join(5)
    with pytest.raises(ClosedError), turns.wait():
        pass
