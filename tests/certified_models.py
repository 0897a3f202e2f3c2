"""Tiny certified model directories, and ways to make them differ from what was certified."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import emonet_edge as ee
from emonet_edge.inference.openvino_core import core, openvino
from emonet_edge.model_dir.integrity import sha256_of_file
from emonet_edge.model_dir.manifest_json import manifest_sha256

VOICE_HEADS = ("anger", "fear", "age", "awe", "gender")


def write_models(folder: Path) -> dict[tuple[str, str], Path]:
    """Write {(modality, precision): directory}."""
    made = {}
    for precision in ("int8", "fp32"):
        face, voice = folder / f"face-{precision}", folder / f"voice-{precision}"
        made["face", precision] = ee.synthetic.write_face_model(face, precision=precision)
        made["voice", precision] = ee.synthetic.write_voice_model(
            voice, precision=precision, heads=VOICE_HEADS
        )
    return made


def copied(directory, target) -> Path:
    return Path(shutil.copytree(directory, target / directory.name))


def reseal(directory, change=lambda document: None):
    """Let the manifest list the files as they are, as somebody with bad intentions would."""
    path = directory / "manifest.json"
    document = json.loads(path.read_text())
    change(document)
    for name, entry in document["files"].items():
        file = directory / name
        entry |= {"size": file.stat().st_size, "sha256": sha256_of_file(file)}
    document["manifest_sha256"] = manifest_sha256(document)
    path.write_text(json.dumps(document))


def edit_encoder(directory, change):
    """Rewrite the encoder's graph: `change(openvino, model)` returns the new model, or None."""
    model = core().read_model(directory / "encoder.xml")
    model = change(openvino(), model) or model
    model.validate_nodes_and_infer_types()
    new = directory.with_name(f"{directory.name}-new")
    new.mkdir()
    openvino().save_model(model, new / "encoder.xml", compress_to_fp16=False)
    del model
    for name in ("encoder.xml", "encoder.bin"):
        (new / name).replace(directory / name)
    reseal(directory)


def behind(openvino, model, kind, make):
    """Put `make(opset, output)` behind every operation of a kind."""
    for node in model.get_ordered_ops():
        if node.get_type_name() == kind:
            readers = node.output(0).get_target_inputs()
            new = make(openvino.opset13, node.output(0))
            for reader in readers:
                reader.replace_source_output(new.output(0))
