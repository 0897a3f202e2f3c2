"""The live session: threads, overload, errors, closing, and one outcome for every input."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

import emonet_edge as ee
from emonet_edge.exceptions import AudioError, ImageError, InputError, UnknownNameError
from emonet_edge.stream import (
    EventOptions,
    FaceOptions,
    FrameOutcome,
    FusedState,
    FusionOptions,
    GovernorOptions,
    LiveOptions,
    LiveSession,
    ManualClock,
    Notice,
    UtteranceOptions,
    UtteranceOutcome,
)
from emonet_edge.stream.sources.source import AudioBlock
from stream_scene import (
    RATE,
    Counted,
    Gated,
    Scripted,
    detector,
    face_model,
    frame,
    photo,
    silence,
    speech,
    voice_model,
)

# Nothing that depends on how busy the machine is: no states, no events, no governor.
EVERY_FRAME = LiveOptions(
    face=FaceOptions(rate_hz=1000, max_staleness_s=0),
    fusion=FusionOptions(every_s=0),
    events=EventOptions(face={}, voice={}),
    governor=GovernorOptions(latency_target_ms=0),
)


@pytest.fixture
def woman():
    return photo()


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert left == []


@pytest.fixture
def faces():
    """A function that makes a session for faces only."""

    def make(face=None, options=EVERY_FRAME, **more):
        return LiveSession(face or face_model(), detector=detector(), options=options, **more)

    return make


def frames_of(session):
    return [record for record in session.outcomes() if isinstance(record, FrameOutcome)]


def utterances_of(session):
    return [record for record in session.outcomes() if isinstance(record, UtteranceOutcome)]


def say(session, samples, start=0.0, block_s=0.1):
    """Push sound as a microphone would, at times that the test states."""
    step = round(block_s * RATE)
    for at in range(0, len(samples), step):
        session.push_samples(samples[at : at + step], RATE, captured_at=start + at / RATE)


def check_one_outcome_each(outcomes, submitted):
    assert Counter(outcome.seq for outcome in outcomes) == Counter(submitted)


# Frames ------------------------------------------------------------------------------------------


def test_every_frame_has_one_outcome_and_the_latest_wins_under_overload(faces, woman):
    gated = Gated(face_model())
    session = faces(gated)
    first = session.push_frame(woman)
    gated.wait_until_it_runs()
    waiting = [session.push_frame(woman) for _ in range(50)]
    gated.let_through(2)
    session.flush()
    session.close()
    outcomes = frames_of(session)
    check_one_outcome_each(outcomes, [first, *waiting])
    results = [outcome for outcome in outcomes if outcome.kind == "result"]
    assert [outcome.seq for outcome in results] == [first, waiting[-1]]
    dropped = [outcome for outcome in outcomes if outcome.kind == "dropped"]
    assert {outcome.reason for outcome in dropped} == {"a newer frame came first"}
    assert sum(outcome.dropped_before for outcome in results) == 49
    assert session.counts["frames"] == {
        "submitted": 51,
        "waiting": 0,
        "result": 2,
        "dropped": 49,
        "abstained": 0,
        "error": 0,
    }


def test_a_frame_that_is_replaced_is_never_read(faces, woman):
    gated, read = Gated(face_model()), []
    session = faces(
        gated, options=LiveOptions(face=FaceOptions(rate_hz=1000, detector_rate_hz=1e-6))
    )
    shown = [frame(woman, seq, seq / 1000, read.append) for seq in range(20)]
    source = Scripted(iter(shown[:1]), stays=True)
    session.push_frame(woman, captured_at=0.0)
    gated.wait_until_it_runs()
    source.items = iter(shown)
    session.add_video(source)
    until(lambda: session.counts["frames"]["submitted"] == 21)
    gated.let_through(5)
    session.close(flush=True)
    list(session.outcomes())
    assert set(read) <= {19}


def until(condition, timeout=20.0):
    """Wait for what another thread does; there is no event to wait on."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.001)


