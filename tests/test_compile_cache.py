"""The cache of compiled models: whatever is wrong with it means "no cache"."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from emonet_edge.inference.compile_cache import (
    CacheUnavailableError,
    CompileCache,
    cache_key,
)
from encoder_models import PACKAGE_ROOT

KEY = "0" * 64
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def cache(tmp_path):
    return CompileCache.open({"XDG_CACHE_HOME": str(tmp_path)})


def entry(cache: CompileCache, key: str = KEY) -> Path:
    return cache.folder / f"{key}.blob"


def test_what_was_put_is_got(cache):
    assert cache.get(KEY) is None
    cache.put(KEY, b"compiled")
    assert cache.get(KEY) == b"compiled"


def test_folder_and_entries_belong_to_their_owner_alone(cache, tmp_path):
    cache.put(KEY, b"compiled")
    assert cache.folder == tmp_path / "emonet-edge" / "compiled"
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert cache.folder.parent.stat().st_mode & 0o777 == 0o700
    assert entry(cache).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "value"),
    [("model", "b"), ("driver", "2"), ("threads", 4), ("cpu", ["avx2"]), ("precision_hint", None)],
)
def test_every_field_changes_the_key(name, value):
    fields = {"model": "a", "driver": "1", "threads": 2, "cpu": [], "precision_hint": "f32"}
    assert cache_key(fields) == cache_key(dict(reversed(fields.items())))
    assert cache_key(fields) != cache_key({**fields, name: value})


@pytest.mark.parametrize("position", [0, 9, 13, 25, 52, -1])
def test_an_altered_byte_anywhere_means_no_entry(cache, position):
    cache.put(KEY, b"compiled" * 100)
    data = bytearray(entry(cache).read_bytes())
    data[position] ^= 1
    entry(cache).write_bytes(data)
    assert cache.get(KEY) is None
    assert not entry(cache).exists()


@pytest.mark.parametrize("length", [0, 1, 51, 52, 53, 851])
def test_a_truncated_entry_means_no_entry(cache, length):
    cache.put(KEY, b"compiled" * 100)
    os.truncate(entry(cache), length)
    assert cache.get(KEY) is None


def test_a_lengthened_entry_means_no_entry(cache):
    cache.put(KEY, b"compiled")
    with entry(cache).open("ab") as stream:
        stream.write(b"x")
    assert cache.get(KEY) is None


def test_a_link_a_folder_or_a_pipe_in_place_of_an_entry_means_no_entry(cache, tmp_path):
    cache.put(KEY, b"compiled")
    entry(cache).rename(tmp_path / "elsewhere")
    entry(cache).symlink_to(tmp_path / "elsewhere")
    assert cache.get(KEY) is None
    entry(cache).unlink()
    entry(cache).mkdir()
    assert cache.get(KEY) is None
    entry(cache).rmdir()
    os.mkfifo(entry(cache))
    assert cache.get(KEY) is None


def test_an_entry_that_others_can_write_is_not_read(cache):
    cache.put(KEY, b"compiled")
    entry(cache).chmod(0o666)
    assert cache.get(KEY) is None


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
@pytest.mark.parametrize("which", ["emonet-edge", "emonet-edge/compiled"])
def test_a_folder_that_others_can_write_is_refused(cache, tmp_path, which, mode):
    (tmp_path / which).chmod(mode)
    with pytest.raises(CacheUnavailableError, match="can be written by others"):
        CompileCache.open({"XDG_CACHE_HOME": str(tmp_path)})


@needs_root
def test_a_folder_of_another_user_is_refused(cache, tmp_path):
    os.chown(cache.folder, 12345, 12345)
    with pytest.raises(CacheUnavailableError, match="belongs to user 12345"):
        CompileCache.open({"XDG_CACHE_HOME": str(tmp_path)})


@needs_root
def test_an_entry_of_another_user_is_not_read(cache):
    cache.put(KEY, b"compiled")
    os.chown(entry(cache), 12345, 12345)
    assert cache.get(KEY) is None


@pytest.fixture
def ordinary_users_folder():
    """A folder of a user who is not root, as that user (root may write anywhere)."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        if root:
            os.chown(folder, 12345, -1)
            os.seteuid(12345)
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)


