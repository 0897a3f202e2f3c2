"""Two saved measurements side by side, on files that bench itself wrote."""

from __future__ import annotations

import copy
import json
from types import SimpleNamespace

import pytest

from emonet_edge.bench import Condition, ConditionError, SavedFileError, compare, load, save
from emonet_edge.bench.conditions import GRAMMAR
from emonet_edge.bench.figures import OTHER_FIGURES, STAGE_FIGURES
from emonet_edge.cli import main
from emonet_edge.cli.bench import compare as bench_compare
from emonet_edge.cli.output import json_line


@pytest.fixture(scope="session")
def measured(tmp_path_factory) -> list[dict]:
    """The records of a tiny face and a tiny voice, all devices."""
    import emonet_edge as ee

    folder = tmp_path_factory.mktemp("compare")
    ee.synthetic.write_face_model(folder / "face", preset="tiny")
    ee.synthetic.write_voice_model(folder / "voice", preset="tiny", heads=["anger"])
    target = folder / "saved.json"
    models = [str(folder / "face"), str(folder / "voice")]
    assert main(["bench", *models, "--runs", "20", "--warmup", "1", "--output", str(target)]) == 0
    return load(target)


@pytest.fixture
def old(measured) -> list[dict]:
    return copy.deepcopy(measured)


@pytest.fixture
def new(measured) -> list[dict]:
    return copy.deepcopy(measured)


@pytest.fixture
def call(capsys, tmp_path):
    """Save two lists of records and compare them on the command line."""

    def run(old, new, *arguments):
        paths = []
        for name, records in (("old.json", old), ("new.json", new)):
            save(tmp_path / name, [json_line(record) for record in records])
            paths.append(str(tmp_path / name))
        code = main(["bench", "compare", *paths, *arguments])
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


def on(records, modality, device="CPU"):
    (found,) = (r for r in records if (r["modality"], r["device"]) == (modality, device))
    return found


def scale(record, stage, factor):
    """Make a stage slower: times up, rate down."""
    for name, value in record["stages_ms"][stage].items():
        if value is not None:
            record["stages_ms"][stage][name] = value / factor if name == "rate" else value * factor


# Conditions


@pytest.mark.parametrize(
    ("text", "key", "operator", "kind", "limit"),
    [
        ("p95>+5%", "total.p95", ">", "percent", 5),
        ("p95>5%", "total.p95", ">", "percent", 5),
        ("encoder.p95>+5%", "encoder.p95", ">", "percent", 5),
        ("heads.p99.9>=+2.5%", "heads.p99.9", ">=", "percent", 2.5),
        ("p99.9>+1%", "total.p99.9", ">", "percent", 1),
        ("rate<-5%", "total.rate", "<", "percent", -5),
        ("prepare.rate <= -.5 %", "prepare.rate", "<=", "percent", -0.5),
        ("peak_mb>1300", "peak_mb", ">", "value", 1300),
        ("peak_mb>+50", "peak_mb", ">", "change", 50),
        (" first_cold_s > 20 ", "first_cold_s", ">", "value", 20),
        ("joules>+5%", "joules", ">", "percent", 5),
    ],
)
def test_conditions_are_read(text, key, operator, kind, limit):
    found = Condition.parse(text)
    assert (found.key, found.operator, found.kind, found.limit) == (key, operator, kind, limit)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not of this form"),
        ("p95", "not of this form"),
        ("p95>", "not of this form"),
        ("p95=5%", "not of this form"),
        ("p95>nan", "not of this form"),
        ("p95>1e3", "not of this form"),
        ("p95>5% or rate<1", "not of this form"),
        ("p96>5%", "'p96' is no figure"),
        ("decoder.p95>5%", "'decoder' is no stage"),
        ("encoder.p96>5%", "'p96' is no figure"),
        ("encoder.peak_mb>5", "of the whole model"),
        ("encoder>5", "'encoder' is no figure"),
        (".p95>5", "'' is no stage"),
    ],
)
def test_a_condition_that_cannot_be_read_shows_the_grammar(text, why):
    with pytest.raises(ConditionError, match=why) as caught:
        Condition.parse(text)
    assert GRAMMAR in str(caught.value)
    assert repr(text) in str(caught.value)


