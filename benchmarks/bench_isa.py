"""What does each instruction set reach, on this CPU and forced by EMONET_ISA?

One process for each, three times in turn. Units: seconds for 30 s of sound (1 thread), a 1080p
picture (1 thread), and 8 voice heads of one embedding in INT8 and INT4 beside a streaming read of
as many mapped bytes in the same process.

Answers: pictures are the same bits on every instruction set; log-mel values agree to 1e-4 and
scores to 1e-5 (the projections are the same bits, the small float layers behind them round).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import models
from benchmarks.race import machine_to_ourselves, play_back, replayed_time
from benchmarks.settings import N_HEADS, THREADS
from emonet_edge.machine.isa import available_isas

pytestmark = pytest.mark.full

ROOT = Path(__file__).resolve().parents[1]
READ = "streaming read of the same bytes"
PASSES = 3
WORKS = {
    "log-mel": ("30 s of sound", 1),
    "1080p": ("one 1080p picture", 1),
    "voice heads INT8": (f"{N_HEADS} heads", THREADS),
    "voice heads INT4": (f"{N_HEADS} heads", THREADS),
}
CASES = [
    (work, name)
    for work in WORKS
    for name in [*available_isas(), *([READ] if work.startswith("voice") else [])]
]


def probe(isa: str) -> dict[str, Any]:
    paths = [str(models.voice_model(precision) / "heads.bin") for precision in ("int8", "int4")]
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    environment = {**os.environ, "EMONET_ISA": isa, "PYTHONPATH": path}
    command = [sys.executable, "-m", "benchmarks.isa_probe", *paths]
    with machine_to_ourselves():
        ran = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT
        )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["isa"] == isa
    works: dict[str, Any] = found["works"]
    return works


@pytest.fixture(scope="module")
def probes() -> dict[str, list[dict[str, Any]]]:
    passes = [{isa: probe(isa) for isa in available_isas()} for _ in range(PASSES)]
    return {isa: [one[isa] for one in passes] for isa in available_isas()}


def same(answer: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(answer, list):
        return bool(np.abs(np.subtract(answer, expected)).max() <= tolerance)
    return bool(answer == expected)


@pytest.mark.parametrize(("work", "name"), CASES)
@pytest.mark.benchmark(timer=replayed_time)
def test_isa(benchmark, probes, work, name):
    benchmark.group = f"ISA: {work}"
    # The read is the same code under every ISA; it is paired with the fastest one's runs.
    isa, key = (name, work) if name != READ else ("avx2", work.replace("voice heads", READ[:14]))
    runs = [one[key] for one in probes[isa]]
    truth = probes["portable"][0][key]["answer"]
    tolerance = 1e-4 if work == "log-mel" else 1e-5
    assert all(same(run["answer"], truth, tolerance) for run in runs)
    what, threads = WORKS[work]
    benchmark.extra_info.update({"work": what, "threads": threads, "contestant": name})
    if work.startswith("voice"):
        read = probes[isa][0][work.replace("voice heads", READ[:14])]
        benchmark.extra_info["bytes"] = read["bytes"]
    play_back(benchmark, [seconds for run in runs for seconds in run["times"]])
