"""Load a voice model, score 30 s of sound twice and print JSON: time and memory of a process.

python -m benchmarks.memory_probe MODEL_DIR HINT THREADS
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

started = time.perf_counter()


def main(model_dir: str, hint: str, threads: str) -> None:
    from benchmarks.inputs import thirty_seconds
    from emonet_edge import VoiceEmotionModel

    waveform = thirty_seconds()
    begin = time.perf_counter()
    model = VoiceEmotionModel.load(
        model_dir, device="CPU", threads=int(threads), precision_hint=hint
    )
    loaded = time.perf_counter()
    scores = model(waveform)
    first = time.perf_counter()
    model(waveform)
    status = Path("/proc/self/status").read_text()
    found = {
        "first_result_s": first - begin,
        "load_s": loaded - begin,
        "cache": model.report.cache,
        "scores": scores.values.tolist(),
        "peak_resident_bytes": kilobytes("VmHWM", status),
        "resident_bytes": kilobytes("VmRSS", status),
        "of_it_anonymous_bytes": kilobytes("RssAnon", status),
        "of_it_mapped_bytes": kilobytes("RssFile", status),
    }
    json.dump(found, sys.stdout)


def kilobytes(field: str, status: str) -> int:
    found = re.search(rf"^{field}:\s*(\d+) kB", status, re.M)
    return 1024 * int(found.group(1)) if found else 0


if __name__ == "__main__":
    main(*sys.argv[1:])