def test_the_detector_keeps_the_tracks_while_the_encoder_runs(woman):
    gated, counted = Gated(face_model()), Counted(detector(), "detect")
    session = LiveSession(gated, detector=counted, options=EVERY_FRAME)
    session.push_frame(woman, captured_at=0.0)
    gated.wait_until_it_runs()
    for index in range(1, 11):
        session.push_frame(woman, captured_at=index / 10)
        until(lambda index=index: counted.calls == index + 1)
    gated.let_through(2)
    session.close(flush=True)
    outcomes = frames_of(session)
    assert counted.calls == 11
    check_one_outcome_each(outcomes, range(11))
    assert [o.seq for o in outcomes if o.kind == "result"] == [0, 10]
    assert {face.track for o in outcomes for face in o.faces} == {1}


def test_what_the_detector_raises_meanwhile_is_an_error_outcome(woman):
    gated, counted = Gated(face_model()), Counted(detector(), "detect")
    session = LiveSession(gated, detector=counted, options=EVERY_FRAME)
    session.push_frame(woman, captured_at=0.0)
    gated.wait_until_it_runs()
    counted.fail_next.append(RuntimeError("no light"))
    session.push_frame(woman, captured_at=1.0)
    until(lambda: session.counts["frames"]["error"] == 1)
    gated.let_through()
    session.close(flush=True)
    assert [outcome.kind for outcome in frames_of(session)] == ["error", "result"]


def test_an_error_of_the_encoder_is_an_outcome_and_the_lane_lives_on(faces, woman):
    counted = Counted(face_model(), "embed")
    counted.fail_next.append(RuntimeError("DEVICE_LOST"))
    session = faces(counted)
    for _ in range(2):
        session.push_frame(woman)
        session.flush()
    session.close()
    first, second = frames_of(session)
    assert (first.kind, first.reason) == ("error", "RuntimeError: DEVICE_LOST")
    assert second.kind == "result"


def test_an_unchanged_face_is_not_scored_again_in_between(faces, woman):
    counted = Counted(face_model(), "embed")
    session = faces(counted, options=LiveOptions(face=FaceOptions(rate_hz=1000)))
    for index in range(20):
        session.push_frame(woman, captured_at=index / 10)
        session.flush()
    session.close()
    assert counted.calls == 2
    assert all(outcome.faces[0].scores is not None for outcome in frames_of(session))


def test_the_age_of_a_result_is_the_sum_of_its_stages_and_little_else(faces, woman):
    session = faces()
    for _ in range(5):
        session.push_frame(woman)
        session.flush()
    session.close()
    for outcome in frames_of(session):
        stages = dict(outcome.stages_ms)
        stages.pop("meaning")  # what the scores mean is worked out for the time they came
        assert outcome.age_ms >= sum(stages.values()) - 0.1
        assert set(outcome.stages_ms) >= {"wait", "turn", "embed", "score"}


def test_a_pushed_frame_may_be_overwritten_at_once(faces, woman):
    gated = Gated(face_model())
    session = faces(gated)
    session.push_frame(woman)
    gated.wait_until_it_runs()
    buffer = woman.copy()
    session.push_frame(buffer)
    buffer[:] = 0
    gated.let_through(2)
    session.close(flush=True)
    first, second = frames_of(session)
    assert len(second.faces) == 1
    assert second.faces[0].scores == first.faces[0].scores


# Sound -------------------------------------------------------------------------------------------


def test_two_sentences_are_two_utterances_with_right_times():
    clip = speech()
    session = LiveSession(voice=voice_model(), options=LiveOptions(max_waiting_sound_s=60))
    say(session, np.concatenate([silence(1), clip, silence(2), clip, silence(2)]), start=5.0)
    session.close(flush=True)
    finals = [outcome for outcome in utterances_of(session) if outcome.final]
    spoken = ee.stream.segment_speech(clip, RATE)
    second = 1 + len(clip) / RATE + 2
    assert [outcome.seq for outcome in finals] == list(range(len(finals)))
    assert finals[0].start == pytest.approx(6 + spoken[0][0], abs=0.2)
    assert finals[-1].end == pytest.approx(5 + second + spoken[-1][1], abs=0.2)
    assert all(outcome.kind == "result" for outcome in finals)
    assert set(finals[0].scores.names) == {"anger", "fear", "awe", "age"}


