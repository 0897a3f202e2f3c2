"""Model directories: written whole or not at all, and refused when they are not what they say."""

from __future__ import annotations

import copy
import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emonet_edge import model_dir
from emonet_edge.exceptions import (
    FormatVersionError,
    IntegrityError,
    ManifestError,
    MemoryBudgetError,
    ModelDirectoryError,
    ModelNotFoundError,
    UnknownNameError,
)
from emonet_edge.formats.json_reader import MAX_BYTES
from emonet_edge.machine import memory as available_memory
from emonet_edge.model_dir import (
    ModelDir,
    ModelDirWriter,
    attribution,
    integrity,
    resolve,
    verify_files,
)
from emonet_edge.model_dir.manifest_json import manifest_sha256
from emonet_edge.taxonomy import kind_of, names_for

FILES = {
    "encoder.xml": b"<net/>",
    "encoder.bin": b"weights" * 1000,
    "heads.bin": b"heads",
}


def _head(name: str, modality: str) -> dict[str, Any]:
    kind = kind_of(name, modality)
    voice = modality == "voice" and kind == "emotion"
    return {
        "name": name,
        "kind": kind,
        "neutral_mean": 0.5 if modality == "face" else None,
        "spread": {"mean": 0.25, "std": 0.5} if voice else None,
        "levels": {"slight": 0.5, "strong": 1.25, "source": "measured: test"} if voice else None,
    }


def _fields(modality: str = "voice") -> dict[str, Any]:
    face = {
        "preparation": {
            "kind": "image",
            "size": 384,
            "resample": "bilinear",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
        },
        "input": [1, 3, 384, 384],
        "output": [1, 1152],
    }
    voice = {
        "preparation": {
            "kind": "log_mel",
            "sample_rate": 16000,
            "window_s": 30,
            "n_fft": 400,
            "hop_length": 160,
            "n_mels": 80,
        },
        "input": [1, 80, 3000],
        "output": [1, 1500, 768],
    }
    part = face if modality == "face" else voice
    return {
        "modality": modality,
        "suite": f"{modality}-small",
        "synthetic": False,
        "sources": [
            {
                "repository": f"laion/Empathic-Insight-{modality.title()}-Small",
                "revision": "abc",
                "files": {"model_anger_best.pth": "0" * 64},
            }
        ],
        "license": "CC-BY-4.0",
        "tools": {"openvino": "2026.1"},
        "preparation": part["preparation"],
        "encoder": {
            "input_shape": part["input"],
            "output_shape": part["output"],
            "precision": "int8",
            "recipe": {"smooth_quant": 0.8},
            "precision_hint": None,
        },
        "embedding_norm": "none",
        "embedding_norm_evidence": "assumed: model card",
        "heads": [_head(name, modality) for name in names_for(modality)],
        "heads_precision": "int8",
        "fidelity": None,
    }


def _write(path: Path, modality: str = "voice", **rest: Any) -> Path:
    with ModelDirWriter(path, **rest) as writer:
        for name, data in FILES.items():
            writer.path(name).write_bytes(data)
        return writer.finish(_fields(modality))


def _start(path: Path, *, then: Callable[[ModelDirWriter], Any], overwrite: bool = False) -> None:
    """Write part of a directory, and do something with the writer."""
    with ModelDirWriter(path, overwrite) as writer:
        writer.path("encoder.xml").write_bytes(b"half")
        then(writer)


def _alter(directory: Path, change: Callable[[dict[str, Any]], Any], reseal: bool = True) -> None:
    path = directory / "manifest.json"
    document = json.loads(path.read_text())
    change(document)
    if reseal:
        document["manifest_sha256"] = manifest_sha256(document)
    path.write_text(json.dumps(document))


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests out of the user's cache and models."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("EMONET_MODELS", raising=False)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return _write(tmp_path / "models" / "voice-small")


# Writing and opening


@pytest.mark.parametrize("modality", ["face", "voice"])
def test_what_was_written_is_what_opens(tmp_path: Path, modality: str) -> None:
    found = ModelDir.open(_write(tmp_path / "new" / "parents" / "m", modality))
    assert found.manifest.modality == modality
    assert found.manifest.names == names_for(modality)
    assert (found.heads[0].levels is None) == (modality == "face")
    assert found.encoder_xml.read_bytes() == FILES["encoder.xml"]
    assert found.heads_bin.read_bytes() == FILES["heads.bin"]
    assert all(result.ok for result in verify_files(found.path))


