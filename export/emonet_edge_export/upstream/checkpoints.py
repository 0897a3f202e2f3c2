"""Reading files of weights without running anything that is in them."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emonet_edge_export.errors import CheckpointError

__all__ = ["HeadWeights", "read_head", "read_tensors"]

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]
_FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
_WRAPPERS = ("state_dict", "model_state_dict")
_PREFIXES = ("_orig_mod.", "module.")  # torch.compile, DataParallel
_KEY = re.compile(
    r"(?:layers\.(?P<layer>\d+)|(?P<proj>proj)|mlp\.(?P<mlp>\d+))\.(?P<part>weight|bias)"
)


@dataclass(frozen=True)
class HeadWeights:
    """A head: `layers` from the projection to the score, (weight [rows, inputs], bias [rows])."""

    layers: list[Layer]

    @property
    def inputs(self) -> int:
        """Values that the projection takes."""
        return int(self.layers[0][0].shape[1])

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows of each layer."""
        return tuple(len(bias) for _, bias in self.layers)

    def __call__(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score flattened embeddings [n, inputs] in float32: [n]; ReLU between the layers."""
        values = torch.from_numpy(np.ascontiguousarray(embeddings))
        for number, (weight, bias) in enumerate(self.layers):
            if number:
                values = torch.relu(values)
            values = torch.nn.functional.linear(values, _tensor(weight), _tensor(bias))
        scores: NDArray[np.float32] = values[:, 0].numpy()
        return scores


def _tensor(array: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict: safetensors, or a .pth that holds nothing but tensors.

    A wrapper ({"state_dict": ...}) is opened, the prefixes of torch.compile and DataParallel go.
    Memory stays with the file's pages where the format allows it.

    Raises:
        CheckpointError: damaged, cut short, or with more in it than tensors.
    """
    found = _load(path)
    for wrapper in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
    if not isinstance(found, Mapping) or not found:
        raise CheckpointError(
            f"{path}: must hold a state dict (names and tensors); it holds {type(found).__name__}"
        )
    tensors = {}
    for key, value in found.items():
        name = _plain_name(str(key))
        if not isinstance(value, torch.Tensor):
            raise CheckpointError(f"{path}: {key}: must be a tensor; it is {type(value).__name__}")
        if name in tensors:
            raise CheckpointError(f"{path}: {key}: stands there twice, with and without a prefix")
        tensors[name] = value
    return tensors


def _load(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        # weights_only: the unpickler knows tensors and plain containers and calls nothing else.
        return torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: refused: it holds more than tensors, and loading that could run code "
            f"({_brief(error)}); save its state_dict alone, or get it from a source that you trust"
        ) from error
    except OSError:
        raise
    except Exception as error:  # the formats' own errors have no common class
        raise CheckpointError(
            f"{path}: damaged, cut short or no file of weights ({_brief(error)}); get it again"
        ) from error


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split())
    hit = re.search(r"(Unsupported (?:global|class|operand)[^.]*|GLOBAL \S+)", text)
    return (hit.group(1) if hit else text)[:160]


def _plain_name(name: str) -> str:
    while name.startswith(_PREFIXES):
        name = name.split(".", 1)[1]
    return name.replace("._orig_mod.", ".")


def as_float32(path: Path, name: str, tensor: torch.Tensor) -> NDArray[np.float32]:
    """Return a tensor as float32, without a copy where it is that already.

    Raises:
        CheckpointError: not floating point, or values that are not finite.
    """
    if tensor.dtype not in _FLOATS:
        raise CheckpointError(
            f"{path}: {name}: must be float32, float16, bfloat16 or float64; it is {tensor.dtype}"
        )
    array: NDArray[np.float32] = tensor.detach().to(torch.float32).contiguous().numpy()
    if not np.isfinite(array.sum(dtype=np.float64)):
        raise CheckpointError(f"{path}: {name}: holds NaN or infinity; get the file again")
    return array


def read_head(path: Path) -> HeadWeights:
    """Read a head: keys `layers.N` (faces), or `proj` and `mlp.N` (voices).

    Widths come from the shapes.

    Raises:
        CheckpointError: unknown names, layers that do not fit, or as `read_tensors`.
    """
    tensors = read_tensors(path)
    parts: dict[int, dict[str, str]] = {}
    for name in tensors:
        match = _KEY.fullmatch(name)
        if match is None:
            raise CheckpointError(
                f"{path}: {name}: unknown tensor; a head has layers.N (faces), or proj and mlp.N "
                "(voices): this is a checkpoint of something else"
            )
        order = -1 if match["proj"] else int(match["layer"] or match["mlp"] or 0)
        parts.setdefault(order, {})[match["part"]] = name
    layers: list[Layer] = []
    for order in sorted(parts):
        layers.append(_layer(path, tensors, parts[order], layers))
    last = parts[max(parts)]["weight"]
    if len(layers[-1][1]) != 1:
        raise CheckpointError(
            f"{path}: {last}: a head ends in one score; this layer has {len(layers[-1][1])} rows"
        )
    return HeadWeights(layers)


def _layer(
    path: Path, tensors: Mapping[str, torch.Tensor], names: Mapping[str, str], before: list[Layer]
) -> Layer:
    for part, other in (("weight", "bias"), ("bias", "weight")):
        if part not in names:
            raise CheckpointError(
                f"{path}: {names[other]}: comes without its {part}; get the file again"
            )
    weight, bias = tensors[names["weight"]], tensors[names["bias"]]
    if weight.ndim != 2 or tuple(bias.shape) != tuple(weight.shape[:1]):
        raise CheckpointError(
            f"{path}: {names['weight']}: must be [rows, inputs] with a bias of [rows]; got "
            f"{list(weight.shape)} and {list(bias.shape)}"
        )
    if before and weight.shape[1] != len(before[-1][1]):
        raise CheckpointError(
            f"{path}: {names['weight']}: must take the {len(before[-1][1])} values of the layer "
            f"before; its shape is {list(weight.shape)}"
        )
    return as_float32(path, names["weight"], weight), as_float32(path, names["bias"], bias)
