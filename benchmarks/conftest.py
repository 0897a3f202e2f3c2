"""Threads first, then what every benchmark shares."""

from __future__ import annotations

from benchmarks.settings import limit_environment

limit_environment()  # before anything imports NumPy

from typing import Any  # noqa: E402

import pytest  # noqa: E402

from benchmarks.machine import describe_machine  # noqa: E402


def pytest_addoption(parser: Any) -> None:
    parser.addoption(
        "--quick",
        action="store_true",
        help="no full-size models, three rounds each: a minute, to see that everything runs",
    )
    parser.addoption("--rounds", type=int, default=15, help="at most so many rounds of each race")


def pytest_collection_modifyitems(config: Any, items: list[pytest.Item]) -> None:
    if config.getoption("quick"):
        skip = pytest.mark.skip(reason="full-size models; run without --quick")
        for item in items:
            if item.get_closest_marker("full"):
                item.add_marker(skip)


def pytest_configure(config: Any) -> None:
    config.addinivalue_line("markers", "full: needs full-size models: minutes and gigabytes")


def pytest_benchmark_update_machine_info(config: Any, machine_info: dict[str, Any]) -> None:
    machine_info.update(describe_machine())


@pytest.fixture(scope="session")
def rounds(request: pytest.FixtureRequest) -> int:
    """Return how many rounds a race may take."""
    wish: int = request.config.getoption("rounds")
    return min(wish, 3) if request.config.getoption("quick") else wish
