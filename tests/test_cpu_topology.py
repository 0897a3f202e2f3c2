"""Performance and efficiency cores: what sysfs says, and what the setting does."""

from __future__ import annotations

from pathlib import Path

import pytest

from emonet_edge import threads
from emonet_edge.exceptions import InputError
from emonet_edge.inference.encoder import Encoder
from emonet_edge.machine.cpu_topology import cpu_topology, parse_cpu_list
from encoder_models import write_encoder


@pytest.fixture(autouse=True)
def _default_cores(monkeypatch):
    monkeypatch.delenv(threads.CORES_VARIABLE, raising=False)
    yield
    threads.set_core_type(None)


def _write(path: Path, text: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def _machine(root: Path, siblings: list[str], **values: list[int]) -> Path:
    """A sysfs with one entry per CPU: its siblings, and files such as cpu_capacity."""
    _write(root / "system/cpu/online", f"0-{len(siblings) - 1}")
    for cpu, shared in enumerate(siblings):
        _write(root / f"system/cpu/cpu{cpu}/topology/thread_siblings_list", shared)
        for name, numbers in values.items():
            _write(root / f"system/cpu/cpu{cpu}" / name.replace("__", "/"), numbers[cpu])
    return root


@pytest.fixture
def hybrid(tmp_path) -> Path:
    """Two performance cores with two threads each, four efficiency cores."""
    root = _machine(tmp_path, ["0-1", "0-1", "2-3", "2-3", "4", "5", "6", "7"])
    _write(root / "cpu_core/cpus", "0-3")
    _write(root / "cpu_atom/cpus", "4-7")
    return root


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0-3", {0, 1, 2, 3}), ("0,2-3,9", {0, 2, 3, 9}), ("5\n", {5}), ("", set()), ("x-y", set())],
)
def test_cpu_lists_are_the_kernel_s(text, expected):
    assert parse_cpu_list(text) == expected


def test_a_hybrid_intel_cpu_names_its_cores(hybrid):
    found = cpu_topology(hybrid)
    assert found.hybrid
    assert (found.performance, found.efficiency) == ((0, 1, 2, 3), (4, 5, 6, 7))
    assert (found.performance_cores, found.efficiency_cores) == (2, 4)


def test_only_the_cpus_of_the_process_count(hybrid):
    found = cpu_topology(hybrid, usable={0, 1, 4})
    assert (found.performance, found.performance_cores, found.efficiency) == ((0, 1), 1, (4,))
    assert not cpu_topology(hybrid, usable={5, 6}).performance


def test_a_cpu_that_is_offline_does_not_count(hybrid):
    _write(hybrid / "system/cpu/online", "0-5")
    assert cpu_topology(hybrid).efficiency == (4, 5)


@pytest.mark.parametrize(
    ("name", "numbers", "efficiency"),
    [
        ("cpu_capacity", [1024, 1024, 420, 420], (2, 3)),
        ("cpufreq__cpuinfo_max_freq", [5_000_000, 4_900_000, 3_700_000, 3_700_000], (2, 3)),
        ("cpufreq__cpuinfo_max_freq", [4_800_000, 4_800_000, 3_800_000, 2_500_000], (2, 3)),
        ("cpufreq__cpuinfo_max_freq", [6_000_000, 6_000_000, 5_700_000, 5_600_000], ()),
        ("cpu_capacity", [1024, 1024, 1024, 1024], ()),
    ],
)
def test_elsewhere_capacity_or_frequency_tells(tmp_path, name, numbers, efficiency):
    root = _machine(tmp_path, ["0", "1", "2", "3"], **{name: numbers})
    found = cpu_topology(root)
    assert found.efficiency == efficiency
    assert found.source == name.replace("__", "/")


def test_a_system_that_tells_nothing_has_one_kind_of_cores(tmp_path):
    found = cpu_topology(_machine(tmp_path, ["0", "1"]))
    assert (found.hybrid, found.performance, found.source) == (False, (0, 1), "")
    assert cpu_topology(tmp_path / "nothing").performance == ()


def test_the_default_is_any_core():
    assert threads.core_type() == "any"


def test_the_environment_sets_what_the_program_did_not(monkeypatch):
    monkeypatch.setenv("EMONET_CORES", "performance")
    assert threads.core_type() == "performance"
    threads.set_core_type("any")
    assert threads.core_type() == "any"


@pytest.mark.parametrize("cores", ["fast", "", "ANY", 3])
def test_an_unknown_core_type_lists_those_there_are(cores):
    with pytest.raises(InputError, match="any, performance, efficiency"):
        threads.set_core_type(cores)


def test_a_mistyped_environment_is_an_error_that_names_the_variable(monkeypatch):
    monkeypatch.setenv("EMONET_CORES", "fast")
    with pytest.raises(InputError, match="EMONET_CORES is one of"):
        threads.thread_budget()


# This machine may have one kind of cores: the topology of another one takes its place.


@pytest.mark.parametrize(
    ("cores", "budget"), [("any", None), ("performance", 2), ("efficiency", 4)]
)
def test_the_default_budget_is_the_number_of_such_cores(hybrid, monkeypatch, cores, budget):
    monkeypatch.setattr(threads, "usable_topology", lambda: cpu_topology(hybrid))
    monkeypatch.setattr(threads, "usable_cpus", lambda: 8)
    threads.set_core_type(cores)
    assert threads.thread_budget() == (budget or 8)


def test_cores_that_the_process_may_not_use_are_refused(hybrid, monkeypatch):
    monkeypatch.setattr(threads, "usable_topology", lambda: cpu_topology(hybrid, usable={4, 5}))
    threads.set_core_type("efficiency")
    with pytest.raises(InputError, match="no performance core"):
        threads.set_core_type("performance")


def test_efficiency_cores_are_refused_where_there_are_none(tmp_path, monkeypatch):
    uniform = _machine(tmp_path, ["0", "1"], cpu_capacity=[1024, 1024])
    monkeypatch.setattr(threads, "usable_topology", lambda: cpu_topology(uniform))
    with pytest.raises(InputError, match="no efficiency core"):
        threads.set_core_type("efficiency")


# The encoder


def test_the_encoder_follows_and_reports_the_core_type(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = write_encoder(tmp_path / "model")
    first = Encoder.load(source, "CPU").report
    threads.set_core_type("performance")
    second, third = Encoder.load(source, "CPU").report, Encoder.load(source, "CPU").report
    assert (first.cores_asked, first.cores) == ("any", "any")
    assert (second.cores_asked, second.cores) == ("performance", "performance")
    assert (first.cache, second.cache, third.cache) == ("miss", "miss", "hit")
    assert third.cores == "performance"


def test_info_shows_the_cores():
    import emonet_edge as ee

    cores = ee.info()["cores"]
    assert cores["type"] == "any"
    assert cores["performance"]