def test_the_grammar_names_every_figure_and_the_help_shows_it():
    assert all(f" {name}" in GRAMMAR for name in (*STAGE_FIGURES, *OTHER_FIGURES))
    assert bench_compare._GRAMMAR == GRAMMAR


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        ("p95>+5%", 100.0, 105.1, True),
        ("p95>+5%", 100.0, 105.0, False),
        ("p95>=+5%", 100.0, 105.0, True),
        ("p95>+5%", 100.0, 50.0, False),
        ("p95>-5%", 100.0, 96.0, True),
        ("rate<-5%", 100.0, 94.0, True),
        ("rate<-5%", 100.0, 96.0, False),
        ("peak_mb>1300", 1.0, 1301.0, True),
        ("peak_mb>1300", None, 1301.0, True),
        ("peak_mb>+50", 1000.0, 1051.0, True),
        ("peak_mb>+50", 1000.0, 1049.0, False),
        ("peak_mb<-50", 1000.0, 940.0, True),
        ("peak_mb>+50", None, 1000.0, None),
        ("p95>+5%", None, 10.0, None),
        ("p95>+5%", 10.0, None, None),
        ("p95>+5%", 0.0, 10.0, None),
    ],
)
def test_conditions_hold_or_not_or_cannot_be_told(text, old, new, expected):
    assert Condition.parse(text).holds(old, new) is expected


# Matching


def test_a_file_compared_with_itself_has_no_change(old, new):
    found = compare(old, new)
    assert [pair.new["modality"] for pair in found.pairs] == ["face", "voice"]
    assert (found.lost, found.added, found.held) == ([], [], [])
    for pair in found.pairs:
        assert pair.differences == []
        assert all(before == after for before, after in pair.figures.values())
        assert pair.figures["total.p95"][0] > 0
        assert pair.figures["compile_s"][0] == pair.old["compile"]["cold_s"]
        peaks = pair.old["memory"]["peak_bytes"], pair.old["memory"]["first_peak_bytes"]
        assert pair.figures["peak_mb"][0] == max(peaks) / 1e6


def test_models_match_by_content_before_name(old, new):
    twin = copy.deepcopy(on(new, "face"))
    twin["model_sha256"], on(new, "face")["model"] = "another", "/moved/elsewhere"
    found = compare(old, [twin, *new])
    (pair,) = (pair for pair in found.pairs if pair.new["modality"] == "face")
    assert pair.new["model"] == "/moved/elsewhere"
    assert [name for name in found.added if "face" in name] == ["face face on CPU"]


def test_a_new_version_of_a_model_matches_by_name_and_says_so(old, new):
    on(new, "face")["model_sha256"] = "another"
    on(new, "face")["model"] = "/other/place/face"
    pair = compare(old, new).pairs[0]
    (line,) = pair.differences
    assert line.startswith("model: ")
    assert line.endswith("another now")


def test_the_only_model_of_its_place_matches_whatever_its_name(old, new):
    on(new, "voice")["model_sha256"] = "another"
    on(new, "voice")["model"] = "/x/voice-2"
    assert len(compare(old, new).pairs) == 2


def test_other_circumstances_are_said(old, new):
    for record in new:
        record["machine"]["cpu"] = "Faster CPU"
        record["machine"]["versions"]["openvino"] = "2030.1"
    for records, hint in ((old, "f32"), (new, "bf16")):
        on(records, "face")["encoder"]["precision_hint"] = hint
    lines = compare(old, new).pairs[0].differences
    for text in ("CPU: ", "Faster CPU now", "2030.1 now", "precision hint: f32 before, bf16 now"):
        assert any(text in line for line in lines), text


def test_a_device_that_is_no_longer_measured_is_lost_with_its_reason(old, new):
    on(new, "face").update(status="failed", reason="DEVICE_LOST")
    new.remove(on(new, "voice"))
    lost = compare(old, new).lost
    assert len(lost) == 2
    assert "now failed (DEVICE_LOST)" in lost[0] + lost[1]
    assert "not in the new file" in lost[0] + lost[1]


# The command


def test_no_change_is_0(call, old, new):
    answer = call(old, new, "--fail-if", "p95>+5%", "--fail-if", "peak_mb>100000")
    assert answer.code == 0
    assert "encoder.p95" in answer.out
    assert "+0.0 %" in answer.out
    assert answer.err == ""


@pytest.mark.parametrize("condition", ["p95>+5%", "rate<-5%", "total.mean>+9%", "p50>+0.0001"])
def test_a_condition_that_holds_is_1_and_named(call, old, new, condition):
    scale(on(new, "voice"), "total", 1.1)
    answer = call(old, new, "--fail-if", condition)
    assert answer.code == 1
    (line,) = (line for line in answer.out.splitlines() if line.startswith("FAILS"))
    assert line.startswith(f"FAILS: voice voice on CPU: {condition} holds")