def test_heads_carry_their_statistics(directory: Path) -> None:
    anger = next(h for h in ModelDir.open(directory).heads if h.name == "anger")
    assert (anger.kind, anger.neutral_mean) == ("emotion", None)
    assert (anger.spread_mean, anger.spread_std) == (0.25, 0.5)
    assert anger.levels is not None
    assert anger.levels.strong == 1.25


def test_the_manifest_hash_is_of_its_canonical_json(directory: Path) -> None:
    document = json.loads((directory / "manifest.json").read_text())
    assert document["manifest_sha256"] == manifest_sha256(document)
    assert ModelDir.open(directory).manifest.sha256 == document["manifest_sha256"]


def test_attribution_travels_even_if_the_caller_forgot_it(directory: Path) -> None:
    text = (directory / "ATTRIBUTION.md").read_text()
    assert "https://huggingface.co/laion/Empathic-Insight-Voice-Small" in text
    assert "CC-BY-4.0" in text
    assert "https://creativecommons.org/licenses/by/4.0/" in text


@pytest.mark.parametrize("suite", attribution.SUITES)
def test_attribution_of_a_suite_names_its_repository(suite: str) -> None:
    title, repository, _ = attribution.SUITES[suite]
    text = attribution.attribution_text(suite)
    assert title in text
    assert f"https://huggingface.co/{repository} (heads)" in text


def test_synthetic_weights_are_attributed_to_nobody() -> None:
    text = attribution.attribution_text("face-small", synthetic=True)
    assert "random weights" in text
    assert "huggingface" not in text


def test_the_directory_has_ordinary_rights_and_no_leftovers(directory: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o777 & ~umask
    assert _names(directory.parent) == [directory.name]


def test_an_exception_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(writer: ModelDirWriter) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _start(tmp_path / "m" / "x", then=interrupt)
    assert _names(tmp_path / "m") == []


def test_bad_fields_leave_nothing_behind(tmp_path: Path) -> None:
    fields = {**_fields(), "heads_precision": "int3"}
    with pytest.raises(ManifestError, match=r"manifest\.json\.heads_precision: expected"):
        _start(tmp_path / "m" / "x", then=lambda writer: writer.finish(fields))
    assert _names(tmp_path / "m") == []


def test_a_missing_required_file_is_noticed_when_writing(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"expected a key 'encoder\.bin'"):
        _start(tmp_path / "m", then=lambda writer: writer.finish(_fields()))


def test_forgetting_to_finish_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelDirectoryError, match=r"finish\(\) was not called"):
        _start(tmp_path / "m", then=lambda writer: None)
    assert _names(tmp_path) == []


def test_an_existing_target_is_refused_and_untouched(directory: Path) -> None:
    before = (directory / "manifest.json").read_bytes()
    with pytest.raises(ModelDirectoryError, match=r"exists already; .* overwrite=True"):
        _write(directory)
    assert (directory / "manifest.json").read_bytes() == before


def test_overwrite_replaces_the_whole_directory(directory: Path) -> None:
    (directory / "stale.txt").write_text("old")
    _write(directory, "face", overwrite=True)
    assert ModelDir.open(directory).manifest.modality == "face"
    assert "stale.txt" not in _names(directory)
    assert _names(directory.parent) == [directory.name]


