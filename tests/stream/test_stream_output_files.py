"""Output files: nothing that is there is lost, and nothing half-written stays."""

from __future__ import annotations

import os
import threading

import pytest

from emonet_edge.exceptions import MediaError
from emonet_edge.stream.output.files import GrowingText, check_target, staged

FULL_DISK = "/dev/full"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_growing_file_holds_every_record_at_once(tmp_path):
    file = GrowingText(tmp_path / "out.csv")
    file.write("ä\n")
    assert (tmp_path / "out.csv").read_text("utf-8") == "ä\n"
    file.write("b\n")
    file.close()
    file.close()
    assert (tmp_path / "out.csv").read_text("utf-8") == "ä\nb\n"
    assert names(tmp_path) == ["out.csv"]


def test_a_file_that_is_there_is_kept(tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("precious")
    with pytest.raises(MediaError, match=r"out\.csv exists: name another file.*--overwrite"):
        GrowingText(target)
    with pytest.raises(MediaError, match="exists"), staged(target):
        pytest.fail("nothing may be made")
    assert target.read_text() == "precious"


def test_overwriting_leaves_the_old_file_whole_for_those_who_read_it(tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("old")
    with target.open() as reader:
        file = GrowingText(target, overwrite=True)
        file.write("new")
        file.close()
        assert reader.read() == "old"
    assert target.read_text() == "new"
    assert names(tmp_path) == ["out.csv"]


def test_a_folder_that_does_not_exist_is_said_early(tmp_path):
    with pytest.raises(MediaError, match="there is no folder"):
        check_target(tmp_path / "no" / "out.csv")
    with pytest.raises(MediaError, match="is a directory"):
        check_target(tmp_path)


@pytest.mark.skipif(not os.path.exists(FULL_DISK), reason="needs /dev/full")  # noqa: PTH110
def test_a_full_disk_is_one_clear_error_and_then_silence():
    file = GrowingText(FULL_DISK)
    with pytest.raises(MediaError, match="/dev/full cannot be written: No space left on device"):
        file.write("record\n")
    file.write("record\n")
    file.close()


def test_a_record_that_only_partly_fits_is_taken_back(tmp_path):
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    file = GrowingText(tmp_path / "out.csv")
    file.write("whole\n")
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(MediaError, match="File too large"):
            file.write("cut in the middle\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "out.csv").read_text() == "whole\n"


def test_a_pipe_is_written_to_as_it_is(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_text()))
    reader.start()
    file = GrowingText(pipe)
    file.write("record\n")
    file.close()
    reader.join()
    assert heard == ["record\n"]


def test_a_staged_file_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "out.png"
    with staged(target) as place:
        place.write_text("whole")
        assert place.suffix == ".png"
        assert not target.exists()
    assert target.read_text() == "whole"
    assert names(tmp_path) == ["out.png"]


def test_a_staged_file_that_fails_leaves_what_was_there(tmp_path):
    target = tmp_path / "out.png"
    target.write_text("old")

    def fail_half_way():
        with staged(target, overwrite=True) as place:
            place.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["out.png"]


def test_what_came_while_a_file_was_made_is_kept(tmp_path):
    target = tmp_path / "out.png"

    def be_late():
        with staged(target) as place:
            place.write_text("mine")
            target.write_text("somebody else's")

    with pytest.raises(MediaError, match="exists"):
        be_late()
    assert target.read_text() == "somebody else's"
    assert names(tmp_path) == ["out.png"]
