"""Start the measuring process and follow it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from emonet_edge import exceptions
from emonet_edge.bench.request import Request


def run_measurement(request: Request, report: Callable[[str, float], None]) -> dict[str, Any]:
    """Measure in a process of its own.

    Raises:
        EmonetError: what the measuring process raised, of the same class, or that it died.

    """
    command = [sys.executable, "-m", "emonet_edge.bench", request.to_json()]
    # The command is this interpreter and this package; the request is one JSON argument.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            result = _follow(process.stdout, report)
        except BaseException:
            process.kill()
            raise
    if result is None:
        raise exceptions.EmonetError(
            f"the measurement of {request.model} died with code {process.returncode} (negative: a "
            "signal, -9 is most often the lack of memory): try fewer --heads"
        )
    return result


def _follow(lines: Any, report: Callable[[str, float], None]) -> dict[str, Any] | None:
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