def test_the_last_words_are_not_lost_at_the_end():
    with LiveSession(voice=voice_model()) as session:
        say(session, speech())
    finals = [outcome for outcome in utterances_of(session) if outcome.final]
    assert [outcome.kind for outcome in finals] == ["result"] * len(finals)
    assert finals


def test_an_utterance_that_is_closed_upon_has_one_final_outcome_too():
    session = LiveSession(voice=voice_model())
    say(session, speech()[: round(1.2 * RATE)])
    until(lambda: session.speaking)
    session.close()
    (outcome,) = utterances_of(session)
    assert (outcome.kind, outcome.final, outcome.reason) == ("dropped", True, "closed")


def test_updates_come_while_somebody_speaks_and_stale_ones_are_replaced():
    gated = Gated(voice_model())
    options = LiveOptions(voice=UtteranceOptions(hop_s=0.5))
    session = LiveSession(voice=gated, options=options)
    sound, beginning = np.concatenate([speech(), silence(2)]), round(1.3 * RATE)
    say(session, sound[:beginning])
    gated.wait_until_it_runs()
    say(session, sound[beginning:], beginning / RATE)
    until(lambda: session.counts["utterances"]["waiting"] == 2 and not session.speaking)
    gated.let_through(2)
    session.close(flush=True)
    outcomes = utterances_of(session)
    results = [outcome for outcome in outcomes if outcome.kind == "result"]
    assert len({(o.seq, o.update) for o in outcomes}) == len(outcomes) >= 3
    assert [outcome.final for outcome in results] == [False, True]
    assert {o.reason for o in outcomes if o.kind == "dropped"} == {
        "a newer part of the utterance came first"
    }
    assert sum(outcome.final for outcome in outcomes) == 1


def test_bad_sound_is_told_once_and_listening_goes_on():
    session = LiveSession(voice=voice_model())
    for index in range(5):
        session.push_samples(np.full(1600, 1e6, np.float32), RATE, captured_at=index / 10)
    say(session, np.concatenate([speech(), silence(1)]), start=1.0)
    session.close(flush=True)
    records = list(session.outcomes())
    told = [r for r in records if isinstance(r, Notice) and r.topic == "source"]
    assert len(told) == 1
    assert "sound cannot be heard" in told[0].text
    assert any(isinstance(record, UtteranceOutcome) for record in records)


def test_an_error_of_the_voice_encoder_is_an_outcome_and_the_lane_lives_on():
    counted = Counted(voice_model(), "embed")
    counted.fail_next.append(RuntimeError("DEVICE_LOST"))
    session = LiveSession(voice=counted, options=LiveOptions(voice=UtteranceOptions(hop_s=None)))
    sentence = np.concatenate([speech(), silence(2)])
    for start in (0.0, 10.0):
        say(session, sentence, start)
        session.flush()
    session.close()
    kinds = [outcome.kind for outcome in utterances_of(session)]
    assert kinds[0] == "error"
    assert set(kinds[1:]) == {"result"}


# Both --------------------------------------------------------------------------------------------


def test_face_and_voice_take_turns_when_both_have_work(woman):
    log = []
    face, voice = Gated(face_model(), log), Gated(voice_model(), log)
    options = LiveOptions(
        face=EVERY_FRAME.face, voice=UtteranceOptions(hop_s=None), max_waiting_sound_s=60
    )
    session = LiveSession(face, voice, detector(), options)
    session.push_frame(woman)
    face.wait_until_it_runs()
    sentence = np.concatenate([speech(), silence(2)])
    say(session, np.concatenate([sentence] * 3))
    until(lambda: session.counts["utterances"]["submitted"] >= 3 and not session.speaking)
    for _ in range(3):
        session.push_frame(woman)
        face.let_through()
        voice.wait_until_it_runs()
        until(lambda: session.counts["frames"]["waiting"] == 1)
        voice.let_through()
        face.wait_until_it_runs()
    face.let_through()
    voice.let_through(100)
    session.close(flush=True)
    assert log[:7] == ["face", "voice"] * 3 + ["face"]


