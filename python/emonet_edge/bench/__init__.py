"""What `emonet-edge bench` measures: stages of a model, memory, compile time, energy.

Each model directory is measured on each device in processes of its own, so that its memory is its
own and the first result is a first one. `compare` holds two saved measurements side by side.
"""

from emonet_edge.bench.compare import Comparison, compare
from emonet_edge.bench.conditions import GRAMMAR, Condition, ConditionError
from emonet_edge.bench.machine import machine
from emonet_edge.bench.percentiles import RUNS_NEEDED, summarize
from emonet_edge.bench.plan import PlannedDevice, plan_devices
from emonet_edge.bench.record import figures, row
from emonet_edge.bench.request import Request
from emonet_edge.bench.run import MeasurementDiedError, measure_device, run_measurement
from emonet_edge.bench.saved import SavedFileError, load, save

__all__ = [
    "GRAMMAR",
    "RUNS_NEEDED",
    "Comparison",
    "Condition",
    "ConditionError",
    "MeasurementDiedError",
    "PlannedDevice",
    "Request",
    "SavedFileError",
    "compare",
    "figures",
    "load",
    "machine",
    "measure_device",
    "plan_devices",
    "row",
    "run_measurement",
    "save",
    "summarize",
]
