"""Who may import whom: rules of the design that a reader should be able to rely on."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import emonet_edge

PACKAGE = Path(__file__).parents[1] / "python" / "emonet_edge"
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports_of(path):
    """Every module that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def importers_of(module):
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if any(name == module or name.startswith(module + ".") for name in imports_of(path))
    }


@pytest.mark.parametrize("module", ["torch", "transformers", "nncf", "onnx", "emonet_edge_export"])
def test_the_runtime_never_imports_what_export_needs(module):
    assert importers_of(module) == set()


def test_openvino_is_imported_in_one_place():
    assert importers_of("openvino") == {"inference/encoder.py"}


def test_the_native_core_is_called_from_three_modules():
    assert importers_of("emonet_edge._core") == {"audio.py", "heads/multi_head_mlp.py", "image.py"}


def test_portaudio_is_imported_in_one_place():
    assert importers_of("sounddevice") == {"stream/sources/port_audio.py"}


def test_the_command_line_uses_public_names_only():
    private = {
        (path.name, name)
        for path in (PACKAGE / "cli").glob("*.py")
        for name in imports_of(path)
        if name.startswith("emonet_edge") and any(part[0] == "_" for part in name.split(".")[1:])
    }
    assert private <= {(name, "emonet_edge._version") for name, _ in private} | {
        (name, "emonet_edge._version.__version__") for name, _ in private
    }


SLOW = ("torch", "openvino", "numpy", "PIL", "rich", "soundfile", "av", "sounddevice")


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, emonet_edge; print([m for m in {SLOW} if m in sys.modules])"
    assert run(code) == "[]"


def test_importing_the_stream_loads_nothing_heavy():
    code = f"import sys, emonet_edge.stream; print([m for m in {SLOW} if m in sys.modules])"
    assert run(code) == "[]"


def test_every_exported_name_of_the_stream_exists_and_is_listed():
    assert set(emonet_edge.stream.__all__) <= set(dir(emonet_edge.stream))
    for name in emonet_edge.stream.__all__:
        assert getattr(emonet_edge.stream, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = emonet_edge.stream.nothing


def test_importing_the_package_takes_less_than_a_fifth_of_a_second():
    code = (
        "import time; start = time.process_time(); import emonet_edge;"
        "print(time.process_time() - start)"
    )
    assert min(float(run(code)) for _ in range(3)) < 0.2


def test_every_exported_name_exists_and_is_listed():
    assert set(emonet_edge.__all__) <= set(dir(emonet_edge))
    for name in emonet_edge.__all__:
        assert getattr(emonet_edge, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = emonet_edge.nothing


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()
