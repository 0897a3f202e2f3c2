"""Downloads: from one commit, checked, continued, deleted when asked; and what can go wrong."""

from __future__ import annotations

import errno
import hashlib
import os

import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("torch", reason="export needs torch")
pytest.importorskip("emonet_edge_export", reason="needs export/ on the path, or the wheel")
pytest.importorskip("huggingface_hub")

from emonet_edge_export.errors import DiskFullError, SourceError  # noqa: E402
from emonet_edge_export.progress import Progress  # noqa: E402
from emonet_edge_export.upstream.download import PublicFile, download  # noqa: E402
from emonet_edge_export.upstream.hub import HubRepository  # noqa: E402
from export_hub import COMMIT, serve  # noqa: E402

NAME = "laion/Empathic-Insight-Face-Small"
HEAD = "model_jealousy_&_envy_best.pth"
BYTES = os.urandom(300_000)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    folder = tmp_path / "hub" / NAME
    folder.mkdir(parents=True)
    (folder / HEAD).write_bytes(BYTES)
    (folder / "config.json").write_text("{}")
    for variable in (
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    with serve(tmp_path / "hub") as running:
        yield running


@pytest.fixture
def repository(hub, tmp_path):
    def make(revision="main", name=NAME):
        return HubRepository(name, revision, Progress(True), tmp_path / "kept", hub.url)

    return make


def test_a_branch_is_resolved_once_and_every_file_is_of_that_commit(repository, hub):
    found = repository("v1")
    assert found.revision == COMMIT
    assert found.fetch(HEAD).read_bytes() == BYTES
    found.fetch("config.json")
    assert {path.split("/")[4] for method, path, _ in hub.requests if "resolve" in path} == {COMMIT}
    assert found.described() == {
        "repository": NAME,
        "revision": COMMIT,
        "files": {
            HEAD: hashlib.sha256(BYTES).hexdigest(),
            "config.json": hashlib.sha256(b"{}").hexdigest(),
        },
    }


def test_a_released_file_is_gone_and_a_kept_one_is_not_fetched_again(repository, hub, tmp_path):
    found = repository()
    path = found.fetch(HEAD)
    repository().fetch(HEAD)
    assert hub.downloads(HEAD) == 1
    found.release(HEAD)
    assert not path.exists()
    left = [p for p in (tmp_path / "kept").rglob("*") if p.is_file() and p.stat().st_size > 1000]
    assert left == []


def test_a_cut_download_is_continued_where_it_stopped(repository, hub, monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 50_000)
    hub.cut_after[HEAD] = 120_000
    assert repository().fetch(HEAD).read_bytes() == BYTES
    ranges = [r for _, path_, r in hub.requests if r and "resolve" in path_]
    assert any(r.startswith("bytes=") and r != "bytes=0-" for r in ranges)


def test_other_bytes_than_the_hub_states_are_refused_and_removed(repository, hub, tmp_path):
    hub.altered[HEAD] = BYTES[:-1] + bytes([BYTES[-1] ^ 1])
    with pytest.raises(SourceError, match="sha256 is not what the hub states"):
        repository().fetch(HEAD)
    assert not (tmp_path / "kept" / NAME / HEAD).exists()
    hub.altered.clear()
    assert repository().fetch(HEAD).read_bytes() == BYTES


def test_a_small_file_s_git_hash_is_checked_too(repository, hub):
    hub.altered["config.json"] = b"[]"
    with pytest.raises(SourceError, match=r"config\.json: its hash is not what the hub states"):
        repository().fetch("config.json")


def test_a_short_file_is_refused(repository, hub):
    hub.altered[HEAD] = BYTES[:-7]
    with pytest.raises(SourceError, match=r"299993 bytes|cut short|Consistency|size"):
        repository().fetch(HEAD)


def test_a_wrong_revision_is_named(repository):
    with pytest.raises(SourceError, match="has no revision 'v9'; name another with --revision"):
        repository("v9")


def test_a_wrong_repository_is_named(repository):
    with pytest.raises(SourceError, match="laion/Nothing: no such repository"):
        repository(name="laion/Nothing")


def test_a_file_that_is_not_there_is_named(repository):
    with pytest.raises(SourceError, match="has no file other"):
        repository().fetch("other.pth")


def test_without_a_network_the_remedy_is_a_local_copy(tmp_path):
    with pytest.raises(SourceError, match=r"cannot be reached.*--source DIR"):
        HubRepository(NAME, "main", Progress(True), tmp_path, "http://127.0.0.1:9")


def test_a_full_disk_says_so(repository, monkeypatch):
    import huggingface_hub

    found = repository()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", full)
    with pytest.raises(DiskFullError, match="no room left while writing"):
        found.fetch(HEAD)


# Single files


def public(hub, **changes):
    facts = {"size": len(BYTES), "sha256": hashlib.sha256(BYTES).hexdigest(), **changes}
    url = f"{hub.url}/{NAME}/resolve/{COMMIT}/{HEAD.replace('&', '%26')}"
    return PublicFile("detector.onnx", url, license="MIT", **facts)


def test_a_public_file_is_fetched_once(hub, tmp_path):
    for _ in range(2):
        path = download(public(hub), tmp_path / "x", Progress(True))
        assert path.read_bytes() == BYTES
    assert len(hub.requests) == 1


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"size": 5}])
def test_a_public_file_that_was_replaced_is_refused(hub, tmp_path, change):
    with pytest.raises(SourceError, match="cut short or replaced"):
        download(public(hub, **change), tmp_path / "x", Progress(True))
    assert list((tmp_path / "x").iterdir()) == []


def test_a_public_file_that_is_cut_is_refused(hub, tmp_path):
    hub.cut_after[HEAD] = 1000
    with pytest.raises(SourceError, match=r"cut short or replaced|cannot be fetched"):
        download(public(hub), tmp_path / "x", Progress(True))
    assert list((tmp_path / "x").iterdir()) == []


def test_a_public_file_without_a_network(tmp_path):
    file = PublicFile("a", "http://127.0.0.1:9/a", 1, "0" * 64, "MIT")
    with pytest.raises(SourceError, match="check the network"):
        download(file, tmp_path, Progress(True))


def test_only_https_is_fetched(tmp_path):
    with pytest.raises(SourceError, match="only https"):
        download(
            PublicFile("a", "file:///etc/passwd", 1, "0" * 64, "MIT"), tmp_path, Progress(True)
        )