def test_a_failed_overwrite_keeps_the_old_directory(directory: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        _start(directory, then=lambda writer: 1 / 0, overwrite=True)
    assert ModelDir.open(directory, verify="full").manifest.modality == "voice"
    assert _names(directory.parent) == [directory.name]


def test_overwrite_never_replaces_what_is_no_model_directory(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")
    with pytest.raises(ModelDirectoryError, match="is no model directory"):
        _write(tmp_path / "home", overwrite=True)
    assert _names(tmp_path / "home") == ["thesis.txt"]


def test_a_target_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    def be_overtaken(writer: ModelDirWriter) -> None:
        for name, data in FILES.items():
            writer.path(name).write_bytes(data)
        _write(tmp_path / "m", "face")
        writer.finish(_fields())

    with pytest.raises(ModelDirectoryError, match="exists already"):
        _start(tmp_path / "m", then=be_overtaken)
    assert ModelDir.open(tmp_path / "m").manifest.modality == "face"


def test_a_file_that_is_not_plain_is_refused_when_writing(tmp_path: Path) -> None:
    def link(writer: ModelDirWriter) -> None:
        writer.path("heads.bin").symlink_to("/etc/hostname")
        writer.finish(_fields())

    with pytest.raises(ModelDirectoryError, match=r"'heads\.bin': only plain files"):
        _start(tmp_path / "m", then=link)


def test_a_failed_rename_puts_the_old_directory_back(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fail_for_staging(path: Path, target: Path) -> Path:
        if "staging" in path.name:
            raise PermissionError(errno.EACCES, "refused", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_staging)
    with pytest.raises(ModelDirectoryError, match="cannot be put in place: refused"):
        _write(directory, "face", overwrite=True)
    assert ModelDir.open(directory, verify="full").manifest.modality == "voice"
    assert _names(directory.parent) == [directory.name]


def test_a_link_to_a_model_directory_is_followed(directory: Path, tmp_path: Path) -> None:
    link = tmp_path / "current"
    link.symlink_to(directory)
    _write(link, "face", overwrite=True)
    assert link.is_symlink()
    assert ModelDir.open(link).manifest.modality == "face"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    def fill(writer: ModelDirWriter) -> None:
        writer.path("encoder.bin").symlink_to("/dev/full")
        writer.path("encoder.bin").write_bytes(b"weights")

    with pytest.raises(ModelDirectoryError, match=r"the disk is full.*nothing was left") as caught:
        _start(tmp_path / "m" / "x", then=fill)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert _names(tmp_path / "m") == []


def test_a_parent_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelDirectoryError, match=r"file/sub: cannot be created or written to"):
        _write(tmp_path / "file" / "sub" / "m")


@pytest.mark.parametrize("name", ["../x", "a/b", "/etc/x", "", ".", "..", "manifest.json", "a\0"])
def test_the_writer_refuses_names_that_are_not_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelDirectoryError, match="needs a plain name"):
        _start(tmp_path / "m", then=lambda writer: writer.path(name))


# Files that are not what the manifest says


@pytest.mark.parametrize("name", [*FILES, "ATTRIBUTION.md", "report.json"])
def test_a_missing_file_is_named(directory: Path, name: str) -> None:
    (directory / name).unlink()
    with pytest.raises(IntegrityError, match=f"{name}: listed in manifest.json but missing"):
        ModelDir.open(directory)


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_named_with_both_sizes(directory: Path, name: str) -> None:
    size = len(FILES[name])
    (directory / name).write_bytes(FILES[name][:-1])
    with pytest.raises(
        IntegrityError, match=f"{name}: {size - 1} bytes, manifest.json says {size}"
    ):
        ModelDir.open(directory)


@pytest.mark.parametrize(
    ("name", "verify"),
    [("encoder.xml", "fast"), ("encoder.bin", "fast"), ("heads.bin", "full")],
)
def test_a_changed_byte_is_found(directory: Path, name: str, verify: Any) -> None:
    (directory / name).write_bytes(FILES[name][:-1] + b"!")
    with pytest.raises(IntegrityError, match=f"{name}: sha256 is"):
        ModelDir.open(directory, verify=verify)


def test_fast_leaves_heads_to_their_own_checksums(directory: Path) -> None:
    (directory / "heads.bin").write_bytes(b"HEADS")
    assert ModelDir.open(directory).path == directory


def test_verify_files_reports_each_file(directory: Path) -> None:
    (directory / "heads.bin").write_bytes(b"HEADS")
    (directory / "report.json").unlink()
    seen: list[tuple[str, float]] = []
    results = verify_files(directory, lambda name, share: seen.append((name, share)))
    problems = {result.name: result.problem for result in results if not result.ok}
    assert sorted(problems) == ["heads.bin", "report.json"]
    assert "sha256 is" in str(problems["heads.bin"])
    assert "missing" in str(problems["report.json"])
    assert results[0].name == "manifest.json"
    assert ("encoder.bin", 1.0) in seen


def test_a_link_out_of_the_directory_is_refused(directory: Path, tmp_path: Path) -> None:
    (directory / "heads.bin").rename(tmp_path / "elsewhere.bin")
    (directory / "heads.bin").symlink_to(tmp_path / "elsewhere.bin")
    with pytest.raises(IntegrityError, match="outside the model directory"):
        ModelDir.open(directory)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["fifo", "folder"])
