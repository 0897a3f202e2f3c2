"""The recipe search: parts, quantizers, rounding, halves, journal, front, and the whole of it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="export needs torch")
pytest.importorskip("emonet_edge_export", reason="needs export/ on the path, or the wheel")

from emonet_edge.inference.openvino_core import openvino  # noqa: E402
from emonet_edge_export.calibration import drawn_samples, from_folder  # noqa: E402
from emonet_edge_export.encoder.convert import to_ir  # noqa: E402
from emonet_edge_export.errors import ExportError  # noqa: E402
from emonet_edge_export.progress import Progress  # noqa: E402
from emonet_edge_export.search.draw_front import draw_front  # noqa: E402
from emonet_edge_export.search.front import Goal, Point, best, front  # noqa: E402
from emonet_edge_export.search.journal import Journal  # noqa: E402
from emonet_edge_export.search.judge import random_heads  # noqa: E402
from emonet_edge_export.search.parts import find_parts, nodes_by_name, weight_of  # noqa: E402
from emonet_edge_export.search.place import PartRecipe, place, quantizers, round_part  # noqa: E402
from emonet_edge_export.search.round_weights import compensated  # noqa: E402
from emonet_edge_export.search.run import SearchOptions, search  # noqa: E402
from emonet_edge_export.search.statistics import Extremes, collect  # noqa: E402
from emonet_edge_export.search.trial import Bench  # noqa: E402
from emonet_edge_export.upstream.load_encoder import load_module, read_config  # noqa: E402
from emonet_edge_export.upstream.repository import LocalRepository  # noqa: E402
from export_fixtures import (  # noqa: E402
    FACE_ENCODER,
    VOICE_ENCODERS,
    write_face_suite,
    write_voice_suite,
)

QUIET = Progress(quiet=True)


def made(modality, folder):
    write = write_face_suite if modality == "face" else write_voice_suite
    suite = write(folder)
    name = FACE_ENCODER if modality == "face" else VOICE_ENCODERS["Small"]
    repository = LocalRepository(suite.source, name)
    config = read_config(repository, modality, {})
    model = to_ir(load_module(repository, config), config.input_shape)
    return model, drawn_samples(modality, config.preparation)


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return made("voice", tmp_path_factory.mktemp("voice"))


@pytest.fixture(scope="module")
def face(tmp_path_factory):
    return made("face", tmp_path_factory.mktemp("face"))


# Parts


def test_a_whisper_has_four_products_and_an_attention_a_layer_and_two_convolutions(voice):
    kinds = [part.kind for part in find_parts(voice[0])]
    layer = ("self_attn.k_proj+q_proj+v_proj", "self_attn.out_proj", "fc1", "fc2")
    expected = ["encoder.conv1", "encoder.conv2"]
    expected += 2 * [f"encoder.layers.{name}" for name in layer]
    assert sorted(kinds) == sorted([*expected, *2 * ["encoder.layers.self_attn.attention"]])


def test_a_vision_tower_is_found_as_well(face):
    kinds = {part.kind.rpartition(".")[2] for part in find_parts(face[0])}
    assert {"fc1", "fc2", "out_proj", "attention", "k_proj+q_proj+v_proj"} <= kinds


def test_names_tell_parts_apart(voice, face):
    for model, _ in (voice, face):
        names = [part.name for part in find_parts(model)]
        assert len(set(names)) == len(names)


# Quantizers


def extremes(values):
    flat = values.reshape(len(values), -1, values.shape[-1])
    return Extremes(flat.min(axis=1), flat.max(axis=1))


def test_statistics_are_those_of_the_tensors(voice):
    model, samples = voice
    part = next(p for p in find_parts(model) if p.name.endswith("layers.0.fc2"))
    few = samples.some(2)
    found = collect(model, [part], few, QUIET)[part.name][0]
    ov = openvino()
    source = nodes_by_name(model)[part.products[0]].input_value(0)
    tap = ov.Model([ov.opset13.result(source)], model.get_parameters(), "tap")
    compiled = ov.Core().compile_model(tap, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    values = np.stack([compiled(x[np.newaxis])[0][0].copy() for x in few])
    np.testing.assert_allclose(found.low, values.min(axis=1), rtol=1e-5)
    np.testing.assert_allclose(found.high, values.max(axis=1), rtol=1e-5)
    flat = values.reshape(-1, part.channels)
    np.testing.assert_allclose(found.moments, flat.T @ flat, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("one_sided", [False, True])
def test_zero_is_a_level_and_nothing_that_was_seen_is_cut_by_more_than_a_step(strength, one_sided):
    random = np.random.default_rng(0)
    values = random.standard_normal((4, 50, 16)).astype(np.float32) * np.logspace(-1, 1, 16)
    values = np.maximum(values, -0.17) if one_sided else values
    part = replace(find_parts_stub(), channels=16)
    (found,) = quantizers(
        part, (extremes(values),), np.ones(16, np.float32), PartRecipe(strength, "largest")
    )
    assert found(np.zeros(16, np.float32)) == pytest.approx(np.zeros(16), abs=1e-6)
    assert np.abs(found(values) - values / found.scale).max() <= 0.51 * found.step + 1e-6


def find_parts_stub():
    from emonet_edge_export.search.parts import Part, Reader

    return Part("some.fc", "product", ((Reader("node"),),), 16)


def test_smoothing_between_queries_and_keys_leaves_their_product(voice):
    model, samples = voice
    part = next(p for p in find_parts(model) if p.form == "attention")
    found = collect(model, [part], samples.some(2), QUIET)[part.name]
    queries, keys = quantizers(part, found, np.ones(0, np.float32), PartRecipe(0.5))
    np.testing.assert_allclose(queries.scale * keys.scale, 1, rtol=1e-5)


def test_a_placed_product_computes_what_its_reference_does(voice):
    """The graph against NumPy: smoothed, rounded inputs times integer weights times steps."""
    model, samples = voice
    part = next(p for p in find_parts(model) if p.name.endswith("layers.1.fc1"))
    found = collect(model, [part], samples.some(3), QUIET)[part.name]
    rounded = round_part(part, found, nodes_by_name(model), PartRecipe(0.8))
    changed = place(model, [part], {part.name: rounded})
    ov = openvino()
    node = nodes_by_name(changed)[part.products[0]]
    quantize = node.input_value(0).get_node()
    watched = [ov.opset13.result(o) for o in (quantize.input_value(0), node.output(0))]
    compiled = ov.Core().compile_model(
        ov.Model(watched, changed.get_parameters(), "watched"),
        "TEMPLATE" if "TEMPLATE" in ov.Core().available_devices else "CPU",
        {"INFERENCE_PRECISION_HINT": "f32"},
    )
    inputs, output = (compiled(next(iter(samples))[np.newaxis])[at][0] for at in (0, 1))
    (integers, step), quantizer = rounded.weights[0], rounded.quantizers[0]
    expected = quantizer(inputs) @ (integers * step).T
    np.testing.assert_allclose(output, expected, atol=0.02 * np.abs(expected).max())


def test_placing_nothing_changes_nothing(voice):
    model, samples = voice
    bench, inputs = Bench("f32"), tuple(samples.some(2))
    same = place(model, find_parts(model), {})
    np.testing.assert_array_equal(bench.embed(same, inputs), bench.embed(model, inputs))


def test_the_model_that_is_placed_from_is_left_as_it_is(voice):
    model, samples = voice
    parts = find_parts(model)
    before = [n.get_friendly_name() for n in model.get_ordered_ops()]
    found = collect(model, parts, samples.some(1), QUIET)
    nodes = nodes_by_name(model)
    chosen = {p.name: round_part(p, found[p.name], nodes, PartRecipe()) for p in parts}
    place(model, parts, chosen)
    assert [n.get_friendly_name() for n in model.get_ordered_ops()] == before


def test_compensated_rounding_halves_the_error_on_inputs_that_go_together():
    random = np.random.default_rng(0)
    mixing = random.standard_normal((12, 64)).astype(np.float32)
    seen, unseen = (random.standard_normal((400, 12)).astype(np.float32) @ mixing for _ in "ab")
    weights = random.standard_normal((32, 64)).astype(np.float32)
    step = np.abs(weights).max(axis=1, keepdims=True) / 127
    rounded = compensated(weights, step, seen.T @ seen)
    exact = unseen @ weights.T
    error, nearest = (
        np.linalg.norm(unseen @ (q * step).T - exact) for q in (rounded, np.round(weights / step))
    )
    assert error < 0.5 * nearest
    assert np.abs(rounded).max() <= 127


def test_weights_are_read_as_outputs_by_inputs(voice):
    model = voice[0]
    part = next(p for p in find_parts(model) if p.name.endswith("layers.0.fc1"))
    assert weight_of(nodes_by_name(model)[part.products[0]]).shape == (128, 64)


# Halves


def test_halves_share_no_group_and_are_about_as_large(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    random = np.random.default_rng(0)
    for person, clips in (("anna", 3), ("ben", 2), ("eva", 1)):
        (tmp_path / person).mkdir()
        for number in range(clips):
            clip = random.standard_normal(16000 * 7) * 0.1
            soundfile.write(tmp_path / person / f"{number}.wav", clip, 16000)
    soundfile.write(tmp_path / "lone.wav", random.standard_normal(16000 * 3) * 0.1, 16000)
    samples = from_folder(tmp_path, "voice", {})
    one, other = samples.halves()
    assert not set(one.groups) & set(other.groups)
    assert {*one.groups, *other.groups} == {"anna", "ben", "eva", "lone.wav"}
    assert abs(len(one) - len(other)) <= 3
    assert len(one.variations) == len(one) == len(one.groups)
    assert len(one.widened()) == 2 * len(one)
    varied = one.variations[0]()
    np.testing.assert_array_equal(varied, one.variations[0]())
    assert varied.shape == (80, 3000)


def test_halves_of_one_group_are_refused():
    samples = replace(drawn_samples("voice", {}), groups=("me",) * 8)
    with pytest.raises(ExportError, match="at least 2 files, or folders"):
        samples.halves()


# Journal and front


def test_a_journal_recalls_what_it_was_told_and_passes_over_a_cut_line(tmp_path):
    path = tmp_path / "search.jsonl"
    assert Journal(path, "a").number("x", lambda: 1.5) == 1.5
    with path.open("a") as file:
        file.write('{"key": "y", "val')
    again = Journal(path, "a")
    assert again.number("x", lambda: pytest.fail("measured again")) == 1.5
    assert len(again) == 1
    assert len(Journal(path, "b")) == 0


def point(name, pearson, relative, worst=None):
    figures = {"mean": pearson, "worst": worst or pearson - 0.002, "worst_head": "x"}
    return Point(name, (), {"pearson": figures}, 100 * relative, relative)


def test_the_front_holds_what_nothing_beats_in_both():
    points = [point("a", 0.99, 0.4), point("b", 0.98, 0.5), point("c", 0.999, 0.7)]
    assert [p.name for p in front(points)] == ["a", "c"]


def test_the_best_is_the_fastest_that_reaches_mean_and_worst():
    points = [
        point("fast", 0.99, 0.4),
        point("one head off", 0.999, 0.45, worst=0.9),
        point("good", 0.9985, 0.5),
        point("slow", 0.9999, 0.9),
    ]
    taken = best(points, Goal(0.998, 0.99))
    assert taken is not None
    assert taken.name == "good"
    assert best(points[:2], Goal(0.998, 0.99)) is None


def test_the_front_is_drawn(tmp_path):
    points = [point("a", 0.99, 0.4), replace(point("b", 0.9999, 0.8), kept_float=None)]
    picture = draw_front(points, "a", Goal(), "a machine")
    assert picture.size == (1100, 700)
    assert len(picture.getcolors(1 << 16)) > 5


# The whole search


@pytest.mark.parametrize("modality", ["voice", "face"])
def test_a_search_finds_a_recipe_that_reaches_its_goal(modality, request):
    model, samples = request.getfixturevalue(modality)
    options = SearchOptions(seconds=20, goal=Goal(0.95, 0.8), samples=8)
    found = search(model, samples, random_heads(12), options, QUIET)
    names = {part.name for part in find_parts(model)}
    assert found.point.kept_float is not None
    assert set(found.point.kept_float) <= names
    assert {"all in INT8", "all in float"} <= {point.name for point in found.points}
    assert found.point in front(p for p in found.points if p.held_out)
    assert found.point.held_out is not None
    described = json.loads(json.dumps(found.described()))
    assert set(described["parts"]) == names - set(found.point.kept_float)
    assert described["groups_seen"] + described["groups_unseen"] == 8
    assert found.reached
    assert found.point.selection["pearson"]["mean"] >= 0.95
    assert found.point.held_out["pearson"]["mean"] >= 0.95
    in_int8 = place(model, find_parts(model), {}) if not described["parts"] else found.model
    assert Bench("f32").embed(in_int8, tuple(samples.some(1))).shape[0] == 1


def test_a_goal_that_nothing_in_int8_reaches_ends_with_everything_in_float(voice):
    model, samples = voice
    options = SearchOptions(seconds=0.1, goal=Goal(0.99999999, 0.99999999), samples=8)
    found = search(model, samples, random_heads(12), options, QUIET)
    assert found.point.name == "all in float"
    assert found.described()["precision"] == "fp32"
