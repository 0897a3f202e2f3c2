"""Ids of faces: by logic with made boxes, and with the real detector on a made video."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonet_edge.exceptions import InputError
from emonet_edge.models.face_detector import Face
from emonet_edge.stream.faces.tracker import FaceTracker, TrackerOptions
from face_pictures import detector_of, each, empty_room, paste, portrait, scaled


def face(x, y=100.0, width=100.0, height=130.0, score=0.9):
    points = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]
    landmarks = tuple((x + a * width, y + b * height) for a, b in points)
    return Face((x, y, width, height), score, landmarks)


def seen(tracks):
    return {track.id: track for track in tracks if track.missed == 0}


def follow(paths, rate=10.0, tracker=None):
    """Feed lists of faces, one per frame; return the ids of each frame in that order."""
    tracker = tracker or FaceTracker()
    ids = []
    for i, faces in enumerate(paths):
        by_face = {id(t.face): t.id for t in tracker.update(faces, i / rate) if t.missed == 0}
        ids.append([by_face[id(f)] for f in faces])
    return ids


# Logic


def test_a_face_that_stays_keeps_its_id_in_spite_of_jitter():
    rng = np.random.default_rng(0)
    ids = follow([[face(300 + rng.normal(0, 5), 100 + rng.normal(0, 5))] for _ in range(200)])
    assert ids == [[1]] * 200


@pytest.mark.parametrize("rate", [5.0, 10.0, 30.0])
def test_a_walking_face_keeps_its_id_at_any_rate(rate):
    frames = int(3 * rate)
    ids = follow([[face(400 * i / rate)] for i in range(frames)], rate)  # 4 widths a second
    assert ids == [[1]] * frames


def test_two_faces_that_cross_keep_their_ids_while_one_hides_the_other():
    paths = []
    for i in range(40):
        left, right = face(30 * i), face(1100 - 30 * i, 110)
        hidden = abs(left.box[0] - right.box[0]) < 80
        paths.append([left] if hidden else [left, right])
    ids = follow(paths)
    assert ids[0] == [1, 2]
    assert ids[-1] == [1, 2]
    assert any(len(frame) == 1 for frame in ids)


def test_the_order_of_the_faces_does_not_matter():
    rng = np.random.default_rng(1)
    tracker = FaceTracker()
    for i in range(50):
        faces = [face(200 * k + 3 * i, 100 + 40 * k) for k in range(5)]
        tracks = seen(tracker.update([faces[k] for k in rng.permutation(5)], i / 10))
        if i == 0:
            first = {faces.index(t.face): t.id for t in tracks.values()}
        assert {faces.index(t.face): t.id for t in tracks.values()} == first


def test_a_short_occlusion_keeps_the_id_and_a_long_absence_gives_a_new_one():
    options = TrackerOptions(forget_after_s=2.0)
    for gap, expected in [(0.5, 1), (1.9, 1), (2.1, 2), (3600, 2)]:
        tracker = FaceTracker(options)
        tracker.update([face(300)], 0.0)
        tracker.update([face(300)], 1.0)
        (track,) = seen(tracker.update([face(305)], 1.0 + gap)).values()
        assert track.id == expected, gap


def test_forgetting_counts_seconds_and_not_frames():
    for rate in (2, 50):
        tracker = FaceTracker(TrackerOptions(forget_after_s=1.0))
        tracker.update([face(300)], 0.0)
        times = np.arange(1, 3 * rate) / rate
        alive = [at for at in times if tracker.update([], at)]
        assert alive == [at for at in times if at <= 1.0]


def test_ids_are_never_used_again():
    rng, tracker, known = np.random.default_rng(2), FaceTracker(TrackerOptions(0.3)), []
    for i in range(500):
        faces = [face(*rng.uniform(0, 1500, 2)) for _ in range(rng.integers(0, 4))]
        known += [t.id for t in tracker.update(faces, i / 10) if t.first_seen == i / 10]
    assert len(known) > 100
    assert known == list(range(1, len(known) + 1))


def test_a_face_far_from_every_track_is_somebody_else():
    assert follow([[face(100)], [face(600)]]) == [[1], [2]]
    assert follow([[face(100)], [face(180)]]) == [[1], [1]]
    assert follow([[face(100)], [face(210)]]) == [[1], [2]]
    assert follow([[face(100)], [face(100, width=20, height=26)]]) == [[1], [2]]


def test_a_track_tells_since_when_how_fast_and_how_long_it_was_missed():
    tracker = FaceTracker()
    for i in range(20):
        tracker.update([face(50 * i / 10, 100 - 20 * i / 10)], 5 + i / 10)
    tracker.update([], 7.0)
    (track,) = tracker.update([], 7.1)
    assert (track.first_seen, track.last_seen, track.missed) == (5.0, 6.9, 2)
    np.testing.assert_allclose(track.velocity, [50, -20], atol=0.5)
    assert track.box == track.face.box == face(95, 62).box
    assert track.score == 0.9
    assert track.landmarks == track.face.landmarks


def test_prediction_moves_box_and_landmarks_and_changes_nothing():
    tracker = FaceTracker()
    for i in range(10):
        tracker.update([face(10 * i)], i / 10)
    before = tracker.update([face(100)], 1.0)
    (track,) = tracker.predict(1.5)
    np.testing.assert_allclose(track.box, face(150).box, atol=0.5)
    np.testing.assert_allclose(track.landmarks, face(150).landmarks, atol=0.5)
    assert tracker.update([face(100)], 1.0)[0].id == before[0].id


def test_two_frames_of_one_time_are_allowed_and_going_back_is_not():
    tracker = FaceTracker()
    tracker.update([face(100)], 1.0)
    assert tracker.update([face(101)], 1.0)[0].id == 1
    for at in (0.9, float("nan"), float("inf")):
        with pytest.raises(InputError, match="order of their capture"):
            tracker.update([], at)
    assert tracker.update([face(100)], 1.1)[0].id == 1


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(
                st.floats(0, 2000), st.floats(0, 2000), st.floats(1, 500), st.floats(1, 500)
            ),
            max_size=5,
        ),
        max_size=12,
    )
)  # fmt: skip
def test_every_face_of_a_frame_is_exactly_one_track(frames):
    tracker = FaceTracker()
    for i, boxes in enumerate(frames):
        faces = [face(*box) for box in boxes]
        tracks = tracker.update(faces, i / 10)
        assert sorted(map(id, (t.face for t in tracks if t.missed == 0))) == sorted(map(id, faces))
        ids = [track.id for track in tracks]
        assert ids == sorted(set(ids))
        assert all(np.isfinite(track.velocity).all() for track in tracks)


@pytest.mark.parametrize(
    "arguments",
    [
        {"forget_after_s": 0}, {"forget_after_s": float("nan")}, {"velocity_time_s": -1},
        {"min_likeness": 2}, {"min_likeness": float("nan")},
    ],
)  # fmt: skip
def test_options_out_of_range_are_refused(arguments):
    with pytest.raises(InputError, match=next(iter(arguments))):
        TrackerOptions(**arguments)


# The real detector on a made video


def places(tracks, people):
    """Which id is nearest to the middle of which pasted photo."""
    found = {}
    for name, (x, y, image) in people.items():
        middle = (x + image.shape[1] / 2, y + image.shape[0] / 2)
        for track in seen(tracks).values():
            left, top, width, height = track.box
            if left <= middle[0] <= left + width and top <= middle[1] <= top + height:
                found[name] = track.id
    return found


def play(detector, script, seconds, rate=10):
    """Paste photos where `script(at)` says, detect, track; yield the time and {name: id}."""
    tracker, room = FaceTracker(), empty_room()
    for i in range(int(seconds * rate)):
        people, frame = script(i / rate), room.copy()
        for x, y, image in people.values():
            paste(frame, image, x, y)
        yield i / rate, places(tracker.update(detector.detect(frame), i / rate), people)


DRAWN = tuple(f"laion-emonetface-fig1{letter}-crop.png" for letter in "abc")


@pytest.mark.parametrize("names", each([("officer", "astronaut", "officer")], [DRAWN]))
def test_ids_are_stable_while_photos_pan_and_cross(names):
    detector = detector_of(names[0])
    front, behind, alone = (
        scaled(portrait(name), height) for name, height in zip(names, (320, 280, 240), strict=True)
    )

    def script(at):  # the last pasted is in front
        return {
            "alone": (int(500 + 40 * at), 470, alone),
            "behind": (int(950 - 220 * at), 130, behind),
            "front": (int(20 + 220 * at), 110, front),
        }

    seen_ids = {"alone": set(), "behind": set(), "front": set()}
    hidden = 0
    for at, found in play(detector, script, 4.0):
        if at < 1.0 or at > 3.0:
            assert set(found) == {"alone", "behind", "front"}
        if 1.0 < at < 3.0 and len(set(found.values())) < 3:
            hidden += 1
            continue
        for name, number in found.items():
            seen_ids[name].add(number)
    assert hidden > 0  # they really crossed
    assert [len(ids) for ids in seen_ids.values()] == [1, 1, 1]
    assert len(set.union(*seen_ids.values())) == 3


@pytest.mark.parametrize(
    "names",
    each([("astronaut", "officer")], [("azure-Family1-Mom1.jpg", "azure-Family2-Lady1.jpg")]),
)
def test_who_leaves_and_returns_gets_a_new_id_and_who_stays_keeps_theirs(names):
    detector = detector_of(names[0])
    visitor, host = scaled(portrait(names[0]), 400), scaled(portrait(names[1]), 420)

    def script(at):
        people = {"host": (60, 200, host)}
        if at < 1.5:
            people["visitor"] = (int(600 + 500 * at), 100, visitor)  # walks out to the right
        elif at > 4.5:
            people["visitor"] = (int(1200 - 400 * min(at - 4.5, 1.5)), 100, visitor)
        return people

    hosts, visitors = set(), []
    for _, found in play(detector, script, 7.0):
        hosts.add(found["host"])
        visitors.append(found.get("visitor"))
    assert len(hosts) == 1
    assert visitors[0] is not None
    assert visitors[-1] is not None
    assert visitors[-1] != visitors[0]
    assert len(set(visitors) - {None}) == 2


def test_a_face_hidden_for_a_moment_keeps_its_id():
    detector, image = detector_of("officer"), scaled(portrait("officer"), 500)
    hand = np.full((300, 300, 3), (200, 160, 140), np.uint8)

    def script(at):
        people = {"person": (400, 100, image)}
        if 1.0 <= at < 1.6:
            people["hand"] = (480, 130, hand)
        return people

    ids = [found.get("person") for _, found in play(detector, script, 3.0)]
    assert None in ids
    assert set(ids) - {None} == {1}