@pytest.mark.parametrize("name", ["heads.bin", "manifest.json"])
def test_a_file_that_is_not_regular_is_refused_unopened(
    directory: Path, name: str, make: Callable[[Path], None]
) -> None:
    (directory / name).unlink()
    make(directory / name)
    with pytest.raises(IntegrityError, match=f"{name}: must be a regular file"):
        ModelDir.open(directory)


def test_a_loop_of_links_is_refused(directory: Path) -> None:
    (directory / "heads.bin").unlink()
    (directory / "heads.bin").symlink_to("heads.bin")
    with pytest.raises(IntegrityError, match=r"heads\.bin: cannot be read"):
        ModelDir.open(directory)


def test_an_unknown_verify_word_is_refused(directory: Path) -> None:
    with pytest.raises(ManifestError, match="'fast' or 'full', got 'none'"):
        ModelDir.open(directory, verify="none")  # type: ignore[arg-type]


# What is remembered about encoder.bin


def _hashed(directory: Path) -> list[str]:
    seen: list[str] = []
    ModelDir.open(directory, progress=lambda name, _: seen.append(name))
    return seen


def test_the_encoder_is_hashed_once(directory: Path) -> None:
    assert "encoder.bin" in _hashed(directory)
    assert "encoder.bin" not in _hashed(directory)
    assert "encoder.xml" in _hashed(directory)


def test_a_touched_encoder_is_hashed_again(directory: Path) -> None:
    _hashed(directory)
    os.utime(directory / "encoder.bin", ns=(1, 1))
    assert "encoder.bin" in _hashed(directory)


def test_a_replaced_encoder_is_hashed_again_even_with_the_same_time(directory: Path) -> None:
    _hashed(directory)
    encoder = directory / "encoder.bin"
    times = (encoder.stat().st_atime_ns, encoder.stat().st_mtime_ns)
    other = directory / "other"
    other.write_bytes(b"WEIGHTS" * 1000)
    other.replace(encoder)
    os.utime(encoder, ns=times)
    with pytest.raises(IntegrityError, match=r"encoder\.bin: sha256"):
        ModelDir.open(directory)


def test_a_wrong_encoder_is_not_remembered(directory: Path) -> None:
    (directory / "encoder.bin").write_bytes(b"WEIGHTS" * 1000)
    for _ in range(2):
        with pytest.raises(IntegrityError):
            ModelDir.open(directory)


@pytest.mark.parametrize("broken", [b"", b"{", b"[1, null, [[]]]", b"\xff\xfe", b"[" * 100_000])
def test_a_broken_memory_means_not_remembered(
    directory: Path, tmp_path: Path, broken: bytes
) -> None:
    memory = tmp_path / "cache" / "emonet-edge" / "verified-files.json"
    _hashed(directory)
    memory.write_bytes(broken)
    assert "encoder.bin" in _hashed(directory)
    assert "encoder.bin" not in _hashed(directory)


def test_a_memory_that_others_can_write_is_not_believed(directory: Path, tmp_path: Path) -> None:
    _hashed(directory)
    (tmp_path / "cache" / "emonet-edge" / "verified-files.json").chmod(0o666)
    assert "encoder.bin" in _hashed(directory)


