"""The bounded queues of the voice lane."""

from __future__ import annotations

import threading

import numpy as np

from emonet_edge.stream.sources.source import AudioBlock
from emonet_edge.stream.stages import Stages
from emonet_edge.stream.voices.lane import UtteranceWork
from emonet_edge.stream.voices.utterances import UtteranceJob
from emonet_edge.stream.voices.waiting import WaitingSound, WaitingUtterances


def block(number, seconds=1.0):
    samples = np.zeros(round(seconds * 16000), np.float32)
    return AudioBlock(16000 * number, float(number), 16000, samples)


def work(seq, update=0, final=True):
    job = UtteranceJob(seq, update, final, 0.0, 1.0, np.zeros(1, np.float32))
    return UtteranceWork(job, 0.0, Stages(float))


def taken(waiting):
    return [None if block is None else block.captured_at for block in waiting.take()]


def test_sound_comes_out_in_order():
    waiting = WaitingSound(10)
    for number in range(3):
        assert waiting.put(block(number)) == 0.0
    assert taken(waiting) == [0.0, 1.0, 2.0]


def test_sound_waits_until_there_is_enough_for_a_batch():
    waiting, found = WaitingSound(10, batch_s=2.5), []
    taker = threading.Thread(target=lambda: found.extend(taken(waiting)))
    taker.start()
    for number in range(3):
        assert found == []
        waiting.put(block(number))
    taker.join(5)
    assert found == [0.0, 1.0, 2.0]


def test_a_flush_makes_a_batch_of_whatever_there_is():
    waiting = WaitingSound(10, batch_s=5)
    waiting.put(block(0))
    waiting.put(None)
    assert taken(waiting) == [0.0, None]


def test_a_batch_longer_than_the_limit_is_no_deadlock():
    waiting = WaitingSound(1, batch_s=5)
    for number in range(3):
        waiting.put(block(number))
    assert taken(waiting) == [2.0]


def test_sound_beyond_the_limit_loses_the_oldest_and_says_how_much():
    waiting = WaitingSound(3)
    assert [waiting.put(block(number)) for number in range(5)] == [0, 0, 0, 1.0, 1.0]
    assert taken(waiting) == [2.0, 3.0, 4.0]
    assert waiting.lost_s == 2.0


def test_one_block_longer_than_the_limit_is_taken():
    waiting = WaitingSound(3)
    assert waiting.put(block(0, seconds=60)) == 0.0
    assert taken(waiting) == [0.0]


def test_a_flush_is_not_lost_with_the_sound_before_it():
    waiting = WaitingSound(3)
    waiting.put(block(0))
    waiting.put(None)
    for number in range(1, 6):
        waiting.put(block(number))
    assert taken(waiting) == [None, 3.0, 4.0, 5.0]


def test_closing_throws_sound_away_and_wakes_who_waits():
    waiting, found = WaitingSound(3), []
    taker = threading.Thread(target=lambda: found.append(waiting.take()))
    taker.start()
    waiting.close()
    taker.join(5)
    assert found == [None]
    assert waiting.put(block(0)) == 0.0
    assert waiting.take() is None


def test_a_newer_part_of_an_utterance_replaces_the_older_one():
    waiting = WaitingUtterances(4)
    first, second = work(1, 0, final=False), work(1, 1)
    assert waiting.put(first) == []
    assert waiting.put(second) == [(first, "a newer part of the utterance came first")]
    assert waiting.take() is second


def test_more_utterances_than_the_limit_lose_the_oldest():
    waiting = WaitingUtterances(2)
    works = [work(seq) for seq in range(3)]
    gone = [waiting.put(each) for each in works]
    assert gone == [[], [], [(works[0], "more than 2 utterances waited")]]
    assert waiting.take() is works[1]


def test_closing_gives_back_the_utterances_that_wait_and_refuses_others():
    waiting = WaitingUtterances(2)
    first, second = work(0), work(1)
    waiting.put(first)
    assert waiting.close() == [first]
    assert waiting.put(second) == [(second, "closed")]
    assert waiting.take() is None
