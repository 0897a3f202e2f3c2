"""What `emonet-edge bench` measures: stages of a model, memory, compile time.

Each model directory is measured in a process of its own (`run_measurement`), so that its memory is
its own and the first result is cold.
"""

from emonet_edge.bench.request import Request
from emonet_edge.bench.run import run_measurement

__all__ = ["Request", "run_measurement"]