def test_the_fused_state_shows_both_with_their_ages(woman):
    session = LiveSession(face_model(), voice_model(), detector(), inline=True)
    say(session, np.concatenate([speech(), silence(1)]))
    spoken_until = [o.end for o in utterances_of(session) if o.scores is not None][-1]
    for index in range(40):
        session.push_frame(woman, captured_at=5 + index / 10)
    states = [record for record in session.outcomes() if isinstance(record, FusedState)]
    last = states[-1]
    assert len(states) >= 3
    assert last.voice_age_s == pytest.approx(last.at - spoken_until)
    assert set(last.voice) == {"anger", "fear", "awe", "age"}
    (age,) = last.face_ages_s.values()
    assert 0 <= age <= 1.0
    session.close()


def test_the_governor_says_what_it_lowers(faces, woman):
    options = LiveOptions(
        face=EVERY_FRAME.face, governor=GovernorOptions(latency_target_ms=1e-6, patience=1)
    )
    session = faces(options=options)
    session.push_frame(woman)
    session.flush()
    session.close()
    notices = [r for r in session.outcomes() if isinstance(r, Notice) and r.topic == "governor"]
    assert len(notices) == 1
    assert "cannot be kept" in notices[0].text


def test_the_device_is_told_at_the_start_and_in_every_outcome(woman):
    session = LiveSession(face_model(), voice_model(), detector())
    session.push_frame(woman)
    session.close(flush=True)
    records = list(session.outcomes())
    told = [record for record in records if isinstance(record, Notice)]
    assert [notice.topic for notice in told] == ["device", "device"]
    assert told[0].text == "face: CPU was asked for, CPU runs"
    assert told[1].details["used"] == "CPU"
    assert {record.device for record in records if isinstance(record, FrameOutcome)} == {"CPU"}


# Records -----------------------------------------------------------------------------------------


def test_a_callback_gets_every_record_in_order(faces, woman):
    records = []
    session = faces(on_record=records.append)
    for _ in range(3):
        session.push_frame(woman)
        session.flush()
    session.close()
    assert [record.seq for record in records if isinstance(record, FrameOutcome)] == [0, 1, 2]
    with pytest.raises(InputError, match="on_record"):
        session.outcomes()


def test_a_callback_that_raises_is_counted_and_logged_once(faces, woman, caplog):
    def broken(record):
        raise ValueError("mine")

    session = faces(on_record=broken)
    for _ in range(3):
        session.push_frame(woman)
        session.flush()
    session.close()
    assert session.counts["frames"]["result"] == 3
    assert session.counts["callback_errors"] == 4  # a notice of the device, too
    assert len(caplog.records) == 1


@pytest.mark.parametrize("inline", [False, True])
def test_a_callback_may_use_the_session(faces, woman, inline):
    seen = []

    def react(record):
        if isinstance(record, FrameOutcome):
            seen.append(session.counts["frames"]["submitted"])
            if record.seq == 0:
                session.push_frame(woman)
            else:
                session.close()

    session = faces(on_record=react, inline=inline)
    session.push_frame(woman)
    assert session.wait(20) or inline
    session.close()
    assert seen[0] >= 1
    assert session.counts["frames"]["submitted"] == 2


def test_a_slow_callback_delays_nobody_and_loses_the_oldest_records(faces, woman):
    hold, held = threading.Event(), threading.Event()
    records = []

    def slow(record):
        records.append(record)
        held.set()
        assert hold.wait(20)

    options = replace(EVERY_FRAME, max_waiting_records=10)
    session = faces(options=options, on_record=slow)
    assert held.wait(20)
    for _ in range(40):
        session.push_frame(woman)
        session.flush()
    assert session.counts["frames"]["waiting"] == 0
    assert session.counts["records_lost"] == 30
    hold.set()
    session.close()
    told = [record for record in records if getattr(record, "topic", "") == "records"]
    assert [notice.details["lost"] for notice in told] == [30]
    assert [r.seq for r in records if isinstance(r, FrameOutcome)] == list(range(30, 40))


# Sources -----------------------------------------------------------------------------------------


def blocks(samples, start=0.0, size=1600):
    for at in range(0, len(samples), size):
        yield AudioBlock(at, start + at / RATE, RATE, samples[at : at + size])


