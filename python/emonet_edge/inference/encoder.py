"""The encoder: an OpenVINO model with static shapes, from prepared input to embedding."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonet_edge.exceptions import (
    AudioError,
    DeviceError,
    EmbeddingError,
    ImageError,
    InputError,
    IntegrityError,
    ManifestError,
)
from emonet_edge.inference.compile import (
    CORE_TYPES,
    EncoderSource,
    Loaded,
    Settings,
    load_on,
)
from emonet_edge.inference.devices import Choice, available_devices, choose
from emonet_edge.inference.openvino_core import brief, core, device_property, openvino, why_absent
from emonet_edge.threads import checked_threads, core_type, thread_budget

__all__ = ["Encoder", "EncoderReport"]

PRECISION_HINTS = ("f32", "bf16", "f16")
MAX_BATCH = 64
# With one stream the device runs one request at a time; the second one lets another thread copy
# its input meanwhile. More would only queue up inside OpenVINO.
POOL_SIZE = 2
_INPUT_ERRORS = {3: AudioError, 4: ImageError}  # [n, mels, frames], [n, channels, height, width]


@dataclass(frozen=True)
class EncoderReport:
    """How the encoder runs.

    `asked` and `used` are device names, `device_name` the hardware; `reason` says why they differ
    or why AUTO took this one ("" if there is nothing to say). `precision_hint` is in force on the
    device, `precision_asked` is what was asked for (None: nothing). `cache` is "hit", "miss" or
    "off: why". `compile_s` is the time in seconds to compile or to load from the cache. `threads`
    is the limit for the CPU. `cores` is the core type in force ("any", "performance",
    "efficiency"; None: the device has no such setting), `cores_asked` what was asked for.
    `int8_ops` of `total_ops` operations run on 8-bit integers.
    """

    asked: str
    used: str
    device_name: str
    reason: str
    precision_asked: str | None
    precision_hint: str | None
    cache: str
    compile_s: float
    threads: int
    cores_asked: str
    cores: str | None
    batch: int
    int8_ops: int
    total_ops: int
    openvino: str


class Encoder:
    """A compiled encoder. `embed` may be called from several threads."""

    def __init__(
        self,
        source: EncoderSource,
        settings: Settings,
        choice: Choice,
        loaded: Loaded,
        fallback: str = "",
    ) -> None:
        self.fallback = fallback
        """Which device runs instead of the one asked for, and why; "" where none had to."""
        self.input_shape = (settings.batch, *source.input_shape[1:])
        self.output_shape = (settings.batch, *source.output_shape[1:])
        self._settings, self._choice, self._loaded = settings, choice, loaded
        _check_ports(loaded.compiled, self.input_shape, self.output_shape)
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(POOL_SIZE):
            self._requests.put(loaded.compiled.create_infer_request())

    @classmethod
    def load(
        cls,
        source: EncoderSource,
        device: str = "AUTO",
        *,
        threads: int | None = None,
        precision_hint: str | None = None,
        batch: int = 1,
        fallback: bool = True,
        cache: bool = True,
    ) -> Encoder:
        """Compile the encoder, or take the compiled one from the cache.

        `device`: AUTO, CPU, GPU, GPU.1, NPU. `threads`: None is the process's thread budget.
        `precision_hint`: "f32", "bf16", "f16"; None is the source's. `batch`: how many inputs run
        at once, 1 to 64. Without `fallback` a device that is absent or fails is an error; with
        it the CPU takes over, and `fallback` and the report say why. Which
        cores of a hybrid CPU it may use is the process's `threads.core_type()`.

        Raises: DeviceError (no such device, or the model cannot run), InputError (a setting),
        IntegrityError (the IR cannot be read), ManifestError (its shapes differ from the source).
        """
        settings = _checked_settings(source, threads, precision_hint, batch, cache)
        for path in (source.xml, source.xml.with_suffix(".bin")):
            if not path.is_file():
                raise IntegrityError(f"{path} is missing: export or copy the model directory again")
        choice = choose(device, available_devices())
        if choice.absent:
            reason = choice.reason + why_absent(choice.asked)
            choice = Choice(choice.asked, choice.order, reason)
            if not fallback:
                raise DeviceError(f"{reason}: choose another device or allow the fallback")
        choice, loaded, fell_back = _load_first(source, settings, choice, fallback)
        told = f"{loaded.device} instead of {choice.asked}: {choice.reason}" if fell_back else ""
        return cls(source, settings, choice, loaded, told)

    @property
    def device(self) -> str:
        """The device that runs it: "CPU", "GPU", "NPU"."""
        return self._loaded.device

    @functools.cached_property
    def report(self) -> EncoderReport:
        """How the encoder runs; counting its operations takes a moment, once."""
        loaded, settings = self._loaded, self._settings
        int8_ops, total_ops = _count_int8(loaded.compiled)
        return EncoderReport(
            asked=self._choice.asked,
            used=loaded.device,
            device_name=str(device_property(core(), loaded.device, "FULL_DEVICE_NAME")),
            reason=self._choice.reason,
            precision_asked=settings.precision_hint,
            precision_hint=_precision_in_force(loaded.compiled),
            cache=loaded.cache,
            compile_s=loaded.seconds,
            threads=settings.threads,
            cores_asked=settings.cores,
            cores=_cores_in_force(loaded.compiled),
            batch=settings.batch,
            int8_ops=int8_ops,
            total_ops=total_ops,
            openvino=openvino().get_version(),
        )

    def embed(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the embeddings of prepared inputs: float32 [n, ...] -> float32 [n, ...].

        Any n: inputs run `batch` at a time, a last incomplete batch is filled with zeros. The
        result is a copy that belongs to the caller.

        Raises: ImageError or AudioError for a wrong shape, type or values that are not finite,
        EmbeddingError when the encoder gives values that are not finite, DeviceError when the
        device fails.
        """
        self._check_input(batch)
        result = np.empty((len(batch), *self.output_shape[1:]), np.float32)
        size = self._settings.batch
        request = self._requests.get()
        try:
            for start in range(0, len(batch), size):
                result[start : start + size] = self._run(request, batch[start : start + size])
        finally:
            self._requests.put(request)
        self._check_output(result)
        return result

    def _run(self, request: Any, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Copy in, run, and return a view of the request's output, valid until its next run."""
        owned = request.get_input_tensor().data
        owned[: len(inputs)] = inputs
        owned[len(inputs) :] = 0
        try:
            request.infer(share_outputs=True)
        except RuntimeError as error:
            raise DeviceError(
                f"{self._loaded.device} failed while running the encoder: {brief(error)}. "
                "Load the model again, or on the CPU"
            ) from error
        output: NDArray[np.float32] = request.get_output_tensor().data[: len(inputs)]
        return output

    def _check_input(self, batch: NDArray[np.float32]) -> None:
        error = _INPUT_ERRORS.get(len(self.input_shape), InputError)
        wanted = f"float32 {['n', *self.input_shape[1:]]}".replace("'", "")
        if not isinstance(batch, np.ndarray):
            raise error(f"the encoder takes a NumPy array, {wanted}, not {type(batch).__name__}")
        if batch.shape[1:] != self.input_shape[1:] or batch.ndim != len(self.input_shape):
            raise error(f"the encoder takes {wanted}, not shape {list(batch.shape)}: prepare first")
        if batch.dtype != np.float32:
            raise error(f"the encoder takes {wanted}, not {batch.dtype}: use astype(np.float32)")
        # Here and not by looking at the result: an INT8 graph turns NaN into plausible numbers.
        if not _is_finite(batch):
            raise error("the encoder's input contains NaN or infinity: check how it was prepared")

    def _check_output(self, result: NDArray[np.float32]) -> None:
        if not _is_finite(result):
            raise EmbeddingError(
                f"the encoder gave NaN or infinity on {self._loaded.device} for an input that has "
                "none: use precision_hint='f32' or another device, and verify the model directory"
            )


def _is_finite(values: NDArray[np.float32]) -> bool:
    """Tell by the sum, which is not finite if a term is not, and needs no array of flags."""
    return math.isfinite(float(values.sum(dtype=np.float64)))


def _checked_settings(
    source: EncoderSource, threads: int | None, hint: str | None, batch: int, cache: bool
) -> Settings:
    hint = source.precision_hint if hint is None else hint
    if hint is not None and hint not in PRECISION_HINTS:
        raise InputError(f"a precision hint is one of {', '.join(PRECISION_HINTS)}, not {hint!r}")
    if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= MAX_BATCH:
        raise InputError(f"a batch is a whole number from 1 to {MAX_BATCH}, not {batch!r}")
    limit = thread_budget() if threads is None else checked_threads(threads)
    return Settings(limit, hint, batch, cache, core_type())


def _load_first(
    source: EncoderSource, settings: Settings, choice: Choice, fallback: bool
) -> tuple[Choice, Loaded, bool]:
    """Load on the first device of the order that can; True: it is not the one that was meant."""
    reasons = [choice.reason] if choice.reason else []
    differs = choice.absent
    for device in choice.order:
        try:
            loaded = load_on(core(), source, settings, device)
        except RuntimeError as error:
            reasons.append(f"{device} cannot run it: {brief(error)}")
            differs = True
            if not fallback:
                break
            continue
        return Choice(choice.asked, choice.order, "; ".join(reasons)), loaded, differs
    raise DeviceError(f"the encoder was asked for on {choice.asked}, but {'; '.join(reasons)}")


def _precision_in_force(compiled: Any) -> str | None:
    try:
        return str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())
    except RuntimeError:
        return None


