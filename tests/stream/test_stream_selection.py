"""Which faces are scored first."""

from __future__ import annotations

import pytest

from emonet_edge.exceptions import InputError
from emonet_edge.models.face_detector import Face
from emonet_edge.stream.faces.selection import OVER_BUDGET, select_faces
from emonet_edge.stream.faces.tracker import Track


def track(number, x, y=200.0, side=100.0):
    return Track(number, Face((x, y, side, side), 0.9, ((x, y),) * 5), 0.0, 0.0)


NEAR, MIDDLE, FAR = track(1, 0, side=300), track(2, 600, side=80), track(3, 1100, side=40)


def ids(tracks):
    return [t.id for t in tracks]


def test_the_largest_come_first_or_the_most_central():
    chosen, left_out = select_faces([FAR, MIDDLE, NEAR], 2, 1280, 480)
    assert (ids(chosen), ids(left_out)) == ([1, 2], [3])
    chosen, left_out = select_faces([FAR, MIDDLE, NEAR], 2, 1280, 480, prefer="central")
    assert (ids(chosen), ids(left_out)) == ([2, 3], [1])
    assert OVER_BUDGET == "over budget"


@pytest.mark.parametrize(("budget", "count"), [(0, 0), (1, 1), (3, 3), (99, 3)])
def test_nobody_is_lost_and_the_budget_is_kept(budget, count):
    chosen, left_out = select_faces([FAR, MIDDLE, NEAR], budget, 1280, 480)
    assert len(chosen) == count
    assert sorted(ids(chosen + left_out)) == [1, 2, 3]
    assert select_faces([], budget, 1280, 480) == ((), ())


@pytest.mark.parametrize("prefer", ["largest", "central"])
def test_two_faces_of_about_one_rank_do_not_take_turns(prefer):
    chosen_before = ()
    for i in range(10):
        sides = (100, 104) if i % 2 else (104, 100)
        pair = [track(1, 400 + i % 2, side=sides[0]), track(2, 780 - i % 2, side=sides[1])]
        chosen, _ = select_faces(
            pair, 1, 1280, 480, prefer=prefer, chosen_before=chosen_before
        )  # fmt: skip
        assert chosen_before in ((), ids(chosen))
        chosen_before = ids(chosen)


def test_a_clearly_larger_face_displaces_the_one_chosen_before():
    small, large = track(1, 0, side=100), track(2, 500, side=130)
    chosen, _ = select_faces([small, large], 1, 1280, 480, chosen_before=[1])
    assert ids(chosen) == [2]


def test_a_tie_goes_to_who_came_first():
    chosen, _ = select_faces([track(5, 0), track(4, 500)], 1, 1280, 480)
    assert ids(chosen) == [4]


@pytest.mark.parametrize("budget", [-1, 1.5, True, None])
def test_a_budget_that_is_none_is_refused(budget):
    with pytest.raises(InputError, match="a budget is a number of faces"):
        select_faces([NEAR], budget, 1280, 480)


def test_an_unknown_preference_is_refused():
    with pytest.raises(InputError, match="'largest' or 'central'; got 'nearest'"):
        select_faces([NEAR], 1, 1280, 480, prefer="nearest")
