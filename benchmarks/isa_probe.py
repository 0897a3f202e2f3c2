"""Time the native core under $EMONET_ISA and print JSON: one process for each instruction set.

    EMONET_ISA=avx2 python -m benchmarks.isa_probe HEADS_INT8 HEADS_INT4

For each work: seconds of each run, and an answer that must not depend on the instruction set: a
digest where the bits must agree, else up to some hundred of its values.
"""

from __future__ import annotations

from benchmarks.settings import N_HEADS, THREADS, limit_environment

limit_environment()

import hashlib  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from benchmarks.inputs import picture_1080p, thirty_seconds, voice_embedding  # noqa: E402
from benchmarks.roof import mapped, streaming_read  # noqa: E402
from emonet_edge import MultiHeadMLP, log_mel_spectrogram, preprocess_image  # noqa: E402
from emonet_edge.machine.isa import active_isa  # noqa: E402

RUNS, LIMIT_S = 8, 2.0


def main(paths: list[str]) -> None:
    waveform, picture = thirty_seconds(), picture_1080p()
    found = {
        "log-mel": timed(lambda: log_mel_spectrogram(waveform)),
        "1080p": timed(lambda: preprocess_image(picture)),
    }
    for precision, path in zip(("INT8", "INT4"), map(Path, paths), strict=False):
        heads = MultiHeadMLP.open(path, names(path), threads=THREADS, verify=False)
        embedding = voice_embedding()
        found[f"voice heads {precision}"] = timed(lambda h=heads, e=embedding: h.evaluate(e))
        read = timed(streaming_read(mapped(path, heads.nbytes), THREADS))
        found[f"streaming read {precision}"] = {**read, "bytes": heads.nbytes}
    json.dump({"isa": active_isa(), "works": found}, sys.stdout)


def names(path: Path) -> list[str]:
    from emonet_edge.heads import head_sizes

    return list(head_sizes(path))[:N_HEADS]


def timed(run: Callable[[], Any]) -> dict[str, Any]:
    answer, times, started = run(), [], time.perf_counter()
    while len(times) < RUNS and (not times or time.perf_counter() - started < LIMIT_S):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return {"times": times, "answer": describe(answer)}


def describe(answer: Any) -> Any:
    if isinstance(answer, int):
        return answer
    if answer.shape == (3, 384, 384):
        return hashlib.sha256(answer.tobytes()).hexdigest()
    return [float(value) for value in np.ravel(answer)[:: max(1, answer.size // 256)]]


if __name__ == "__main__":
    main(sys.argv[1:])