def test_a_stage_is_judged_alone(call, old, new):
    scale(on(new, "face"), "heads", 3)
    assert call(old, new, "--fail-if", "p95>+5%").code == 0
    assert call(old, new, "--fail-if", "heads.p95>+5%").code == 1


def test_a_faster_program_passes(call, old, new):
    scale(on(new, "face"), "total", 0.5)
    answer = call(old, new, "--fail-if", "p95>+5%", "--fail-if", "rate<-5%")
    assert answer.code == 0
    assert "-50.0 %" in answer.out
    assert "+100.0 %" in answer.out


def test_a_figure_that_one_model_lacks_is_said(call, old, new):
    on(new, "face")["stages_ms"]["total"]["p95"] = None
    on(new, "face")["unsupported"]["p95"] = "needs 20 runs, there were 5"
    answer = call(old, new, "--fail-if", "p95>+5%")
    assert answer.code == 0
    assert "not told: face face on CPU: p95>+5%" in answer.out
    assert "(needs 20 runs, there were 5)" in answer.out


def test_a_condition_that_applies_to_nothing_is_2(call, old, new):
    answer = call(old, new, "--fail-if", "p99.9>+5%")
    assert answer.code == 2
    assert "cannot be told for any model: p99.9>+5%" in answer.err


def test_a_lost_device_fails_a_release(call, old, new):
    on(new, "face").update(status="failed", reason="DEVICE_LOST")
    answer = call(old, new, "--fail-if", "p95>+5%")
    assert answer.code == 1
    assert "no longer measured: face face on CPU" in answer.out
    assert call(old, new).code == 0


def test_a_condition_with_a_mistake_is_2_with_the_grammar(call, old, new):
    answer = call(old, new, "--fail-if", "p95>five")
    assert answer.code == 2
    assert answer.out == ""
    assert "[STAGE.]FIGURE" in answer.err


def test_programs_get_json(call, old, new):
    scale(on(new, "face"), "encoder", 2)
    answer = call(old, new, "--json", "--fail-if", "encoder.p50>+50%")
    found = json.loads(answer.out)
    figure = found["pairs"][0]["figures"]["encoder.p50"]
    assert figure["new"] == pytest.approx(2 * figure["old"])
    assert len(found["held"]) == 1


# Files


def saved_line(measured, **changes) -> str:
    return json.dumps({**measured[0], **changes})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": "other"}, "is no record"),
        ({"format_version": 2}, "format version 2, this program reads 1"),
        ({"device": None}, "must have a text 'device'"),
        ({"status": "fine"}, "status 'fine'"),
    ],
)
def test_a_line_that_is_no_record_is_named(measured, tmp_path, changes, why):
    path = tmp_path / "x.json"
    path.write_text(saved_line(measured) + "\n\n" + saved_line(measured, **changes))
    with pytest.raises(SavedFileError, match=why) as caught:
        load(path)
    assert f"{path}, line 3" in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"{", b"[]", b"5", b"\xff\xfe", b'{"x": NaN}', b"[" * 100_000]
)
def test_a_file_of_something_else_is_2(capsys, tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    assert main(["bench", "compare", str(path), str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_a_missing_file_is_2(capsys, tmp_path):
    assert main(["bench", "compare", str(tmp_path / "x"), str(tmp_path)]) == 2
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_hostile_figures_are_no_figures(old, new):
    record = on(new, "face")
    record["stages_ms"] = [1]
    record["memory"] = {"peak_bytes": "many", "resident_bytes": True}
    record["energy"] = None
    found = compare(old, new, [Condition.parse("p95>+5%")])
    figures = found.pairs[0].figures
    assert figures["total.p95"][1] is figures["steady_mb"][1] is figures["joules"][1] is None
    assert "face face on CPU" in found.undecided[0]


def test_files_without_a_common_model_are_2(call, old, new):
    answer = call([on(old, "face")], [on(new, "voice")])
    assert answer.code == 2
    assert "no measured model and device in common" in answer.err


def test_saving_replaces_in_one_step_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "x.json"
    for text in ("old\n", "new\n"):
        save(target, [text])
    assert target.read_text() == "new\n"
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(SavedFileError, match="cannot be written"):
        save(tmp_path / "nothing" / "x.json", [])
