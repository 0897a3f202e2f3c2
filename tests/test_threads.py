"""The thread budget."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emonet_edge.exceptions import InputError
from emonet_edge.machine.cgroups import cgroup_quota
from emonet_edge.threads import set_thread_budget, thread_budget, usable_cpus


@pytest.fixture(autouse=True)
def _default_budget():
    yield
    set_thread_budget(None)


def test_the_default_is_every_cpu_that_the_process_may_use():
    assert thread_budget() == usable_cpus()
    assert 1 <= usable_cpus() <= len(os.sched_getaffinity(0))


def test_a_narrower_affinity_lowers_the_default():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from emonet_edge.threads import thread_budget; print(thread_budget())"
    )
    root = Path(__file__).parents[1] / "python"
    out = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.strip() == "1"


def test_a_set_budget_holds_until_it_is_unset():
    set_thread_budget(3)
    assert thread_budget() == 3
    set_thread_budget(None)
    assert thread_budget() == usable_cpus()


@pytest.mark.parametrize("n", [0, -1, 1025, 1.5, "2", True])
def test_a_budget_that_is_no_number_of_threads_is_refused(n):
    with pytest.raises(InputError, match="from 1 to 1024"):
        set_thread_budget(n)
    assert thread_budget() == usable_cpus()


def _group(root: Path, path: str, **files: str) -> None:
    folder = root / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_a_quota_of_cgroup_v2_counts_even_from_a_group_above(tmp_path):
    (tmp_path / "membership").write_text("0::/app.slice/kiosk.service\n")
    _group(tmp_path / "fs", "app.slice", cpu__max="150000 100000\n")
    _group(tmp_path / "fs", "app.slice/kiosk.service", cpu__max="max 100000\n")
    assert cgroup_quota(tmp_path / "membership", tmp_path / "fs") == 1.5


def test_a_quota_of_cgroup_v1_counts(tmp_path):
    (tmp_path / "membership").write_text("4:memory:/x\n1:cpu,cpuacct:/docker/abc\n")
    _group(
        tmp_path / "fs",
        "cpu,cpuacct/docker/abc",
        cpu__cfs_quota_us="200000\n",
        cpu__cfs_period_us="100000\n",
    )
    assert cgroup_quota(tmp_path / "membership", tmp_path / "fs") == 2.0


@pytest.mark.parametrize("text", ["max 100000", "", "nonsense", "-1 100000", "100000 0"])
def test_no_limit_or_an_unreadable_one_is_no_quota(tmp_path, text):
    (tmp_path / "membership").write_text("0::/\n")
    _group(tmp_path / "fs", ".", cpu__max=text)
    assert cgroup_quota(tmp_path / "membership", tmp_path / "fs") is None


def test_a_container_that_sees_only_its_own_group_is_covered(tmp_path):
    (tmp_path / "membership").write_text("0::/not/visible/here\n")
    _group(tmp_path / "fs", ".", cpu__max="50000 100000")
    assert cgroup_quota(tmp_path / "membership", tmp_path / "fs") == 0.5