def test_a_cache_that_cannot_be_written_is_no_error(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in the way")
    assert "encoder.bin" in _hashed(directory)


def test_the_memory_is_bounded(directory: Path, tmp_path: Path) -> None:
    memory = tmp_path / "cache" / "emonet-edge" / "verified-files.json"
    _hashed(directory)
    memory.write_text(json.dumps([[f"/old/{i}", 1, 1, 1, "0"] for i in range(500)]))
    _hashed(directory)
    assert len(json.loads(memory.read_text())) == 64
    assert "encoder.bin" not in _hashed(directory)


def test_only_the_owner_can_read_the_memory(directory: Path, tmp_path: Path) -> None:
    _hashed(directory)
    memory = tmp_path / "cache" / "emonet-edge" / "verified-files.json"
    assert stat.S_IMODE(memory.stat().st_mode) == 0o600
    assert _names(memory.parent) == [memory.name]


def test_without_a_cache_directory_every_load_hashes(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity, "cache_dir", lambda: None)
    assert "encoder.bin" in _hashed(directory)
    assert "encoder.bin" in _hashed(directory)


# Manifests that break a rule


def _put(*keys: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = copy.deepcopy(value)

    return change


FILE = {"size": 1, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_put("format", value="onnx"), r'\.format: expected "emonet-edge-model", found "onnx"'),
        (_put("format_version", value=True), r"format_version: expected an integer .* found true"),
        (_put("format_version", value=0), "format_version: expected an integer from 1"),
        (_put("modality", value="smell"), r'modality: expected "face" or "voice", found "smell"'),
        (_put("modality", value="face"), r'preparation\.kind: expected "image"'),
        (_put("suite", value="a/b"), "suite: expected a short name"),
        (_put("synthetic", value=1), "synthetic: expected true or false, found 1"),
        (_put("sources", value=[]), "sources: expected a list of 1 to"),
        (_put("sources", 0, "files", "x", value="0"), "expected 64 hex digits"),
        (_put("tools", value=["openvino"]), "tools: expected an object"),
        (_put("preparation", "n_mels", value=80.0), "n_mels: expected an integer .* found 80.0"),
        (_put("encoder", "input_shape", value=[1, 128, 3000]), r"\[1, 80, 3000\], which the prep"),
        (_put("encoder", "output_shape", value=[1, -5]), r"output_shape\[1\]: expected an integer"),
        (_put("encoder", "precision", value="int2"), r'precision: expected "int8"'),
        (_put("embedding_norm", value="L2"), 'embedding_norm: expected "l2" or "none"'),
        (_put("embedding_norm_evidence", value="trust me"), "begins with 'measured: '"),
        (_put("heads", value=[]), "heads: expected a list of 1 to 256 elements"),
        (_put("heads", value={}), "heads: expected a list of 1 to 256 elements"),
        (_put("heads", 3, "name", value="rage"), r"heads\[3\]\.name: expected a canonical name"),
        (_put("heads", 3, "name", value=["anger"]), r"heads\[3\]\.name: expected a string"),
        (_put("heads", 0, "kind", value="mood"), r'heads\[0\]\.kind: expected "emotion"'),
        (_put("heads", 40, "kind", value="emotion"), r'heads\[40\]\.kind: expected "attribute"'),
        (_put("heads", 1, value=_head("elation", "voice")), r"heads\[1\]\.name: expected each"),
        (_put("heads", 0, "neutral_mean", value="0"), "neutral_mean: expected a finite number"),
        (_put("heads", 0, "spread", "std", value=0), "std: expected a finite number above 0"),
        (_put("heads", 0, "spread", value=[1, 2]), "spread: expected an object"),
        (_put("heads", 0, "levels", "slight", value=9), "levels: expected slight below strong"),
        (_put("heads", 40, "levels", value=_head("anger", "voice")["levels"]), "emotions of voi"),
        (_put("heads_precision", value=None), "heads_precision: expected"),
        (_put("fidelity", value=0.99), "fidelity: expected an object"),
        (_put("files", "heads.bin", "size", value=-1), "size: expected an integer from 0"),
        (_put("files", "heads.bin", "size", value=1 << 50), "size: expected an integer from 0"),
        (_put("files", "heads.bin", "sha256", value="A" * 64), "sha256: expected 64 hex digits"),
        (_put("files", "../../etc/passwd", value=FILE), "expected a plain file name"),
        (_put("files", "/etc/passwd", value=FILE), "expected a plain file name"),
        (_put("files", "a\\b", value=FILE), "expected a plain file name"),
        (_put("files", "a\nb", value=FILE), "expected a plain file name"),
        (_put("files", "..", value=FILE), "expected a plain file name"),
        (_put("files", "", value=FILE), "expected a plain file name"),
        (_put("files", "manifest.json", value=FILE), "expected a plain file name"),
        (lambda d: d["files"].pop("heads.bin"), r"files: expected a key 'heads\.bin', found"),
        (lambda d: d.pop("encoder"), "expected a key 'encoder', found 'embedding_norm'"),
        (lambda d: d["heads"][0].pop("levels"), r"heads\[0\]: expected a key 'levels'"),
        (lambda d: d["heads"].extend(d["heads"] * 9), "heads: expected a list of 1 to 256"),
    ],
)
def test_a_manifest_that_breaks_the_schema_is_told_where_and_why(
    directory: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    _alter(directory, change)
    with pytest.raises(ManifestError, match=message) as caught:
        ModelDir.open(directory)
    assert str(directory / "manifest.json") in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "must be valid JSON"),
        (b"[]", "expected an object, found"),
        (b"null", "expected an object, found null"),
        (b"\xff{}", "must be UTF-8"),
        (b'{"format": NaN}', "NaN is not a JSON number"),
        (b'{"format": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"format": 1, "format": 2}', "the key 'format' stands twice"),
        (b'{"format": ' + b"9" * 10_000 + b"}", "an integer has 10000 digits"),
        (b"[" * 500_000, "at most 16 levels of nesting"),
        (b'{"a":' * 100_000, "at most 16 levels of nesting"),
        (b'"' + b'\\"' * 500_000, "must be valid JSON"),
        (b" " * (MAX_BYTES + 1), "bytes are read, it has more"),
    ],
)
def test_a_hostile_manifest_is_one_clear_error(directory: Path, data: bytes, message: str) -> None:
    (directory / "manifest.json").write_bytes(data)
    with pytest.raises(ManifestError, match=message):
        ModelDir.open(directory)


