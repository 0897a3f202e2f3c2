"""What bench makes of its measurements."""

from __future__ import annotations

import mmap
import os

import numpy as np
import pytest

from emonet_edge.bench import Request, plan_devices
from emonet_edge.bench.energy import EnergyMeter
from emonet_edge.bench.measure import enough
from emonet_edge.bench.memory import memory
from emonet_edge.bench.page_cache import drop_pages, resident_bytes
from emonet_edge.bench.percentiles import summarize, unsupported
from emonet_edge.exceptions import DeviceError

# Percentiles


def test_percentiles_are_numpy_s():
    values = np.random.default_rng(0).gamma(4, 2, 2000)
    found = summarize({"total": values}, batch=1)["total"]
    assert found["p99.9"] == pytest.approx(np.percentile(values, 99.9))
    assert found["p50"] < found["p95"] < found["p99"] < found["p99.9"] < found["max"]


@pytest.mark.parametrize(
    ("runs", "missing"),
    [
        (1, {"p95", "p99", "p99.9"}),
        (19, {"p95", "p99", "p99.9"}),
        (20, {"p99", "p99.9"}),
        (100, {"p99.9"}),
        (999, {"p99.9"}),
        (1000, set()),
    ],
)
def test_a_percentile_that_the_runs_do_not_support_is_none_and_says_why(runs, missing):
    found = summarize({"total": [1.0] * runs}, batch=1)["total"]
    assert {name for name, value in found.items() if value is None} == missing
    assert set(unsupported(runs)) == missing
    assert all(f"there were {runs}" in reason for reason in unsupported(runs).values())


def test_the_rate_counts_results_and_not_runs():
    assert summarize({"total": [10.0, 30.0]}, batch=1)["total"]["rate"] == pytest.approx(50)
    assert summarize({"total": [10.0, 30.0]}, batch=4)["total"]["rate"] == pytest.approx(200)


# When there are enough runs


@pytest.mark.parametrize(
    ("ends", "runs", "elapsed", "expected"),
    [
        ({"runs": 5, "seconds": None}, 4, 1e9, False),
        ({"runs": 5, "seconds": None}, 5, 0.0, True),
        ({"runs": None, "seconds": 2.0}, 10**9, 1.9, False),
        ({"runs": None, "seconds": 2.0}, 1, 2.0, True),
        ({"runs": None, "seconds": 2.0}, 0, 2.0, False),
        ({"runs": 1000, "seconds": 30.0, "at_least": 20}, 19, 100.0, False),
        ({"runs": 1000, "seconds": 30.0, "at_least": 20}, 20, 100.0, True),
        ({"runs": 1000, "seconds": 30.0, "at_least": 20}, 1000, 1.0, True),
        ({"runs": 3, "seconds": 30.0, "at_least": 20}, 3, 1.0, True),
    ],
)
def test_runs_end_by_number_or_by_time(ends, runs, elapsed, expected):
    assert enough(Request("m", "face", **ends), runs, elapsed) is expected


# Energy


@pytest.fixture
def powercap(tmp_path):
    """Two packages, a part of one, and the platform, as powercap shows them."""

    def write(name, kind, joules):
        zone = tmp_path / name
        zone.mkdir(exist_ok=True)
        (zone / "name").write_text(f"{kind}\n")
        (zone / "energy_uj").write_text(f"{round(joules * 1e6)}\n")
        (zone / "max_energy_range_uj").write_text("1000000000\n")

    def set_all(first, second):
        write("intel-rapl:0", "package-0", first)
        write("intel-rapl:1", "package-1", second)
        write("intel-rapl:0:0", "core", 7 * first)
        write("intel-rapl:2", "psys", 11 * first)

    (tmp_path / "intel-rapl").mkdir()  # the control type itself
    set_all(100, 200)
    return tmp_path, set_all