def _cores_in_force(compiled: Any) -> str | None:
    try:
        name = str(compiled.get_property("SCHEDULING_CORE_TYPE")).rpartition(".")[2]
    except RuntimeError:
        return None
    return {theirs: ours for ours, theirs in CORE_TYPES.items()}.get(name)


def _count_int8(compiled: Any) -> tuple[int, int]:
    """Count the operations that run on 8-bit integers, and all operations that run."""
    precisions = [
        str(info["runtimePrecision"].value)
        for info in (op.get_rt_info() for op in compiled.get_runtime_model().get_ops())
        if str(info["layerType"].value) not in ("Const", "Input", "Output", "Parameter", "Result")
    ]
    return sum(precision in ("i8", "u8") for precision in precisions), len(precisions)


def _check_ports(compiled: Any, input_shape: Sequence[int], output_shape: Sequence[int]) -> None:
    for word, ports, shape in (
        ("input", compiled.inputs, input_shape),
        ("output", compiled.outputs, output_shape),
    ):
        found = [(p.element_type.get_type_name(), str(p.partial_shape)) for p in ports]
        wanted = [("f32", f"[{','.join(map(str, shape))}]")]
        if found != wanted:
            raise ManifestError(f"the encoder's {word} is {found}, but has to be {wanted}")