def test_outcomes_end_with_the_sources(woman):
    session = LiveSession(face_model(), voice_model(), detector())
    video = Scripted(frame(woman, seq, seq / 10) for seq in range(20))
    audio = Scripted(blocks(speech()))
    session.add_video(video)
    session.add_audio(audio)
    records = list(session.outcomes())
    session.close()
    check_one_outcome_each([r for r in records if isinstance(r, FrameOutcome)], range(20))
    assert any(r.final and r.kind == "result" for r in records if isinstance(r, UtteranceOutcome))
    assert video.closed.is_set()
    assert audio.closed.is_set()


def test_a_source_that_fails_is_told_and_the_other_goes_on(woman):
    session = LiveSession(face_model(), voice_model(), detector())
    session.add_audio(Scripted([ee.exceptions.MediaError("mic: it was pulled")]))
    session.add_video(Scripted(frame(woman, seq, seq / 10) for seq in range(3)))
    records = list(session.outcomes())
    session.close()
    assert any("it was pulled" in r.text for r in records if isinstance(r, Notice))
    assert len([r for r in records if isinstance(r, FrameOutcome)]) == 3


def test_closing_ends_a_source_that_waits(faces):
    session = faces()
    source = Scripted([], stays=True)
    session.add_video(source)
    session.close()
    assert source.closed.is_set()


def test_frames_keep_the_numbers_of_their_source_unless_it_counts_anew(faces, woman):
    session = faces()
    session.add_video(Scripted(frame(woman, seq, i / 10) for i, seq in enumerate([5, 6, 9, 0, 1])))
    seqs = sorted(outcome.seq for outcome in frames_of(session))
    session.close()
    assert seqs == [5, 6, 9, 10, 11]


def test_a_session_reads_one_camera(faces):
    session = faces()
    session.add_video(Scripted([], stays=True))
    with pytest.raises(InputError, match="one video source"):
        session.add_video(Scripted([]))
    session.close()


# Inline ------------------------------------------------------------------------------------------


def inline_run():
    session = LiveSession(face_model(), voice_model(), detector(), inline=True)
    woman = photo()
    session.add_video(Scripted(frame(woman, seq, seq / 5) for seq in range(20)))
    session.add_audio(Scripted(blocks(np.concatenate([speech(), silence(2)]))))
    records = list(session.outcomes())
    session.close()
    return records


def test_inline_every_frame_is_scored_and_time_is_the_recordings():
    records = inline_run()
    outcomes = [record for record in records if isinstance(record, FrameOutcome)]
    assert [outcome.kind for outcome in outcomes] == ["result"] * 20
    times = [getattr(r, "captured_at", getattr(r, "at", 0.0)) for r in records]
    assert max(times) == pytest.approx(4.0, abs=0.4)
    assert any(isinstance(record, UtteranceOutcome) and record.final for record in records)


def test_inline_runs_are_the_same_each_time():
    def told(records):
        return [
            {key: value for key, value in record.to_dict().items() if key != "stages_ms"}
            for record in records
        ]

    assert told(inline_run()) == told(inline_run())


def test_inline_wait_reads_the_sources_for_a_callback(faces, woman):
    records = []
    with faces(on_record=records.append, inline=True) as session:
        session.add_video(Scripted(frame(woman, seq, seq / 5) for seq in range(4)))
        assert session.wait()
    assert len([record for record in records if isinstance(record, FrameOutcome)]) == 4


def test_inline_a_manual_clock_moves_with_what_comes_in(faces, woman):
    clock = ManualClock(3.0)
    session = faces(clock=clock, inline=True)
    session.push_frame(woman, captured_at=7.5)
    assert clock.now() == 7.5
    session.close()


# The end -----------------------------------------------------------------------------------------


def test_closing_during_a_run_finishes_it_and_drops_what_waits(faces, woman):
    gated = Gated(face_model())
    session = faces(gated)
    session.push_frame(woman)
    gated.wait_until_it_runs()
    session.push_frame(woman)
    closer = threading.Thread(target=session.close)
    closer.start()
    until(lambda: session.counts["frames"]["dropped"] == 1)
    gated.let_through()
    closer.join(20)
    outcomes = {outcome.seq: outcome for outcome in frames_of(session)}
    assert outcomes[0].kind == "result"
    assert (outcomes[1].kind, outcomes[1].reason) == ("dropped", "closed")


