"""Settings of a run: what the options of `pytest benchmarks` and the environment say.

Read before NumPy is imported: OpenBLAS and OpenMP take their number of threads from the
environment when they are loaded.
"""

from __future__ import annotations

import os

__all__ = ["LOCK_VARIABLE", "MODELS_VARIABLE", "N_HEADS", "THREADS", "limit_environment"]

MODELS_VARIABLE = "EMONET_BENCH_MODELS"
"""Folder of the full-size synthetic models; by default in the cache directory."""

LOCK_VARIABLE = "EMONET_BENCH_LOCK"
"""A file that is locked (flock) while something is timed, where other jobs share the machine."""

THREADS = int(os.environ.get("EMONET_BENCH_THREADS", "2"))
"""Threads of every contestant, ours and the others', unless a group says otherwise."""

N_HEADS = 8
"""Voice heads in the groups that hold FP32 weights: 2.4 GB. All 55 would take 16 GB."""

_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


def limit_environment() -> None:
    """Give every library that reads the environment the same number of threads."""
    for variable in _VARIABLES:
        os.environ[variable] = str(THREADS)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
