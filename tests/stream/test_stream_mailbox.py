"""Latest frame wins."""

from __future__ import annotations

import threading

from emonet_edge.stream.faces.mailbox import Mailbox


def test_a_newer_item_replaces_the_older_one_which_is_handed_back():
    box = Mailbox()
    assert [box.put(item) for item in "abc"] == [None, "a", "b"]
    assert box.peek() == "c"
    assert box.take() == "c"
    assert box.take() is None


def test_whoever_waits_is_woken_by_an_item():
    box = Mailbox()
    found = []
    waiter = threading.Thread(
        target=lambda: found.append(box.wait_for(lambda item: item is not None))
    )
    waiter.start()
    box.put("a")
    waiter.join(5)
    assert found == [True]


def test_closing_wakes_everybody_and_gives_back_what_was_left():
    box = Mailbox()
    box.put("a")
    found = []
    waiters = [
        threading.Thread(target=lambda: found.append(box.wait_for(lambda item: item == "b")))
        for _ in range(2)
    ]
    for waiter in waiters:
        waiter.start()
    assert box.close() == "a"
    for waiter in waiters:
        waiter.join(5)
    assert found == [False, False]


def test_a_closed_mailbox_hands_everything_back():
    box = Mailbox()
    box.close()
    assert box.put("a") == "a"
    assert box.take() is None


def test_of_many_writers_and_one_reader_every_item_comes_out_once():
    box = Mailbox()
    out, taken = [], []

    def write(base):
        out.append([box.put(base + index) for index in range(2000)])

    def read():
        while box.wait_for(lambda item: item is not None):
            item = box.take()
            if item is not None:
                taken.append(item)

    writers = [threading.Thread(target=write, args=(base,)) for base in (0, 10_000)]
    reader = threading.Thread(target=read)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join(10)
    left = box.close()
    reader.join(5)
    replaced = [item for items in out for item in items if item is not None]
    found = sorted([*replaced, *taken, *([] if left is None else [left])])
    assert found == sorted([*range(2000), *range(10_000, 12_000)])