def test_brackets_inside_strings_do_not_count_as_nesting(tmp_path: Path) -> None:
    fields = _fields()
    fields["tools"] = {"note": '[[[[[[[[[[[[[[[[[[[[ \\" {{{{{{'}
    with ModelDirWriter(tmp_path / "m") as writer:
        for name, data in FILES.items():
            writer.path(name).write_bytes(data)
        writer.finish(fields)
    assert ModelDir.open(tmp_path / "m").manifest.tools == fields["tools"]


def test_a_number_too_large_for_a_float_is_refused(directory: Path) -> None:
    path = directory / "manifest.json"
    path.write_text(path.read_text().replace('"mean": 0.25', '"mean": 1e999', 1))
    with pytest.raises(ManifestError, match=r"spread\.mean: expected a finite number"):
        ModelDir.open(directory)


def test_text_that_is_no_utf8_behind_an_escape_is_refused(directory: Path) -> None:
    path = directory / "manifest.json"
    path.write_text(path.read_text().replace('"2026.1"', '"\\ud800"'))
    with pytest.raises(ManifestError, match="UTF-8"):
        ModelDir.open(directory)


def test_a_newer_format_says_upgrade(directory: Path) -> None:
    _alter(directory, lambda d: d.update(format_version=2, heads="something new"))
    with pytest.raises(FormatVersionError, match=r"version 2, .* up to 1; upgrade emonet-edge"):
        ModelDir.open(directory)


def test_an_edited_manifest_is_found_by_its_own_hash(directory: Path) -> None:
    _alter(directory, _put("heads", 0, "spread", "std", value=9.0), reseal=False)
    with pytest.raises(IntegrityError, match="altered since it was written"):
        ModelDir.open(directory)


def test_keys_that_this_version_does_not_know_are_kept(directory: Path) -> None:
    _alter(directory, _put("note", value="from a later minor version"))
    assert ModelDir.open(directory).manifest.raw["note"] == "from a later minor version"


def test_no_directory_and_no_manifest_say_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"nowhere: no such directory.*emonet-edge export"):
        ModelDir.open(tmp_path / "nowhere")
    with pytest.raises(ModelNotFoundError, match=r"no manifest\.json"):
        ModelDir.open(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelNotFoundError, match="file: not a directory"):
        ModelDir.open(tmp_path / "file")


# Finding the directory that is meant


def test_a_given_directory_is_taken(directory: Path) -> None:
    assert resolve(directory, "voice") == directory
    assert resolve(str(directory), "voice") == directory


def test_a_given_folder_is_searched_for_the_modality(directory: Path) -> None:
    face = _write(directory.parent / "face-small", "face")
    assert resolve(directory.parent, "voice") == directory
    assert resolve(directory.parent, "face") == face


def test_a_given_directory_of_the_other_modality_is_refused(directory: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="holds a voice model, a face model is needed"):
        resolve(directory, "face")


def test_the_environment_comes_before_the_users_data(
    tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = _write(tmp_path / "data" / "emonet-edge" / "models" / "mine")
    assert resolve(None, "voice") == mine
    monkeypatch.setenv("EMONET_MODELS", str(directory.parent))
    assert resolve(None, "voice") == directory
    monkeypatch.setenv("EMONET_MODELS", str(directory))
    assert resolve(None, "voice") == directory


def test_an_environment_that_leads_nowhere_is_an_error_and_nothing_else_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "data" / "emonet-edge" / "models" / "mine")
    monkeypatch.setenv("EMONET_MODELS", str(tmp_path / "typo"))
    with pytest.raises(ModelNotFoundError, match=r"typo \(\$EMONET_MODELS\): No such file"):
        resolve(None, "voice")


