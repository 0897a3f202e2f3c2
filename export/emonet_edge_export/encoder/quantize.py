"""Recipes: how the encoder's FP32 IR becomes the one that runs.

fp32          as it is
fp16          weights stored as half floats
int8-weights  weights INT8, arithmetic in float; needs no calibration
int8          weights and activations INT8, NNCF post-training quantization on calibration data
auto          searched by measuring (`search`): each part in INT8 or in float, as it pays

A recipe is a plain object and is written into the manifest and report.json as it was used.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from emonet_edge_export.calibration import Samples
from emonet_edge_export.errors import ExportError

__all__ = ["KEEP_FLOAT", "RECIPES", "TARGETS", "Recipe", "default_recipe", "quantize"]

RECIPES = ("fp32", "fp16", "int8-weights", "int8", "auto")
TARGETS = ("cpu", "gpu", "npu")
# What can be left in float, by name; anything else is a regular expression over node names.
KEEP_FLOAT: Mapping[str, str] = {
    "convolutions": "",  # by type, see _ignored
    "fc1": r".*\.fc1/.*",
    "fc2": r".*\.fc2/.*",
    "attention": r".*\.self_attn.*",
    "pooling": r".*\.head/.*|.*\.head\..*",
}


@dataclass(frozen=True)
class Recipe:
    """How an encoder is quantized.

    Args:
        name: one of `RECIPES`.
        target: one of `TARGETS`.
        keep_float: int8 only: "convolutions", "fc1", "fc2", "attention", "pooling", "layer:N", or a
            regular expression over the names of the IR's nodes.
        smooth_quant_alpha: int8 only: NNCF's alpha for linear layers, 0 to 1; None is its default.
        bias_correction: int8 only.
        no_vnni: int8 on a CPU without VNNI, whose 8-bit sums saturate: weights use 7 bits.
        samples: at most so many inputs of the calibration set.
    """

    name: str = "int8"
    target: str = "cpu"
    keep_float: tuple[str, ...] = ()
    smooth_quant_alpha: float | None = None
    bias_correction: bool = True
    no_vnni: bool = False
    samples: int = 64

    def __post_init__(self) -> None:
        _one_of("recipe", self.name, RECIPES)
        _one_of("target", self.target, TARGETS)
        alpha = self.smooth_quant_alpha
        if alpha is not None and not 0 <= alpha <= 1:
            raise ExportError(f"a SmoothQuant alpha lies in 0 to 1; got {alpha}")
        if self.samples < 1:
            raise ExportError(f"calibration needs at least one sample; got {self.samples}")
        if self.name == "auto" and self.target != "cpu":
            raise ExportError(
                f"the recipe auto measures on this CPU; the target is {self.target}: use int8"
            )
        if self.no_vnni and self.target != "cpu":
            raise ExportError(f"no_vnni is for --target cpu; the target is {self.target}")
        for pattern in self.keep_float:
            _pattern(pattern)

    @property
    def needs_calibration(self) -> bool:
        """Whether real inputs are needed."""
        return self.name in ("int8", "auto")

    @property
    def precision(self) -> str:
        """What the manifest calls the encoder's precision."""
        return self.name if self.name in ("fp32", "fp16") else "int8"

    def described(self, samples: Samples | None = None) -> dict[str, Any]:
        """Return the recipe as JSON, with what it was calibrated on."""
        if not self.needs_calibration:
            return {"name": self.name, "target": self.target}
        used = None if samples is None else samples.described()
        if self.name == "auto":
            return {"name": self.name, "target": self.target, "calibration": used}
        return {**asdict(self), "keep_float": list(self.keep_float), "calibration": used}


def default_recipe(modality: str, **changes: Any) -> Recipe:
    """Return the recipe that is used when none is named.

    The best of those that were measured on real encoders: a Whisper loses a third of its INT8 error
    with its convolutions and fc2 in float, a vision transformer with a lower SmoothQuant alpha.
    """
    base: dict[str, Any] = (
        {"smooth_quant_alpha": 0.8}
        if modality == "face"
        else {"keep_float": ("convolutions", "fc2")}
    )
    return Recipe(**{**base, **changes})


