"""Which file is which head, and heads.bin that survives its process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="export needs torch")
pytest.importorskip("emonet_edge_export", reason="needs export/ on the path, or the wheel")

from emonet_edge.exceptions import UnknownNameError  # noqa: E402
from emonet_edge.heads import MultiHeadMLP  # noqa: E402
from emonet_edge.taxonomy import EMOTIONS, describe, names_for  # noqa: E402
from emonet_edge_export.errors import CheckpointError, ExportError, SourceError  # noqa: E402
from emonet_edge_export.upstream.checkpoints import HeadWeights, read_head  # noqa: E402
from emonet_edge_export.upstream.head_files import Siblings, match_heads, wanted_names  # noqa: E402
from emonet_edge_export.upstream.registry import SUITES, find  # noqa: E402
from emonet_edge_export.upstream.repository import LocalRepository  # noqa: E402
from export_fixtures import FACE_HEADS, FaceMLP  # noqa: E402

FACE = find("face", "small")
REPOSITORY = FACE_HEADS.format("Small")


@pytest.fixture
def folder(tmp_path):
    """A repository with an empty file for every head of a face suite."""
    folder = tmp_path / REPOSITORY
    folder.mkdir(parents=True)
    for name in names_for("face"):
        (folder / describe(name, "face").face_file).touch()
    (folder / "README.md").touch()
    return folder


def match(folder, wanted=None, suite=FACE, ignore=()):
    repository = LocalRepository(folder.parents[1], REPOSITORY)
    return match_heads(repository, suite, wanted, ignore)


# Names and files


def test_every_head_of_the_folder_is_matched_in_the_taxonomy_s_order(folder):
    heads, left_out = match(folder)
    assert [head.name for head in heads] == list(names_for("face"))
    assert heads[-5].file == "model_jealousy_&_envy_best.pth"
    assert left_out == []


def test_dimensions_may_be_missing_and_emotions_may_not(folder):
    (folder / "model_dominance_best.pth").unlink()
    assert len(match(folder)[0]) == 43
    (folder / "model_anger_best.pth").unlink()
    with pytest.raises(ExportError, match=r"no file for anger \(expected model_anger_best\.pth\)"):
        match(folder)


def test_a_selection_asks_only_for_its_own_files(folder):
    for file in folder.glob("model_[!ap]*"):
        file.unlink()
    heads, _ = match(folder, wanted_names("face", ["Pride", "anger", "anger"]))
    assert [head.name for head in heads] == ["pride", "anger"]
    with pytest.raises(ExportError, match="no file for sadness"):
        match(folder, wanted_names("face", ["anger", "sadness"]))


def test_a_name_that_is_no_head_is_refused():
    with pytest.raises(UnknownNameError, match="anger"):
        wanted_names("face", ["angr"])
    with pytest.raises(UnknownNameError, match="has no head 'gender'"):
        wanted_names("face", ["gender"])


@pytest.mark.parametrize(
    "name", ["model_joy_best.pth", "extra.pt", "model.safetensors", "old/x.ckpt"]
)
def test_a_file_of_weights_that_nobody_knows_is_named(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).touch()
    with pytest.raises(
        CheckpointError, match=f"{name}: a file of weights that is no known face head"
    ):
        match(folder)
    assert len(match(folder, ignore=[name])[0]) == 44


def test_two_files_for_one_head_are_refused(folder):
    (folder / "model_Anger_best.pth").touch()
    with pytest.raises(CheckpointError, match="are both the head anger"):
        match(folder)


def test_quality_scores_of_the_plus_suite_are_known_and_left_out(folder):
    for file in folder.glob("*.pth"):
        file.unlink()
    for name in names_for("voice"):
        (folder / describe(name, "voice").voice_file).touch()
    (folder / "model_score_overall_quality_best.pth").touch()
    heads, left_out = match(folder, suite=find("voice", "plus"))
    assert len(heads) == 55
    assert left_out == ["model_score_overall_quality_best.pth"]
    with pytest.raises(CheckpointError, match="overall_quality"):
        match(folder, suite=find("voice", "small"))


def test_a_missing_repository_says_where_it_should_lie(tmp_path):
    with pytest.raises(SourceError, match="laion/Empathic-Insight-Face-Small: no such folder"):
        LocalRepository(tmp_path, REPOSITORY)


# Siblings


def weights(inputs, *widths):
    return HeadWeights(
        [
            (np.zeros((rows, before), np.float32), np.zeros(rows, np.float32))
            for before, rows in zip((inputs, *widths), (*widths, 1), strict=False)
        ]
    )


def test_a_head_that_differs_from_its_siblings_is_named():
    siblings = Siblings((3, 4), None)
    siblings.check("a.pth", weights(12, 8, 4))
    siblings.check("b.pth", weights(12, 8, 4))
    with pytest.raises(CheckpointError, match=r"c\.pth: layer 1 .*\[8, 5, 1\].*a\.pth \[8, 4, 1\]"):
        siblings.check("c.pth", weights(12, 8, 5))


def test_a_head_for_another_embedding_is_named():
    with pytest.raises(
        CheckpointError, match=r"a\.pth: the projection takes 13 values.*\[3, 4\] has 12"
    ):
        Siblings((3, 4), None).check("a.pth", weights(13, 8))


def test_published_suites_have_published_rows():
    siblings = Siblings((1152,), SUITES["face", "small"].expected.head_rows)
    siblings.check("a.pth", weights(1152, 128, 32))
    with pytest.raises(CheckpointError, match="the published suite"):
        siblings.check("b.pth", weights(1152, 128, 16))


# Interrupted packing

_PACK = """
import os, sys
import numpy as np
from pathlib import Path
from emonet_edge_export.heads.pack import ResumableHeadsWriter

