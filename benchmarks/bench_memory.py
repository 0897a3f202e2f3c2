"""What does a whole voice process take, from its start to the second result?

A fresh process loads all 55 heads, scores 30 s of sound twice and ends: with an empty cache of
compiled models, then with the one that this left. Unit: seconds from load() to the first result;
memory: VmHWM of /proc/self/status in bytes, mapped heads included.

Answer: 55 finite scores, the same ones cold and warm.
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
from benchmarks.settings import THREADS
from benchmarks.whole import default_hint

pytestmark = pytest.mark.full

ROOT = Path(__file__).resolve().parents[1]
START = "fresh process, cache of compiled models empty"
AGAIN = "fresh process, cache of compiled models filled"
CASES = [(start, precision) for precision in ("int8", "int4") for start in (START, AGAIN)]


def run(model: Path, cache: Path) -> dict[str, Any]:
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": path}
    arguments = [str(model), default_hint(), str(THREADS)]
    with machine_to_ourselves():
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory_probe", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[tuple[str, str], dict[str, Any]]:
    found = {}
    for precision in ("int8", "int4"):
        cache, model = tmp_path_factory.mktemp(precision), models.voice_model(precision)
        found[START, precision] = run(model, cache)
        found[AGAIN, precision] = run(model, cache)
    return found


@pytest.mark.parametrize(("start", "precision"), CASES)
@pytest.mark.benchmark(timer=replayed_time)
def test_fresh_process(benchmark, runs, start, precision):
    found = dict(runs[start, precision])
    scores = np.array(found.pop("scores"))
    assert scores.shape == (55,)
    assert np.isfinite(scores).all()
    assert scores.tolist() == runs[START, precision]["scores"]
    assert found["cache"] == ("miss" if start == START else "hit")
    benchmark.group = start
    name = f"voice, heads in {precision.upper()}"
    benchmark.extra_info.update(
        {"work": "the first result", "threads": THREADS, "contestant": name, **found}
    )
    benchmark.extra_info["precision_hint"] = default_hint()
    play_back(benchmark, [found["first_result_s"]])
