"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real pictures, clips, weights and published scores."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the shared test data, which is not at {SHARED_DATA.name}'s place")
    return SHARED_DATA


@pytest.fixture(scope="session")
def certified(tmp_path_factory) -> dict[tuple[str, str], Path]:
    """Tiny synthetic directories by (modality, precision); a test that alters one takes a copy."""
    from certified_models import write_models

    return write_models(tmp_path_factory.mktemp("certified"))