def test_closing_while_a_face_waits_for_the_voice_drops_it(woman):
    face, voice = Gated(face_model()), Gated(voice_model())
    session = LiveSession(face, voice, detector(), EVERY_FRAME)
    say(session, np.concatenate([speech(), silence(2)]))
    voice.wait_until_it_runs()
    session.push_frame(woman)
    until(lambda: session._lanes.turns.waiting == 1)
    closer = threading.Thread(target=session.close)
    closer.start()
    until(lambda: session.counts["frames"]["dropped"] == 1)
    voice.let_through(10)
    closer.join(20)
    (outcome,) = frames_of(session)
    assert (outcome.kind, outcome.reason) == ("dropped", "closed")
    assert session.counts["utterances"]["waiting"] == 0


def test_leaving_the_with_by_an_error_does_not_wait(faces, woman):
    gated = Gated(face_model())
    session = faces(gated)
    session.push_frame(woman)
    gated.wait_until_it_runs()
    session.push_frame(woman)
    gated.let_through()  # the first one only: to wait for the second would be to wait for ever
    with pytest.raises(ZeroDivisionError), session:
        raise ZeroDivisionError
    kinds = session.counts["frames"]
    assert (kinds["result"], kinds["dropped"]) == (1, 1)


def test_a_closed_session_takes_nothing_and_closes_again(woman):
    session = LiveSession(face_model(), voice_model(), detector())
    session.close()
    session.close()
    with pytest.raises(InputError, match="is closed"):
        session.push_frame(woman)
    with pytest.raises(InputError, match="is closed"):
        session.push_samples(silence(1), RATE)
    assert session.flush()


def test_an_idle_session_uses_no_cpu():
    with LiveSession(face_model(), voice_model(), detector()):
        before = time.process_time()
        threading.Event().wait(0.5)
        assert time.process_time() - before < 0.02


# What is refused ---------------------------------------------------------------------------------


def test_a_session_without_a_model_or_a_detector_is_refused():
    with pytest.raises(InputError, match="neither face nor voice"):
        LiveSession()
    with pytest.raises(InputError, match="needs a detector"):
        LiveSession(face_model())


def test_what_a_session_has_no_model_for_is_refused(faces, woman):
    with faces() as session, pytest.raises(InputError, match="need a voice model"):
        session.push_samples(silence(1), RATE)
    with (
        LiveSession(voice=voice_model()) as session,
        pytest.raises(InputError, match="need a face model"),
    ):
        session.push_frame(woman)


@pytest.mark.parametrize("image", ["face.jpg", np.zeros(9, np.uint8)])
def test_a_frame_that_is_no_picture_is_refused_at_once(faces, image):
    with faces() as session:
        with pytest.raises(ImageError):
            session.push_frame(image)
        assert session.counts["frames"]["submitted"] == 0


@pytest.mark.parametrize(
    ("samples", "rate"),
    [("hello", RATE), (np.zeros((2, 2, 2), np.float32), RATE), (silence(1), 0), (silence(1), 0.5)],
)
def test_sound_that_is_none_is_refused_at_once(samples, rate):
    with LiveSession(voice=voice_model()) as session, pytest.raises(AudioError):
        session.push_samples(samples, rate)


@pytest.mark.parametrize("at", [np.nan, np.inf])
def test_a_time_that_is_none_is_refused(woman, at):
    with LiveSession(face_model(), voice_model(), detector()) as session:
        with pytest.raises(InputError, match="captured_at"):
            session.push_frame(woman, captured_at=at)
        with pytest.raises(InputError, match="captured_at"):
            session.push_samples(silence(1), RATE, captured_at=at)


def test_an_event_for_a_head_that_is_not_there_is_refused_and_leaves_no_thread():
    events = EventOptions(voice={"pride": (1.0, 0.5)})
    with pytest.raises(UnknownNameError, match="pride"):
        LiveSession(voice=voice_model(), options=LiveOptions(events=events))
