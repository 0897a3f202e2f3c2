"""The synthetic encoders beside transformers with the same weights, and NNCF's IR of them."""

from __future__ import annotations

import os
import time
import warnings
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from emonet_edge.inference.openvino_core import openvino
from emonet_edge.synthetic.architectures import Architecture, VisionArchitecture, preset
from emonet_edge.synthetic.calibration_inputs import calibration_inputs
from emonet_edge.synthetic.encoder_ir import write_encoder
from emonet_edge.synthetic.weights import Tensors

pytestmark = pytest.mark.torch

MODALITIES = ("face", "voice")
F32 = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}

# Operations that only move data. convert_model writes some that cancel out (a sequence-first detour
# in the pooling head, a reshape to the same shape after attention); ours leaves them out.
LAYOUT = {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Constant"}


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    pytest.importorskip("transformers")
    return pytest.importorskip("torch")


def torch_encoder(torch: ModuleType, architecture: Architecture, seed: int = 0) -> Any:
    """Transformers' module with the synthetic tensors, as a function of one tensor."""
    module, prefix = empty_module(architecture)
    tensors = Tensors(architecture, seed)
    names = architecture.tensors()
    state = {name.removeprefix(prefix): torch.from_numpy(tensors(name)) for name in names}
    module.load_state_dict(state)

    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.module = module.eval()

        def forward(self, inputs):
            outputs = self.module(inputs)
            if isinstance(architecture, VisionArchitecture):
                return outputs.pooler_output
            return outputs.last_hidden_state

    return Encoder()


def empty_module(architecture: Architecture) -> tuple[Any, str]:
    """The module without our weights, and what its keys lack of the checkpoint's."""
    transformers = pytest.importorskip("transformers")
    if isinstance(architecture, VisionArchitecture):
        config = transformers.SiglipVisionConfig(
            hidden_size=architecture.width,
            intermediate_size=architecture.mlp,
            num_hidden_layers=architecture.layers,
            num_attention_heads=architecture.heads,
            image_size=architecture.image,
            patch_size=architecture.patch,
        )
        module = transformers.SiglipVisionModel(config)
        bare = "embeddings.patch_embedding.weight" in module.state_dict()
        return module, "vision_model." if bare else ""
    whisper = pytest.importorskip("transformers.models.whisper.modeling_whisper")
    config = transformers.WhisperConfig(
        d_model=architecture.width,
        encoder_layers=architecture.layers,
        encoder_attention_heads=architecture.heads,
        encoder_ffn_dim=architecture.mlp,
        num_mel_bins=architecture.mels,
        max_source_positions=architecture.positions,
    )
    return whisper.WhisperEncoder(config), "model.encoder."


def quantize_with_nncf(torch: ModuleType, architecture: Architecture, inputs: list) -> Any:
    """The same weights through convert_model and nncf.quantize with its defaults."""
    nncf = pytest.importorskip("nncf")
    module = openvino()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # tracing warns about shapes that are constant here
        model = module.convert_model(
            torch_encoder(torch, architecture),
            example_input=torch.from_numpy(inputs[0]),
            input=[module.PartialShape(list(inputs[0].shape))],
        )
        return nncf.quantize(model, nncf.Dataset(inputs), model_type=nncf.ModelType.TRANSFORMER)


@pytest.fixture(scope="module")
def tiny_pairs(torch, tmp_path_factory) -> dict[str, tuple[Any, Any]]:
    """(synthetic, NNCF's) tiny INT8 models, as read from their files."""
    core, pairs = openvino().Core(), {}
    for modality in MODALITIES:
        architecture = preset(modality, "tiny")
        folder = tmp_path_factory.mktemp(modality)
        write_encoder(folder, architecture, 0)
        reference = quantize_with_nncf(torch, architecture, calibration_inputs(architecture))
        openvino().save_model(reference, folder / "nncf.xml", compress_to_fp16=False)
        files = ("encoder.xml", "nncf.xml")
        pairs[modality] = tuple(core.read_model(folder / file) for file in files)
    return pairs


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_float_graph_is_the_transformers_module(torch, modality, tmp_path):
    architecture = preset(modality, "tiny")
    write_encoder(tmp_path, architecture, 3, "fp32")
    compiled = openvino().Core().compile_model(tmp_path / "encoder.xml", "CPU", F32)
    encoder = torch_encoder(torch, architecture, seed=3)
    for inputs in calibration_inputs(architecture, 3):
        with torch.no_grad():
            expected = encoder(torch.from_numpy(inputs)).numpy()
        assert np.abs(compiled([inputs])[0] - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_operations_are_those_that_nncf_writes(tiny_pairs, modality):
    ours, theirs = (operation_types(model) for model in tiny_pairs[modality])
    assert ours == theirs


def operation_types(model: Any) -> Counter:
    types = Counter(operation.get_type_name() for operation in model.get_ordered_ops())
    return Counter({name: count for name, count in types.items() if name not in LAYOUT})


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_quantizers_are_those_that_nncf_writes(tiny_pairs, modality):
    ours, theirs = (sorted(quantizers(model)) for model in tiny_pairs[modality])
    assert ours == theirs


def quantizers(model: Any) -> list[tuple[int, bool, tuple[int, ...]]]:
    """(levels, whether symmetric in the sense of -128..127, shape of the range) of each one."""
    found = []
    for operation in model.get_ordered_ops():
        if operation.get_type_name() == "FakeQuantize":
            low, high = (operation.input_value(port).get_node().data for port in (1, 2))
            before_attention = feeds_attention(operation)
            if before_attention:
                assert float(low) == pytest.approx(-128 / 127 * float(high), rel=1e-5)
            found.append((operation.get_attributes()["levels"], before_attention, low.shape))
    return found


def feeds_attention(operation: Any) -> bool:
    """Whether only data movements lie between the operation and a ScaledDotProductAttention."""
    moves = {"Reshape", "Transpose", "Gather"}
    while True:
        readers = [target.get_node() for target in operation.output(0).get_target_inputs()]
        names = {reader.get_type_name() for reader in readers}
        if len(readers) != 1 or not names <= moves:
            return names == {"ScaledDotProductAttention"}
        operation = readers[0]


@pytest.mark.parametrize("modality", MODALITIES)
def test_as_many_operations_run_in_int8_as_of_nncf(tiny_pairs, modality):
    core = openvino().Core()
    ours, theirs = (core.compile_model(model, "CPU", F32) for model in tiny_pairs[modality])
    assert int8_operations(ours) == int8_operations(theirs)
    assert int8_operations(ours)["FullyConnected"] > 0


def int8_operations(compiled: Any) -> Counter:
    """The operations that compute in 8 bits, by type; data movements are not counted."""
    counts: Counter = Counter()
    for operation in compiled.get_runtime_model().get_ordered_ops():
        info = operation.get_rt_info()
        if info["runtimePrecision"].astype(str) in ("i8", "u8"):
            counts[info["layerType"].astype(str)] += 1
    for movement in ("Const", "Reshape", "Transpose", "Reorder"):
        counts.pop(movement, None)
    return counts


# Full size: NNCF needs about 8 GB and some minutes. EMONET_TEST_NNCF names a folder to keep its
# result in (face.xml, voice.xml), so that a second run only measures.


@pytest.fixture(scope="module", params=MODALITIES)
def full_pair(request, torch, tmp_path_factory) -> tuple[Path, Path]:
    """(synthetic, NNCF's) full INT8 encoders."""
    modality = request.param
    architecture = preset(modality, "full")
    folder = tmp_path_factory.mktemp(f"full-{modality}")
    kept = Path(os.environ.get("EMONET_TEST_NNCF", folder)) / f"{modality}.xml"
    if not kept.exists():
        reference = quantize_with_nncf(torch, architecture, calibration_inputs(architecture, 2))
        openvino().save_model(reference, kept, compress_to_fp16=False)
    write_encoder(folder, architecture, 0)
    return folder / "encoder.xml", kept


@pytest.mark.full
def test_full_int8_operations_are_as_many_as_of_nncf(full_pair):
    core = openvino().Core()
    counts = [int8_operations(core.compile_model(path, "CPU", F32)) for path in full_pair]
    assert counts[0] == counts[1]


@pytest.mark.full
@pytest.mark.parametrize(("hint", "tolerance"), [("f32", 0.10), ("bf16", 0.05)])
def test_full_latency_is_that_of_nncf(full_pair, hint, tolerance):
    core = openvino().Core()
    if hint == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU computes no bf16")
    settings = F32 | {"INFERENCE_PRECISION_HINT": hint}
    requests = [
        core.compile_model(path, "CPU", settings).create_infer_request() for path in full_pair
    ]
    ours, theirs = interleaved_latency(requests)
    print(f"\n{hint}: synthetic {ours:.3f} s, NNCF {theirs:.3f} s, ratio {ours / theirs:.3f}")
    assert ours == pytest.approx(theirs, rel=tolerance)


def interleaved_latency(requests: list, rounds: int = 5) -> list[float]:
    """The shortest latency of each, in seconds: other work on the machine only ever adds."""
    shape = requests[0].get_input_tensor().shape
    inputs = np.random.default_rng(0).standard_normal(list(shape)).astype(np.float32)
    seconds: list[list[float]] = [[] for _ in requests]
    for _ in range(rounds + 1):  # the first round warms up
        for request, taken in zip(requests, seconds, strict=True):
            start = time.perf_counter()
            request.infer([inputs])
            taken.append(time.perf_counter() - start)
    return [min(taken[1:]) for taken in seconds]
