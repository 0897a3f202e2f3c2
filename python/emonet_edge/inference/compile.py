"""Compile an encoder for a device, or take the compiled one from the cache.

Peak memory of a process that loads and runs 27 transformer blocks, 411 MB of INT8 weights, hint
f32 (OpenVINO 2026.4, 2 cores of an AVX2 CPU), in MB; "file" is the mapped part of it, which the
system can take back:

    compiled, weights mapped (the default)          1006, of them 455 file
    the same, ov.Model freed after compiling        1006: the compiled model holds the mapping
    the same, ENABLE_MMAP off                       1006, of them 63 file: 2 s slower, all private
    compiled and exported with its weights          1422, blob 414 MB
    loaded from that blob through bytes             1338; through a mapped tensor 994
    compiled and exported without its weights       1031, blob 3.4 MB, 0.2 s
    loaded from that blob                            990, in 0.8-1.2 s instead of 5 s
    the last two with a batch of 4                  1129 and 1095

So weights stay mapped, and blobs leave them out (CACHE_MODE OPTIMIZE_SIZE): they then come from
encoder.bin, which the model directory has checked.

After inference the process used 0.0006 s of CPU time in one second of doing nothing: OpenVINO's
threads sleep. 50 000 calls of `embed` from one thread left the resident memory unchanged.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emonet_edge.exceptions import IntegrityError, ManifestError
from emonet_edge.inference.compile_cache import CacheUnavailableError, CompileCache, cache_key
from emonet_edge.inference.openvino_core import brief, device_property
from emonet_edge.machine.cpu_info import cpu_fields
from emonet_edge.threads import CoreType

__all__ = [
    "EncoderSource",
    "Loaded",
    "Settings",
    "device_config",
    "load_on",
]

CORE_TYPES = {"any": "ANY_CORE", "performance": "PCORE_ONLY", "efficiency": "ECORE_ONLY"}
"""Our words and OpenVINO's for SCHEDULING_CORE_TYPE."""

_DRIVER_PROPERTIES = (
    "FULL_DEVICE_NAME",
    "DEVICE_ARCHITECTURE",
    "GPU_DRIVER_VERSION",
    "GPU_EXECUTION_UNITS_COUNT",
    "NPU_DRIVER_VERSION",
    "NPU_COMPILER_VERSION",
)


@dataclass(frozen=True)
class EncoderSource:
    """What a model directory says about its encoder.

    `sha256` names the model in the cache, so it must change when a byte of the .xml or of the
    .bin changes. Shapes are those of batch 1: [1, ...]. `precision_hint` is the one that the
    fidelity of this model was certified with: "f32", "bf16", "f16", or None for the device's own.
    """

    xml: Path
    sha256: str
    input_shape: Sequence[int]
    output_shape: Sequence[int]
    precision_hint: str | None = None


@dataclass(frozen=True)
class Settings:
    """What was asked for, checked; `precision_hint` None leaves it to the device."""

    threads: int
    precision_hint: str | None
    batch: int
    cache: bool
    cores: CoreType = "any"


@dataclass(frozen=True)
class Loaded:
    """A compiled model, its device, "hit", "miss" or "off: why", and the seconds it took."""

    compiled: Any
    device: str
    cache: str
    seconds: float


def load_on(core: Any, source: EncoderSource, settings: Settings, device: str) -> Loaded:
    """Return the encoder ready to run on `device`.

    Raises: RuntimeError (openvino's) when the device cannot run it, IntegrityError when the IR
    cannot be read, ManifestError when it cannot take the batch.
    """
    started = time.perf_counter()
    config = device_config(core, device, settings)
    compiled, state = None, "off: not asked for"
    if settings.cache:
        compiled, state = _through_cache(core, source, settings, device, config)
    if compiled is None:
        compiled = _compile(core, source, settings, device, config)
    return Loaded(compiled, device, state, time.perf_counter() - started)


def _through_cache(
    core: Any, source: EncoderSource, settings: Settings, device: str, config: dict[str, str]
) -> tuple[Any, str]:
    """Return the compiled model and "hit", "miss" or "off: why"; the model may be None if off."""
    compiled = None
    try:
        cache = CompileCache.open()
        key = _key(core, source, settings, device, config)
        blob = cache.get(key)
        if blob is not None:
            compiled = _import(core, source, device, config, blob)
            if compiled is not None:
                return compiled, "hit"
            cache.drop(key)
        compiled = _compile(core, source, settings, device, config)
        cache.put(key, _export(compiled))
    except CacheUnavailableError as error:
        return compiled, f"off: {error}"
    return compiled, "miss"


def _compile(
    core: Any, source: EncoderSource, settings: Settings, device: str, config: Mapping[str, str]
) -> Any:
    try:
        model = core.read_model(source.xml)
    except RuntimeError as error:
        raise IntegrityError(
            f"{source.xml} cannot be read as an OpenVINO model: {brief(error)}. "
            "Export or copy the model directory again"
        ) from error
    if settings.batch > 1:
        try:
            model.reshape([settings.batch, *source.input_shape[1:]])
        except RuntimeError as error:
            raise ManifestError(
                f"{source.xml} has a batch of 1 built in and cannot run {settings.batch} inputs "
                f"at once: {brief(error)}"
            ) from error
    return core.compile_model(model, device, dict(config))


def _import(
    core: Any, source: EncoderSource, device: str, config: Mapping[str, str], blob: bytes
) -> Any:
    weights = str(source.xml.with_suffix(".bin"))
    try:
        return core.import_model(io.BytesIO(blob), device, {**config, "WEIGHTS_PATH": weights})
    except RuntimeError:  # another build of OpenVINO or of a driver: as good as no entry
        return None


def _export(compiled: Any) -> bytes:
    stream = io.BytesIO()
    try:
        compiled.export_model(stream)
    except RuntimeError as error:
        raise CacheUnavailableError(f"this device cannot export: {brief(error)}") from error
    return stream.getvalue()


def _cpu() -> dict[str, str]:
    """Name the CPU and its instruction sets: a blob holds choices made for them."""
    told = cpu_fields()
    return {name: told[name] for name in ("model name", "stepping", "flags") if name in told}


def device_config(core: Any, device: str, settings: Settings) -> dict[str, str]:
    """Return the settings that this device knows: a GPU has no INFERENCE_NUM_THREADS."""
    wanted = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": str(settings.threads),
    }
    if settings.precision_hint:
        wanted["INFERENCE_PRECISION_HINT"] = settings.precision_hint
    if settings.cores != "any":
        wanted["SCHEDULING_CORE_TYPE"] = CORE_TYPES[settings.cores]
    supported = core.get_property(device, "SUPPORTED_PROPERTIES")
    config = {name: value for name, value in wanted.items() if name in supported}
    # The CPU takes CACHE_MODE without listing it; another device might refuse the model for it.
    if settings.cache and (device == "CPU" or "CACHE_MODE" in supported):
        config["CACHE_MODE"] = "OPTIMIZE_SIZE"
    return config


def _key(
    core: Any, source: EncoderSource, settings: Settings, device: str, config: Mapping[str, str]
) -> str:
    return cache_key(
        {
            "model": source.sha256,
            "weights": source.xml.with_suffix(".bin").stat().st_size,
            "openvino": {k: v.build_number for k, v in core.get_versions(device).items()},
            "device": device,
            "driver": {
                name: str(device_property(core, device, name)) for name in _DRIVER_PROPERTIES
            },
            "config": config,
            "precision_hint": settings.precision_hint,
            "threads": settings.threads,
            "batch": settings.batch,
            "cores": settings.cores,
            "cpu": _cpu(),
        }
    )
