"""`emonet-edge verify DIR --on-this-machine`: does every device do what was certified?"""

from __future__ import annotations

import argparse
from math import sqrt
from typing import TYPE_CHECKING, Any

from emonet_edge.cli import exit_codes
from emonet_edge.cli.output import emit, one_line, print_lines, print_table, printable
from emonet_edge.cli.progress import progress_bar

if TYPE_CHECKING:
    from emonet_edge.certificate import DeviceCheck, Distance, MachineCheck

__all__ = ["verify_devices"]

_COLUMNS = (
    "device", "precision", ">INT8 ops", ">embedding", ">encoder", ">heads", ">Pearson", "verdict",
)  # fmt: skip
_LEGEND = """\
errors against FP32 over {inputs} inputs ({content}): embedding, of its length;
encoder and heads, what each adds to the scores, of the heads' spread over {spread_source};
Pearson, of the scores as a whole
certified on {device}, OpenVINO {openvino}"""


def verify_devices(args: argparse.Namespace) -> int:
    """Replay the directory's certificate and print a row per device; answer 0 or 1."""
    import emonet_edge as ee

    with progress_bar(f"Checking {printable(args.directory)}") as report:
        found = ee.certificate.check_devices(args.directory, progress=report)
    if args.json:
        _emit(args.directory, found)
    else:
        _print(args.directory, found)
    return exit_codes.FINE if found.ok else exit_codes.SOME_FAILED


def _emit(directory: str, found: MachineCheck) -> None:
    certified = found.certificate.certified
    about = {
        "inputs": len(found.certificate),
        "content": found.certificate.content,
        "spread_source": found.certificate.spread_source,
        "machine": certified.machine,
        "precision_hint": certified.precision_hint,
        "int8_ops": certified.int8_ops,
        "total_ops": certified.total_ops,
        "distance": found.certified.to_dict(),
    }
    for check in found.devices:
        emit({"directory": directory, **check.to_dict(), "certified": about})
    for name, why in found.absent.items():
        emit({"directory": directory, "device": name, "verdict": "not here", "reason": why})


def _print(directory: str, found: MachineCheck) -> None:
    machine = found.certificate.certified.machine
    print_table(_COLUMNS, [_certified_row(found), *map(_row, found.devices)])
    legend = _LEGEND.format(
        inputs=len(found.certificate),
        content=found.certificate.content,
        spread_source=found.certificate.spread_source,
        device=machine.get("device", "an unnamed device"),
        openvino=machine.get("openvino", "of an unnamed version"),
    )
    print_lines(
        *legend.splitlines(),
        *(f"{_name(check)}: {one_line(check.reason)}" for check in found.devices if check.reason),
        *(f"{name}: not here{f' ({why})' if why else ''}" for name, why in found.absent.items()),
        f"{directory}: {_conclusion(found)}",
    )


def _certified_row(found: MachineCheck) -> tuple[str, ...]:
    certified = found.certificate.certified
    operations = f"{certified.int8_ops} of {certified.total_ops}"
    precision = certified.precision_hint or "-"
    return ("certified", precision, operations, *_figures(found.certified), "")


def _row(check: DeviceCheck) -> tuple[str, ...]:
    report = check.encoder
    operations = "-" if report is None else f"{report.int8_ops} of {report.total_ops}"
    precision = (report and report.precision_hint) or check.hint or "-"
    verdict = check.verdict if check.factor is None else f"further: {check.factor:.2g} times"
    return (_name(check), precision, operations, *_figures(check.distance), verdict)


def _name(check: DeviceCheck) -> str:
    """Name a device; "by itself" it chooses another precision than loading asks for."""
    return check.device if check.as_loaded else f"{check.device} by itself"


def _figures(distance: Distance | None) -> tuple[str, ...]:
    if distance is None:
        return ("-",) * 4
    pearson = distance.whole.pearson
    return (
        _percent(sqrt(distance.encoder.energy_error or 0.0)),
        _percent(distance.encoder.error),
        _percent(distance.heads.error),
        "-" if pearson is None else f"{pearson:.4f}",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _conclusion(found: MachineCheck) -> str:
    taken: Any = next((check for check in found.devices if check.automatic), None)
    if taken is None:
        return "no device here can run it"
    return f"AUTO takes {taken.device}: {taken.verdict}"