def test_a_read_only_cache_means_no_cache(ordinary_users_folder):
    cache = CompileCache.open({"XDG_CACHE_HOME": str(ordinary_users_folder)})
    cache.folder.chmod(0o500)
    with pytest.raises(CacheUnavailableError, match=r"cannot write.*Permission denied"):
        cache.put(KEY, b"compiled")
    assert cache.get(KEY) is None


def test_a_place_where_no_folder_can_be_made_means_no_cache(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CacheUnavailableError, match="cannot make"):
        CompileCache.open({"XDG_CACHE_HOME": str(tmp_path / "file")})
    with pytest.raises(CacheUnavailableError, match="cannot make"):
        CompileCache.open({"XDG_CACHE_HOME": "/proc/emonet"})


def test_a_full_disk_means_no_cache_and_leaves_nothing_behind(cache):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))  # writing further fails
    try:
        with pytest.raises(CacheUnavailableError, match="cannot write"):
            cache.put(KEY, bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(cache.folder.iterdir()) == []


def test_a_folder_that_vanished_means_no_cache(cache):
    cache.folder.rmdir()
    assert cache.get(KEY) is None
    with pytest.raises(CacheUnavailableError, match="cannot write"):
        cache.put(KEY, b"compiled")


def test_the_entry_unused_for_longest_makes_room(tmp_path):
    environment = {"XDG_CACHE_HOME": str(tmp_path), "EMONET_CACHE_SIZE": "3500"}
    cache = CompileCache.open(environment)
    now = time.time()
    for age, key in ((300, "a"), (200, "b"), (100, "c")):
        cache.put(key, bytes(1000))
        os.utime(entry(cache, key), (now - age, now - age))
    assert cache.get("a") is not None  # used again: now "b" is the oldest
    cache.put("d", bytes(1000))
    assert [cache.get(key) is not None for key in "abcd"] == [True, False, True, True]
    assert cache.size() <= 3500


def test_an_entry_larger_than_the_cache_is_refused_and_removes_nothing(tmp_path):
    environment = {"XDG_CACHE_HOME": str(tmp_path), "EMONET_CACHE_SIZE": "2000"}
    cache = CompileCache.open(environment)
    cache.put(KEY, bytes(1000))
    with pytest.raises(CacheUnavailableError, match="exceeds the 2000 bytes"):
        cache.put("1" * 64, bytes(3000))
    assert cache.get(KEY) is not None


def test_what_a_dead_process_left_is_cleared_and_a_live_one_kept(cache):
    old, new = cache.folder / ".old.1f.part.blob", cache.folder / ".new.2e.part.blob"
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    cache.put(KEY, b"compiled")
    assert not old.exists()
    assert new.exists()


@pytest.mark.parametrize("text", ["much", "-1", "2GiBs", "GiB", "1e9"])
def test_a_mistyped_size_means_no_cache_not_an_unbounded_one(tmp_path, text):
    with pytest.raises(CacheUnavailableError, match="EMONET_CACHE_SIZE: a size is bytes"):
        CompileCache.open({"XDG_CACHE_HOME": str(tmp_path), "EMONET_CACHE_SIZE": text})


def test_size_zero_switches_it_off_and_makes_no_folder(tmp_path):
    with pytest.raises(CacheUnavailableError, match="EMONET_CACHE_SIZE is 0"):
        CompileCache.open({"XDG_CACHE_HOME": str(tmp_path), "EMONET_CACHE_SIZE": "0"})
    assert list(tmp_path.iterdir()) == []


def test_a_relative_cache_home_is_ignored(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    cache = CompileCache.open({"XDG_CACHE_HOME": "relative"})
    assert cache.folder == tmp_path / ".cache" / "emonet-edge" / "compiled"


def test_processes_that_write_one_entry_at_once_leave_a_whole_one(cache, tmp_path):
    code = (
        "import sys; from emonet_edge.inference.compile_cache import CompileCache\n"
        "cache = CompileCache.open()\n"
        "blob = bytes([int(sys.argv[1])]) * 300_000\n"
        "for _ in range(50):\n"
        f"    cache.put({KEY!r}, blob)\n"
        f"    got = cache.get({KEY!r})\n"
        "    assert got and len(got) == 300_000 and len(set(got)) == 1, 'torn entry'\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(PACKAGE_ROOT),
        "XDG_CACHE_HOME": str(tmp_path),
    }
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(n)], env=environment) for n in range(3)
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert [path.name for path in cache.folder.iterdir()] == [f"{KEY}.blob"]
