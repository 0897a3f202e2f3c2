"""Certify a model at export, and check on a device that it still does what was certified.

`check_devices` replays the certificate of a model directory on every device of this machine. That
finds what no checksum can: CPUs without VNNI, whose 8-bit sums saturate, devices that infer in bf16
or fp16 unasked, faulty drivers. How the errors are told apart is in `distance`, what the file
holds in `file`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from emonet_edge._types import Progress
from emonet_edge._version import __version__
from emonet_edge.agreement import energy_error
from emonet_edge.certificate.distance import (
    LIMITS,
    Distance,
    certified_distance,
    device_distance,
    exceeded,
)
from emonet_edge.certificate.file import CERTIFICATE_NAME, Certificate, Certified, most_inputs
from emonet_edge.exceptions import DeviceError, EmbeddingError
from emonet_edge.heads import MultiHeadMLP
from emonet_edge.inference.devices import available_devices, choose
from emonet_edge.inference.encoder import Encoder, EncoderReport
from emonet_edge.inference.openvino_core import why_absent
from emonet_edge.machine.isa import active_isa, available_isas
from emonet_edge.model_dir import ModelDir, check_memory
from emonet_edge.models.emotion_model import encoder_source, open_heads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emonet_edge.inference.compile import EncoderSource

__all__ = [
    "CERTIFICATE_NAME",
    "LIMITS",
    "Certificate",
    "Certified",
    "DeviceCheck",
    "Distance",
    "MachineCheck",
    "certify",
    "check_devices",
    "most_inputs",
]

Verdict = Literal["as certified", "further from FP32 than certified", "cannot run it"]


@dataclass(frozen=True)
class DeviceCheck:
    """One device under one precision hint.

    `hint` is what was asked for (None: the device's own choice); `as_loaded` says whether loading
    asks for the same, and `automatic` whether this is how AUTO would run the model. `reason`
    explains a verdict other than "as certified"; `factor` is the greatest ratio of an error to the
    certified one, among those beyond their limit. `encoder` is None where the device could not be
    compiled for, `distance` where nothing ran to its end.
    """

    device: str
    hint: str | None
    as_loaded: bool
    verdict: Verdict
    reason: str = ""
    factor: float | None = None
    encoder: EncoderReport | None = None
    distance: Distance | None = None
    automatic: bool = False

    @property
    def ok(self) -> bool:
        """Whether the device does what was certified."""
        return self.verdict == "as certified"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        report = self.encoder
        return {
            "device": self.device,
            "device_name": report and report.device_name,
            "hint": self.hint,
            "precision_hint": report and report.precision_hint,
            "as_loaded": self.as_loaded,
            "automatic": self.automatic,
            "verdict": self.verdict,
            "reason": self.reason,
            "factor": self.factor,
            "int8_ops": report and report.int8_ops,
            "total_ops": report and report.total_ops,
            "distance": self.distance and self.distance.to_dict(),
        }


@dataclass(frozen=True)
class MachineCheck:
    """All devices, what was certified, and devices that are not here with the reason."""

    certificate: Certificate
    certified: Distance
    devices: tuple[DeviceCheck, ...]
    absent: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether the device that AUTO would take does what was certified."""
        return any(check.automatic and check.ok for check in self.devices)


def certify(
    encoder: Encoder,
    heads: MultiHeadMLP,
    *,
    content: str,
    spread_source: str,
    tensors: NDArray[np.float32],
    embeddings: NDArray[np.float32],
    scores: NDArray[np.float32],
    spreads: NDArray[np.float32],
) -> Certificate:
    """Make the certificate of a model from its references in FP32.

    Args:
        encoder: the exported one, on the device and under the hint that it is certified for.
        heads: the packed heads, all of them.
        content: what the inputs show.
        spread_source: what `spreads` were measured on.
        tensors: float32 [n, ...], prepared inputs.
        embeddings: float32 [n, ...], in FP32.
        scores: float32 [n, heads], of float heads on `embeddings`.
        spreads: float32 [heads], standard deviations of FP32 scores.
    """
    found = _embed(encoder, tensors)
    report = encoder.report
    machine = {
        "device": report.device_name,
        "openvino": report.openvino,
        "isa": active_isa(),
        "emonet_edge": __version__,
    }
    certified = Certified(
        heads.evaluate_batch(embeddings),
        heads.evaluate_batch(found),
        energy_error(embeddings, found),
        report.int8_ops,
        report.total_ops,
        report.precision_hint,
        machine,
    )
    return Certificate(
        heads.names, content, spread_source, tensors, embeddings, scores, spreads, certified
    )


def check_devices(
    model_dir: str | os.PathLike[str] | ModelDir,
    *,
    devices: Sequence[str] | None = None,
    threads: int | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> MachineCheck:
    """Replay the certificate of a model directory on the devices of this machine.

    Each device runs under the directory's precision hint, as `load` runs it. The CPU also runs
    under its own default hint, and so does a device that cannot run the directory's.

    Args:
        model_dir: the directory.
        devices: "CPU", "GPU.0", ...; None is all that OpenVINO finds.
        threads: for encoder and heads; None is the process's thread budget.
        cache: whether compiled models are taken from the cache, and kept there.
        progress: called with a text and a fraction from 0 to 1.

    Raises:
        ModelDirectoryError: no certificate, or a directory that cannot be used.
        MemoryBudgetError: it does not fit the memory there is.
        DeviceError: a name that is no device.
    """
    directory = model_dir if isinstance(model_dir, ModelDir) else ModelDir.open(model_dir)
    certificate = Certificate.read(directory)
    check_memory(directory.manifest)
    available = available_devices()
    wanted = _wanted(devices, available)
    replay = _Replay(directory, certificate, threads, cache, progress or (lambda _, __: None))
    automatic = choose("AUTO", available).order
    checks: list[DeviceCheck] = []
    for number, device in enumerate(wanted):
        checks += replay.check(device, number / len(wanted), 1 / len(wanted))
    replay.progress("done", 1.0)
    kinds = {name.split(".")[0] for name in available}
    missing = [name for name in ("GPU", "NPU") if name not in kinds]
    absent = {name: why_absent(name).removeprefix(" (").removesuffix(")") for name in missing}
    return MachineCheck(certificate, replay.certified, tuple(_mark(checks, automatic)), absent)


class _Replay:
    """What the checks of all devices share."""

    def __init__(
        self,
        directory: ModelDir,
        certificate: Certificate,
        threads: int | None,
        cache: bool,
        progress: Progress,
    ) -> None:
        self.certificate, self.progress = certificate, progress
        self.threads, self.cache = threads, cache
        self.infos = directory.heads
        self.source = encoder_source(directory)
        self.heads = open_heads(directory, certificate.names, threads=threads)
        progress("heads", 0.0)
        self.head_scores = self.heads.evaluate_batch(certificate.embeddings)
        self.certified = certified_distance(certificate, self.infos)

    def check(self, device: str, begin: float, share: float) -> Iterator[DeviceCheck]:
        """Check a device under the directory's hint, and where it says something its own.

        `begin` and `share` are the device's part of the whole progress.
        """
        named = self.source.precision_hint is not None
        each = share / 2 if named else share
        first = self._check(device, self.source, self._part(begin, each))
        yield first
        if named and (device == "CPU" or first.distance is None):
            itself = replace(self.source, precision_hint=None)
            yield self._check(device, itself, self._part(begin + each, each))

    def _check(self, device: str, source: EncoderSource, progress: Progress) -> DeviceCheck:
        hint, as_loaded = source.precision_hint, source == self.source
        progress(f"compiling for {device}, {hint or 'its own precision'}", 0.0)
        report = None
        try:
            encoder = Encoder.load(
                source, device, threads=self.threads, fallback=False, cache=self.cache
            )
            report = encoder.report
            embeddings = _embed(encoder, self.certificate.tensors, progress)
        except (DeviceError, EmbeddingError) as error:
            return DeviceCheck(device, hint, as_loaded, "cannot run it", str(error), encoder=report)
        scores = self.heads.evaluate_batch(embeddings)
        distance = device_distance(
            self.certificate, self.infos, self.head_scores, scores, embeddings
        )
        check = DeviceCheck(
            device, hint, as_loaded, "as certified", encoder=report, distance=distance
        )
        return _judged(check, report, distance, self)

    def _part(self, begin: float, share: float) -> Progress:
        return lambda text, done: self.progress(text, begin + share * done)


def _embed(
    encoder: Encoder, tensors: NDArray[np.float32], report: Progress | None = None
) -> NDArray[np.float32]:
    found = []
    for number in range(len(tensors)):
        if report is not None:
            report(f"input {number + 1} of {len(tensors)}", number / len(tensors))
        found.append(encoder.embed(tensors[number : number + 1]))
    return np.concatenate(found)


def _judged(
    check: DeviceCheck, report: EncoderReport, found: Distance, replay: _Replay
) -> DeviceCheck:
    """Return a check with its verdict: "as certified" unless a figure is beyond its limit."""
    beyond = exceeded(found, replay.certified)
    if not beyond:
        return check
    causes = dict.fromkeys(_cause(figure.part, report, replay.certificate) for figure in beyond)
    return replace(
        check,
        verdict="further from FP32 than certified",
        factor=max(figure.factor for figure in beyond),
        reason="; ".join([*map(str, beyond), *causes]),
    )


def _cause(part: str, report: EncoderReport, certificate: Certificate) -> str:
    """Say what most likely lies behind an error, and the remedy."""
    if part == "heads":
        return "the packed heads are others than certified: copy or export the directory again"
    precision = report.precision_hint
    if precision in ("bf16", "f16") and precision != certificate.certified.precision_hint:
        return f"it infers in {precision}: load with precision_hint='f32'"
    if report.used == "CPU" and report.int8_ops and not _has_vnni():
        return "this CPU has no VNNI and its 8-bit sums saturate: export with --no-vnni"
    return (
        "the encoder is another one than certified, or OpenVINO or a driver computes it wrongly: "
        "verify or export the directory again, use another device or version"
    )


def _has_vnni() -> bool:
    return any("vnni" in isa for isa in available_isas())


def _wanted(asked: Sequence[str] | None, available: Sequence[str]) -> list[str]:
    """Return the devices asked for, or all of the kinds that a model can be loaded on."""
    if asked is None:
        return [name for name in available if name.split(".")[0] in ("CPU", "GPU", "NPU")]
    for choice in (choose(name, available) for name in asked):
        if choice.absent:
            raise DeviceError(f"{choice.reason}{why_absent(choice.asked)}: choose one that is here")
    return list(dict.fromkeys(choose(name, available).order[0] for name in asked))


def _mark(checks: Sequence[DeviceCheck], automatic: Sequence[str]) -> Iterator[DeviceCheck]:
    """Mark the check that is AUTO's: the first device in its order that can be compiled for."""
    able = {c.device: c for c in checks if c.as_loaded and c.encoder is not None}
    taken = next((able[device] for device in automatic if device in able), None)
    for check in checks:
        yield replace(check, automatic=True) if check is taken else check
