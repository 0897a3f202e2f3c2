"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from material import LARGER


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The larger set: a folder of real pictures, clips, weights and published scores."""
    if not LARGER.is_dir():
        pytest.skip("needs the larger set of pictures, clips and weights, see CONTRIBUTING")
    return LARGER


@pytest.fixture(scope="session")
def certified(tmp_path_factory) -> dict[tuple[str, str], Path]:
    """Tiny synthetic directories by (modality, precision); a test that alters one takes a copy."""
    from certified_models import write_models

    return write_models(tmp_path_factory.mktemp("certified"))