def quantize(model: Any, recipe: Recipe, samples: Samples | None) -> Any:
    """Return the model as the recipe wants it; fp32 and fp16 come back unchanged.

    Raises:
        ExportError: INT8 without samples, or an exclusion that matches nothing.
    """
    if recipe.name in ("fp32", "fp16"):
        return model
    nncf = _nncf()
    if recipe.name == "int8-weights":
        with _bars_on_stderr():
            return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)
    if samples is None or not len(samples):
        raise ExportError(
            "the recipe int8 needs calibration data: --calibration DIR, or another --recipe"
        )
    chosen = samples.some(recipe.samples)
    # A generator at a time: the prepared inputs of a set are never all in memory.
    dataset = nncf.Dataset(chosen, lambda tensor: np.ascontiguousarray(tensor[np.newaxis]))
    with _bars_on_stderr():
        return nncf.quantize(
            model,
            dataset,
            subset_size=len(chosen),
            model_type=nncf.ModelType.TRANSFORMER,
            preset=nncf.QuantizationPreset.MIXED,
            target_device=_target(nncf, recipe.target),
            ignored_scope=_ignored(nncf, model, recipe.keep_float),
            advanced_parameters=_advanced(nncf, recipe),
        )


@contextlib.contextmanager
def _bars_on_stderr() -> Iterator[None]:
    """NNCF draws its bars on stdout, which is for results; in a log they are noise."""
    where = sys.stderr if sys.stderr.isatty() else io.StringIO()
    with contextlib.redirect_stdout(where):
        yield


def _nncf() -> Any:
    import nncf

    nncf.set_log_level(logging.ERROR)
    return nncf


def _target(nncf: Any, name: str) -> Any:
    return {
        "cpu": nncf.TargetDevice.CPU,
        "gpu": nncf.TargetDevice.GPU,
        "npu": nncf.TargetDevice.NPU,
    }[name]


def _advanced(nncf: Any, recipe: Recipe) -> Any:
    from nncf.quantization.advanced_parameters import (
        AdvancedQuantizationParameters,
        AdvancedSmoothQuantParameters,
        OverflowFix,
    )

    fix = OverflowFix.DISABLE  # GPUs and NPUs add in 32 bits
    if recipe.target == "cpu":
        fix = OverflowFix.ENABLE if recipe.no_vnni else OverflowFix.FIRST_LAYER
    more = {}
    if recipe.smooth_quant_alpha is not None:
        more["smooth_quant_alphas"] = AdvancedSmoothQuantParameters(
            matmul=recipe.smooth_quant_alpha
        )
    return AdvancedQuantizationParameters(
        overflow_fix=fix, disable_bias_correction=not recipe.bias_correction, **more
    )


def _ignored(nncf: Any, model: Any, keep_float: tuple[str, ...]) -> Any:
    if not keep_float:
        return None
    names = [node.get_friendly_name() for node in model.get_ops()]
    patterns = []
    for wish in keep_float:
        if wish == "convolutions":
            continue
        pattern = _pattern(wish)
        if not any(re.fullmatch(pattern, name) for name in names):
            raise ExportError(
                f"--keep-float {wish}: no node of the encoder is called so; known words are "
                f"{', '.join(KEEP_FLOAT)} and layer:N, anything else is a regular expression"
            )
        patterns.append(pattern)
    types = ["Convolution"] if "convolutions" in keep_float else []
    return nncf.IgnoredScope(types=types, patterns=patterns, validate=False)


def _pattern(wish: str) -> str:
    if match := re.fullmatch(r"layer:(\d+)", wish):
        return rf".*\.layers\.{match[1]}[./].*"
    try:
        return re.compile(KEEP_FLOAT.get(wish, wish)).pattern
    except re.error as error:
        raise ExportError(f"--keep-float {wish!r}: no regular expression ({error})") from error


def _one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ExportError(f"a {what} is one of {', '.join(known)}; got {value!r}")