def head(seed):
    draw = np.random.default_rng(seed)
    layers = [(8, 64), (1, 8)]
    normal = lambda *shape: draw.normal(size=shape).astype(np.float32)
    return [(normal(*shape), normal(shape[0])) for shape in layers]

def pack(path, names, key="k", die_after=None):
    mean = np.full((4, 16), 0.1, np.float32)
    with ResumableHeadsWriter(path, (4, 16), mean, key) as writer:
        began_with = list(writer.notes)
        for number, name in enumerate(names):
            if name not in writer.notes:
                writer.add_noted_head(name, head(number), "int8", {"number": number})
            if number == die_after:
                writer._file.write(b"half a head"); writer._file.flush()
                os.kill(os.getpid(), 9)
        return began_with, dict(writer.notes)
"""
NAMES = list(EMOTIONS[:6])


@pytest.fixture(scope="module")
def pack():
    space = {}
    exec(_PACK, space)
    return space["pack"]


def test_a_killed_packing_goes_on_and_gives_the_same_file(tmp_path, pack):
    pack(tmp_path / "whole.bin", NAMES)
    broken = tmp_path / "broken.bin"
    code = f"{_PACK}\npack(Path({str(broken)!r}), {NAMES}, die_after=3)"
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr
    assert not broken.exists()
    began_with, notes = pack(broken, NAMES)
    assert began_with == NAMES[:4]
    assert notes == {name: {"number": number} for number, name in enumerate(NAMES)}
    assert broken.read_bytes() == (tmp_path / "whole.bin").read_bytes()
    assert [p.name for p in tmp_path.iterdir() if "broken" in p.name] == ["broken.bin"]
    assert MultiHeadMLP.open(broken).names == tuple(NAMES)


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda part, journal: journal.unlink(), id="no journal"),
        pytest.param(lambda part, journal: part.write_bytes(b""), id="no data"),
        pytest.param(lambda part, journal: journal.write_text("{"), id="torn journal"),
    ],
)
def test_a_damaged_working_state_starts_from_nothing(tmp_path, pack, harm):
    path = tmp_path / "heads.bin"
    stop_half_way(pack, path)
    harm(path.with_name("heads.bin.part"), path.with_name("heads.bin.journal"))
    assert pack(path, NAMES)[0] == []
    assert MultiHeadMLP.open(path).names == tuple(NAMES)


def test_another_plan_starts_from_nothing(tmp_path, pack):
    path = tmp_path / "heads.bin"
    stop_half_way(pack, path)
    assert pack(path, NAMES, key="other")[0] == []


def test_a_torn_last_line_of_the_journal_costs_one_head(tmp_path, pack):
    path = tmp_path / "heads.bin"
    stop_half_way(pack, path)
    journal = path.with_name("heads.bin.journal")
    journal.write_text(journal.read_text()[:-40])
    assert pack(path, NAMES)[0] == NAMES[:1]
    assert MultiHeadMLP.open(path).names == tuple(NAMES)


def stop_half_way(pack, path):
    with pytest.raises(ZeroDivisionError):
        pack(path, TwoThenFail())


class TwoThenFail:
    """An error in the middle of the heads, as a cut download would be."""

    def __iter__(self):
        yield from NAMES[:2]
        raise ZeroDivisionError


def test_a_head_file_is_released_only_when_it_is_packed(tmp_path):
    from emonet_edge_export.heads.pack import HeadsPlan, pack_heads
    from emonet_edge_export.progress import Progress

    folder = tmp_path / REPOSITORY
    folder.mkdir(parents=True)
    for name in ("pride", "anger"):
        torch.save(FaceMLP(12, (8, 4)).state_dict(), folder / f"model_{name}_best.pth")

    class Watched(LocalRepository):
        events: list[str]

        def fetch(self, name):
            self.events.append(f"fetch {name}")
            return super().fetch(name)

        def release(self, name):
            self.events.append(f"release {name}")

    Watched.events = []
    repository = Watched(tmp_path, REPOSITORY)
    heads, _ = match_heads(repository, FACE, ("anger", "pride"))
    plan = HeadsPlan(heads, "fp16", "none", (12,), np.zeros(12, np.float32), "k")
    embeddings = {"torch": np.random.default_rng(0).normal(size=(3, 12)).astype(np.float32)}
    found = pack_heads(
        tmp_path / "heads.bin", plan, repository, Siblings((12,), None), embeddings, Progress(True)
    )
    assert [event.split("_")[0:2] for event in Watched.events] == [
        ["fetch model", "pride"], ["release model", "pride"],
        ["fetch model", "anger"], ["release model", "anger"],
    ]  # fmt: skip
    expected = read_head(folder / "model_anger_best.pth")(embeddings["torch"])
    np.testing.assert_array_equal(np.float32(found["anger"]["torch"]), expected)
    assert Path(tmp_path / "heads.bin").is_file()
