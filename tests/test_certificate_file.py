"""The certificate of a model directory: small, complete, and refused when it is something else."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from certified_models import copied, reseal
from emonet_edge.certificate import CERTIFICATE_NAME, Certificate, most_inputs
from emonet_edge.certificate.file import MAX_BYTES
from emonet_edge.exceptions import InputError, IntegrityError, ModelDirectoryError
from emonet_edge.formats.tensor_file import read_tensors, write_tensors
from emonet_edge.model_dir import ModelDir


@pytest.fixture
def face(certified, tmp_path):
    return copied(certified["face", "int8"], tmp_path)


def read(directory):
    return Certificate.read(ModelDir.open(directory))


def rewrite(directory, change):
    """Alter arrays and texts of the certificate, and list the new file in the manifest."""
    path = directory / CERTIFICATE_NAME
    tensors, texts = read_tensors(path, MAX_BYTES)
    change(tensors, texts)
    write_tensors(path, tensors, texts)
    reseal(directory)


def facts(change):
    """An alteration of the facts in the certificate's metadata."""

    def alter(tensors, texts):
        found = json.loads(texts["facts"])
        change(found)
        texts["facts"] = json.dumps(found)

    return alter


@pytest.mark.parametrize(
    ("input_shape", "output_shape", "inputs"),
    [
        ((1, 3, 384, 384), (1, 1152), 16),
        ((1, 80, 3000), (1, 1500, 768), 7),
        ((1, 128, 3000), (1, 1500, 1280), 4),
    ],
)
def test_as_many_inputs_as_fit_40_mb(input_shape, output_shape, inputs):
    assert most_inputs(input_shape, output_shape) == inputs
    one = 4 * (np.prod(input_shape) + np.prod(output_shape))
    assert inputs * one < MAX_BYTES


def test_every_synthetic_directory_has_one_that_its_manifest_lists(certified):
    for (modality, precision), directory in certified.items():
        manifest = ModelDir.open(directory, verify="full").manifest
        assert manifest.files[CERTIFICATE_NAME].size < MAX_BYTES
        found = read(directory)
        assert found.names == manifest.names
        assert len(found) == len(found.scores) == 4, (modality, precision)


def test_what_is_written_is_read(face):
    before = read(face)
    before.write(face / CERTIFICATE_NAME)
    reseal(face)
    after = read(face)
    for field in dataclasses.fields(Certificate):
        if field.name != "certified":
            one, other = getattr(before, field.name), getattr(after, field.name)
            np.testing.assert_array_equal(one, other)
    for field in dataclasses.fields(before.certified):
        one, other = (getattr(found.certified, field.name) for found in (before, after))
        np.testing.assert_array_equal(one, other)


def test_a_directory_without_one_says_what_to_do(face):
    (face / CERTIFICATE_NAME).unlink()
    reseal(face, lambda document: document["files"].pop(CERTIFICATE_NAME))
    with pytest.raises(ModelDirectoryError, match=r"has no certificate\.safetensors.*export"):
        read(face)


def test_one_that_was_altered_is_refused_by_its_hash(face):
    path = face / CERTIFICATE_NAME
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match="sha256"):
        read(face)


def set_value(name, value):
    def alter(tensors, texts):
        tensors[name] = np.array(tensors[name])
        tensors[name].flat[5] = value

    return alter


def replace(name, make):
    def alter(tensors, texts):
        tensors[name] = make(tensors[name])

    return alter


@pytest.mark.parametrize(
    ("alter", "rule"),
    [
        (set_value("tensors", np.nan), "tensors holds NaN or infinity"),
        (set_value("embeddings", np.inf), "embeddings holds NaN or infinity"),
        (set_value("certified_scores", -np.inf), "certified_scores holds NaN or infinity"),
        (set_value("spreads", -1), "errors and spreads must be 0 or more"),
        (replace("scores", lambda a: a[:3]), "scores must be float32 [4, 44], found"),
        (replace("scores", lambda a: a[:, :43]), "scores must be float32 [4, 44], found"),
        (replace("spreads", lambda a: a[:, None]), "spreads must be float32 [44], found"),
        (replace("tensors", lambda a: a.reshape(4, -1)), "certifies another model: inputs"),
        (replace("embeddings", lambda a: a[:, :95]), "certifies another model: embeddings"),
        (lambda tensors, texts: tensors.pop("scores"), "arrays: expected"),
        (lambda tensors, texts: tensors.update(more=tensors["scores"]), "arrays: expected"),
        (lambda tensors, texts: texts.update(format="other"), "format: expected"),
        (lambda tensors, texts: texts.update(format_version="2"), "format_version: expected"),
        (lambda tensors, texts: texts.update(facts="{"), "valid JSON"),
        (lambda tensors, texts: texts.pop("facts"), "expected a key 'facts'"),
        (facts(lambda f: f.update(energy_error=-1.0)), "errors and spreads must be 0 or more"),
        (facts(lambda f: f.update(energy_error="0")), "energy_error: expected a finite number"),
        (facts(lambda f: f.update(int8_ops=1.5)), "int8_ops: expected an integer"),
        (facts(lambda f: f.update(machine=[])), "machine: expected an object"),
        (facts(lambda f: f["names"].reverse()), "certifies another model: heads"),
        (facts(lambda f: f["names"].pop()), "must be float32 [4, 43]"),
    ],
)
def test_a_hostile_one_with_the_right_hash_is_one_clear_error(face, alter, rule):
    rewrite(face, alter)
    with pytest.raises(IntegrityError) as caught:
        read(face)
    text = str(caught.value)
    assert rule in text
    assert CERTIFICATE_NAME in text
    assert text.endswith("export or copy the model directory again")
    assert len(text) < 700


def test_one_that_grew_beyond_the_limit_is_not_read(face):
    with (face / CERTIFICATE_NAME).open("r+b") as file:
        file.truncate(MAX_BYTES + 1)
    reseal(face)
    with pytest.raises(IntegrityError, match="at most 40000000 are read"):
        read(face)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"scores": np.zeros((4, 3), np.float32)}, "scores must be float32"),
        ({"spreads": np.full(44, np.nan, np.float32)}, "NaN"),
        ({"embeddings": np.zeros((4, 96))}, "found float64"),
    ],
)
def test_parts_that_do_not_belong_together_are_not_written(face, tmp_path, change, rule):
    wrong = dataclasses.replace(read(face), **change)
    with pytest.raises(InputError, match=rule):
        wrong.write(tmp_path / "certificate")
    assert not (tmp_path / "certificate").exists()


def test_more_than_40_mb_are_not_written(face, tmp_path):
    found = read(face)
    many = {
        "tensors": np.repeat(found.tensors, 6, axis=0),
        "embeddings": np.repeat(found.embeddings, 6, axis=0),
        "scores": np.repeat(found.scores, 6, axis=0),
        "certified": dataclasses.replace(
            found.certified,
            head_scores=np.repeat(found.certified.head_scores, 6, axis=0),
            scores=np.repeat(found.certified.scores, 6, axis=0),
        ),
    }
    with pytest.raises(InputError, match="at most 40000000 bytes"):
        dataclasses.replace(found, **many).write(tmp_path / "certificate")
