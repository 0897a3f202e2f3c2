"""The measuring process: its argument is a request, its output NDJSON (progress, then result)."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from emonet_edge.bench.request import Request
from emonet_edge.exceptions import EmonetError


def main() -> int:
    """Measure; an EmonetError becomes a record, anything else a traceback for a bug report."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer: it kills us
    from emonet_edge.bench.measure import measure

    # Libraries may print to stdout: what they print goes to stderr, the records keep their pipe.
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def send(**record: Any) -> None:
        pipe.write(json.dumps(record, default=str) + "\n")
        pipe.flush()

    try:
        result = measure(
            Request.from_json(sys.argv[1]),
            lambda text, fraction: send(progress=text, fraction=fraction),
        )
    except EmonetError as error:
        send(error=str(error), kind=type(error).__name__)
        return 1
    send(result=result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