def test_several_models_are_listed(directory: Path) -> None:
    _write(directory.parent / "voice-large")
    with pytest.raises(ModelDirectoryError, match="several voice models: voice-large, voice-small"):
        resolve(directory.parent, "voice")


def test_nothing_found_says_where_and_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        resolve(None, "face")
    message = str(caught.value)
    assert str(tmp_path / "data" / "emonet-edge" / "models") in message
    assert "EMONET_MODELS" in message
    assert "emonet-edge export" in message


def test_a_broken_neighbour_is_mentioned_and_harms_nobody(directory: Path) -> None:
    broken = directory.parent / "broken"
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    assert resolve(directory.parent, "voice") == directory
    with pytest.raises(ModelNotFoundError, match=r"Unreadable there: .*broken/manifest\.json"):
        resolve(directory.parent, "face")


def test_an_unfinished_staging_folder_is_not_a_model(directory: Path) -> None:
    directory.rename(directory.with_name(".voice-small.staging-0"))
    with pytest.raises(ModelNotFoundError):
        resolve(directory.parent, "voice")


def test_an_unknown_modality_is_refused(directory: Path) -> None:
    with pytest.raises(UnknownNameError, match="'smell'"):
        resolve(directory, "smell")


# Memory


def _machine(root: Path, available_kb: int, cgroup: str, files: dict[str, str]) -> Path:
    texts = {
        "proc/meminfo": f"MemTotal: 1 kB\nMemAvailable:   {available_kb} kB\n",
        "proc/self/cgroup": cgroup,
        **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


V2 = "0::/system.slice/kiosk.service\n"
V1 = "9:name=systemd:/\n4:cpu,memory:/docker/x\n0::/\n"


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        ("", {}, 1024_000),
        (V2, {"system.slice/kiosk.service/memory.max": "max"}, 1024_000),
        (
            V2,
            {
                "system.slice/kiosk.service/memory.max": "500000\n",
                "system.slice/kiosk.service/memory.current": "300000\n",
                "system.slice/kiosk.service/memory.stat": "anon 1\ninactive_file 100000\n",
            },
            300_000,
        ),
        (
            V2,
            {"system.slice/memory.max": "9000", "system.slice/memory.current": "10000"},
            0,
        ),
        (
            V1,
            {
                "memory/memory.limit_in_bytes": "700000",
                "memory/memory.usage_in_bytes": "100000",
                "memory/memory.stat": "cache 5\ntotal_inactive_file 50000\n",
            },
            650_000,
        ),
    ],
    ids=["no group", "v2 unlimited", "v2", "v2 parent", "v1 namespace root"],
)
def test_available_memory_is_the_tightest_limit(
    tmp_path: Path, cgroup: str, files: dict[str, str], expected: int
) -> None:
    root = _machine(tmp_path / "root", 1000, cgroup, files)
    assert available_memory.available_memory(root)[0] == expected


def test_where_nothing_is_known_nothing_is_refused(tmp_path: Path) -> None:
    assert available_memory.available_memory(tmp_path)[0] is None
    available_memory.require_memory(1 << 60, "a model", root=tmp_path)


def test_this_machine_says_how_much_memory_it_has() -> None:
    available, _ = available_memory.available_memory()
    assert available is not None
    assert 1_000_000 < available < 1 << 50


def test_too_large_a_model_is_refused_with_the_figures(directory: Path) -> None:
    manifest = ModelDir.open(directory).manifest
    with pytest.raises(
        MemoryBudgetError, match=r"voice-small needs about 1152921504607 MB .* MB are available"
    ):
        model_dir.check_memory(manifest, 1 << 60)


def test_the_estimate_follows_the_encoder(directory: Path) -> None:
    def grow(document: dict[str, Any]) -> None:
        document["files"]["encoder.bin"]["size"] = 1 << 43

    _alter(directory, grow)
    with pytest.raises(MemoryBudgetError, match="load fewer heads"):
        model_dir.check_memory(model_dir.read_manifest(directory))
