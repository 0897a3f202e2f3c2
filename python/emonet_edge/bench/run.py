"""Start measuring processes and follow them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emonet_edge import exceptions
from emonet_edge._types import Progress
from emonet_edge.bench.request import Request


class MeasurementDiedError(exceptions.DeviceError):
    """The measuring process ended without an answer: a driver may take its process with it."""


def measure_device(request: Request, report: Progress, *, cold: bool = True) -> dict[str, Any]:
    """Measure in two new processes with a compiled-model cache of their own, empty at first.

    The first gives the first result on a machine that never ran this model, and fills the cache;
    the second gives the first result after a restart, and all other figures. Without `cold` there
    is one process, which uses the user's cache.

    Raises:
        EmonetError: what a measuring process raised, of the same class.
        MeasurementDiedError: it died.

    """
    if not cold:
        return {**run_measurement(request, report), "cold": None}
    with tempfile.TemporaryDirectory(prefix="emonet-edge-bench-") as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache}
        before = replace(request, first_only=True, drop_pages=True)
        first = run_measurement(before, lambda _, share: report("first, cold", share), environment)
        return {**run_measurement(request, report, environment), "cold": first}


def run_measurement(
    request: Request, report: Progress, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Measure in a process of its own.

    Raises:
        EmonetError: what the measuring process raised, of the same class.
        MeasurementDiedError: it died.

    """
    command = [sys.executable, "-m", "emonet_edge.bench", request.to_json()]
    # The command is this interpreter and this package; the request is one JSON argument.
    with subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            result = _follow(process.stdout, report)
        except BaseException:
            process.kill()
            raise
    if result is None:
        raise MeasurementDiedError(
            f"the measurement of {request.model} on {request.device} died with code "
            f"{process.returncode} (negative: a signal; -9 is most often the lack of memory, -11 a "
            "fault of a driver): try fewer --heads or another --device"
        )
    return result


def _follow(lines: Any, report: Progress) -> dict[str, Any] | None:
    for line in lines:
        record = json.loads(line)
        if "progress" in record:
            report(record["progress"], record["fraction"])
        elif "error" in record:
            kind = getattr(exceptions, record["kind"], exceptions.EmonetError)
            raise kind(record["error"])
        else:
            result: dict[str, Any] = record["result"]
            return result
    return None