def test_energy_is_the_sum_of_the_packages_alone(powercap):
    root, set_all = powercap
    meter = EnergyMeter(root)
    set_all(103, 204)
    meter.sample()
    set_all(104, 204)
    meter.sample()
    assert meter.reason == ""
    assert meter.joules == pytest.approx(8)


def test_a_counter_that_wraps_goes_on(powercap):
    root, set_all = powercap
    meter = EnergyMeter(root)
    set_all(990, 200)
    meter.sample()
    set_all(5, 200)  # 1000 J is the range
    meter.sample()
    assert meter.joules == pytest.approx(890 + 15)


def test_without_rapl_there_is_a_reason_and_no_figure(tmp_path):
    for root in (tmp_path, tmp_path / "nothing"):
        meter = EnergyMeter(root)
        meter.sample()
        assert meter.joules is None
        assert "no RAPL package" in meter.reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_counter_for_root_only_says_so(powercap):
    root, _ = powercap
    (root / "intel-rapl:0/energy_uj").chmod(0)
    assert "root" in EnergyMeter(root).reason


@pytest.mark.parametrize("text", ["", "much\n"])
def test_a_counter_that_cannot_be_read_is_a_reason(powercap, text):
    root, _ = powercap
    (root / "intel-rapl:0/energy_uj").write_text(text)
    assert "cannot be read" in EnergyMeter(root).reason
    (root / "intel-rapl:0/energy_uj").write_text("5\n")
    meter = EnergyMeter(root)
    (root / "intel-rapl:0/energy_uj").unlink()
    meter.sample()
    assert "any more" in meter.reason
    assert meter.joules is None


# Memory and pages


def test_memory_has_its_parts():
    found = memory()
    assert found["peak_bytes"] >= found["resident_bytes"]
    parts = found["anonymous_bytes"] + found["mapped_files_bytes"]
    assert parts == pytest.approx(found["resident_bytes"], rel=0.1)


def test_pages_in_memory_are_counted_and_dropped(tmp_path):
    path = tmp_path / "pages"
    path.write_bytes(bytes(64 * mmap.PAGESIZE))
    (tmp_path / "empty").touch()
    assert resident_bytes([path, tmp_path / "empty"]) == 64 * mmap.PAGESIZE
    found = drop_pages([path])
    assert found["total_bytes"] == 64 * mmap.PAGESIZE
    assert found["dropped"] == (found["resident_bytes"] < 0.1 * found["total_bytes"])
    assert ("were dropped" in found["note"]) == found["dropped"]


def test_pages_that_stay_are_said_to_stay(tmp_path):
    path = tmp_path / "pages"
    path.write_bytes(bytes(64 * mmap.PAGESIZE))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        assert sum(pages[:: mmap.PAGESIZE]) == 0  # now they are mapped here and cannot go
        found = drop_pages([path])
    assert not found["dropped"]
    assert "100 % of the model's pages stayed" in found["note"]


# The plan


def test_every_device_has_a_row_and_auto_names_its_choice():
    rows = {planned.device: planned for planned in plan_devices(None)}
    assert rows["CPU"].status == "measure"
    assert rows["AUTO"].status == "same"
    assert rows["AUTO"].used in rows
    assert {name.split(".")[0] for name in rows} == {"CPU", "GPU", "NPU", "AUTO"}
    assert all(row.reason for row in rows.values() if row.status == "absent")


def test_devices_that_are_asked_for_are_the_only_ones():
    (row,) = plan_devices(["CPU", "CPU"])
    assert (row.device, row.status) == ("CPU", "measure")
    (row,) = plan_devices(["AUTO"])
    assert row.status == "measure"
    (row,) = plan_devices(["GPU.99"])
    assert row.status == "absent"
    assert "GPU.99 is not among" in row.reason
    with pytest.raises(DeviceError, match="TOASTER"):
        plan_devices(["TOASTER"])


def test_a_request_survives_json():
    request = Request("m", "voice", heads=("anger", "pride"), runs=None, seconds=2.5, cores="any")
    assert Request.from_json(request.to_json()) == request
