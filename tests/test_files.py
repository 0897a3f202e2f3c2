"""Files replaced whole: the old content or the new, whatever happens in between."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from emonet_edge._files import replaced


def test_the_new_content_takes_the_place_of_the_old_at_the_end(tmp_path):
    path = tmp_path / "notes.json"
    path.write_text("old")
    with replaced(path) as place:
        assert place.suffix == ".json", "writers choose the format by the suffix"
        place.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("durable", [True, False])
def test_what_was_there_stays_if_the_block_raises(tmp_path, durable):
    path = tmp_path / "notes"
    path.write_text("old")

    def interrupted():
        with replaced(path, durable=durable) as place:
            place.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_there_stays_if_the_disk_fills_up_on_the_way_to_it(tmp_path, monkeypatch):
    path = tmp_path / "notes"
    path.write_text("old")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"), replaced(path) as place:
        place.write_text("new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_rights_are_those_asked_for_from_the_first_byte(tmp_path):
    path = tmp_path / "key"
    with replaced(path, mode=0o600) as place:
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_under_the_name_is_replaced_and_not_followed(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("somebody's")
    link.symlink_to(target)
    with replaced(link) as place:
        place.write_text("ours")
    assert target.read_text() == "somebody's"
    assert link.read_text() == "ours"
    assert not link.is_symlink()
