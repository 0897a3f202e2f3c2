"""The same number of threads for everyone."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.settings import THREADS

__all__ = ["limit_threads"]


def limit_threads(count: int) -> None:
    """Set the threads of emonet-edge and of every other library that is loaded.

    OpenVINO and ONNX Runtime take theirs when a model is loaded: see `openvino_models` and
    `onnx_models`.
    """
    import emonet_edge

    emonet_edge.set_thread_budget(count)
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)
    cv2: Any = sys.modules.get("cv2")
    if cv2 is not None:
        cv2.setNumThreads(count)
    _limit_blas(count)


def _limit_blas(count: int) -> None:
    try:
        import threadpoolctl
    except ImportError:
        if count != THREADS:  # which the environment has set already
            raise
        return
    threadpoolctl.threadpool_limits(count)
