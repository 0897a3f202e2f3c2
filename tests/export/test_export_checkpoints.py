"""Checkpoints are read safely, whatever their prefixes, wrappers and precision."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="export needs torch")
pytest.importorskip("emonet_edge_export", reason="needs export/ on the path, or the wheel")

from emonet_edge_export.errors import CheckpointError  # noqa: E402
from emonet_edge_export.upstream.checkpoints import read_head, read_tensors  # noqa: E402
from export_fixtures import FaceMLP, FullEmbeddingMLP  # noqa: E402


@pytest.fixture
def head():
    torch.manual_seed(1)
    return FaceMLP(12, (8, 4)).eval()


def saved(path, state, **how):
    torch.save(state, path, **how)
    return path


def scores(module, inputs):
    with torch.inference_mode():
        return module(torch.from_numpy(inputs))[:, 0].numpy()


@pytest.fixture
def inputs():
    return np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)


# What is read


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda s: s, id="bare"),
        pytest.param(lambda s: {f"_orig_mod.{k}": v for k, v in s.items()}, id="torch.compile"),
        pytest.param(lambda s: {f"module.{k}": v for k, v in s.items()}, id="DataParallel"),
        pytest.param(lambda s: {"state_dict": s, "epoch": 3}, id="wrapped"),
        pytest.param(
            lambda s: {"state_dict": {f"module._orig_mod.{k}": v for k, v in s.items()}}, id="all"
        ),
    ],
)
def test_a_head_scores_as_torch_does_whatever_surrounds_its_tensors(tmp_path, head, inputs, wrap):
    read = read_head(saved(tmp_path / "h.pth", wrap(head.state_dict())))
    np.testing.assert_array_equal(read(inputs), scores(head, inputs))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_every_float_precision_becomes_float32(tmp_path, head, inputs, dtype):
    state = {k: v.to(dtype) for k, v in head.state_dict().items()}
    read = read_head(saved(tmp_path / "h.pth", state))
    head.load_state_dict({k: v.float() for k, v in state.items()})
    assert {array.dtype for layer in read.layers for array in layer} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(read(inputs), scores(head, inputs))


def test_the_format_of_old_torch_is_read(tmp_path, head, inputs):
    path = saved(tmp_path / "h.pth", head.state_dict(), _use_new_zipfile_serialization=False)
    np.testing.assert_array_equal(read_head(path)(inputs), scores(head, inputs))


def test_safetensors_are_read(tmp_path, head, inputs):
    from safetensors.torch import save_file

    save_file(head.state_dict(), tmp_path / "h.safetensors")
    read = read_head(tmp_path / "h.safetensors")
    np.testing.assert_array_equal(read(inputs), scores(head, inputs))


@pytest.mark.parametrize(
    ("projection", "widths"), [(64, (64, 32, 16)), (128, (128, 64, 32)), (3, (5,))]
)
def test_the_widths_of_a_voice_head_come_from_its_shapes(tmp_path, projection, widths):
    torch.manual_seed(2)
    module = FullEmbeddingMLP(6 * 4, projection, widths).eval()
    read = read_head(saved(tmp_path / "h.pth", module.state_dict()))
    assert read.rows == (projection, *widths, 1)
    clip = np.random.default_rng(0).normal(size=(3, 6, 4)).astype(np.float32)
    np.testing.assert_array_equal(read(clip.reshape(3, -1)), scores(module, clip))


def test_a_pooled_head_is_read_with_its_own_inputs(tmp_path):
    state = FullEmbeddingMLP(4 * 768, 64, (64, 32, 16)).state_dict()
    assert read_head(saved(tmp_path / "h.pth", state)).inputs == 3072


# What is refused


class Bomb:
    """Pickles into a call."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (os.system, (f"touch {self.target}",))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "bare pickle"])
def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path, head, zipped):
    marker = tmp_path / "it-ran"
    path = tmp_path / "h.pth"
    state = {**head.state_dict(), "layers.9.weight": Bomb(marker)}
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"h\.pth: refused.*could run code"):
        read_head(path)
    assert not marker.exists()


def test_the_bomb_of_these_tests_is_a_real_one(tmp_path):
    marker = tmp_path / "it-ran"
    pickle.loads(pickle.dumps(Bomb(marker)))
    assert marker.exists()


def test_a_whole_module_instead_of_a_state_dict_is_refused(tmp_path, head):
    with pytest.raises(CheckpointError, match="save its state_dict alone"):
        read_tensors(saved(tmp_path / "h.pth", head))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_named(tmp_path, head, share):
    path = saved(tmp_path / "h.pth", head.state_dict())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CheckpointError, match=r"h\.pth: (damaged|refused)"):
        read_head(path)


def without(state, key):
    return {k: v for k, v in state.items() if k != key}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: [1, 2], "must hold a state dict"),
        (lambda s: {}, "must hold a state dict"),
        (
            lambda s: {**s, "layers.0.weight": 3.0},
            r"layers\.0\.weight: must be a tensor; it is float",
        ),
        (lambda s: {**s, "running_mean": torch.ones(3)}, "running_mean: unknown tensor"),
        (lambda s: without(s, "layers.3.bias"), r"layers\.3\.weight: comes without its bias"),
        (lambda s: without(s, "layers.3.weight"), r"layers\.3\.bias: comes without its weight"),
        (
            lambda s: {**s, "layers.3.weight": torch.ones(4, 9)},
            r"layers\.3\.weight: must take the 8 values.*\[4, 9\]",
        ),
        (
            lambda s: {**s, "layers.3.bias": torch.ones(5)},
            r"\[rows, inputs\] with a bias of \[rows\]",
        ),
        (lambda s: without(without(s, "layers.6.bias"), "layers.6.weight"), "has 4 rows"),
        (
            lambda s: {**s, "layers.0.weight": torch.full((8, 12), torch.nan)},
            r"layers\.0\.weight: holds NaN",
        ),
        (
            lambda s: {**s, "layers.0.bias": torch.ones(8, dtype=torch.int32)},
            r"layers\.0\.bias: must be float32.*int32",
        ),
        (lambda s: {**s, "_orig_mod.layers.0.bias": torch.ones(8)}, "stands there twice"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_tensor(tmp_path, head, change, message):
    path = saved(tmp_path / "h.pth", change(head.state_dict()))
    with pytest.raises(CheckpointError, match=message) as caught:
        read_head(path)
    assert "h.pth" in str(caught.value)
