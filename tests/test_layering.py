"""Who may import whom: rules of the design that a reader should be able to rely on."""

from __future__ import annotations

import ast
import importlib
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
    assert importers_of("openvino") == {"inference/openvino_core.py"}


def test_the_native_core_has_one_importer_for_each_binding():
    bindings = (PACKAGE.parents[1] / "cpp" / "bindings").glob("register_*.cpp")
    homes = {
        "audio": "audio.py",
        "heads": "heads/multi_head_mlp.py",
        "image": "image.py",
        "runtime": "machine/isa.py",
    }
    assert {path.stem.removeprefix("register_") for path in bindings} == set(homes)
    assert importers_of("emonet_edge._core") == set(homes.values())


def test_portaudio_is_imported_in_one_place():
    users = {"port_audio", "devices", "microphone"}
    assert importers_of("sounddevice") == set()
    assert importers_of("emonet_edge._extras.sounddevice") == {
        f"stream/sources/{name}.py" for name in users
    }
    opened = {path for path in MODULES if "InputStream(" in path.read_text()}
    assert opened == {PACKAGE / "stream/sources/microphone.py"}


# Folders with names for everybody; what lies below them is theirs, but for stream.output.
PUBLIC_PACKAGES = ("bench", "certificate", "heads", "model_dir", "stream", "synthetic")
PUBLIC = {
    "emonet_edge",
    "emonet_edge.stream.output",
    *(f"emonet_edge.{path.stem}" for path in PACKAGE.glob("*.py") if path.stem[0] != "_"),
    *(f"emonet_edge.{name}" for name in PUBLIC_PACKAGES),
}


def homes_of(path):
    """Every module of the package whose names a file imports: `from module import name`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("emonet_edge"):
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in below if is_module(name)]
            yield from modules or [node.module]
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if "emonet_edge" in alias.name)


def is_module(name):
    place = PACKAGE.joinpath(*name.split(".")[1:])
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def private_homes(folder, allowed=()):
    """What the files below a folder import that is neither public, nor their own, nor allowed."""
    own = "emonet_edge." + folder.relative_to(PACKAGE).as_posix().replace("/", ".")
    return {
        (path.relative_to(PACKAGE).as_posix(), home)
        for path in folder.rglob("*.py")
        for home in homes_of(path)
        if home not in PUBLIC
        and not any(home == name or home.startswith(name + ".") for name in (own, *allowed))
    }


def test_the_command_line_uses_public_names_only():
    allowed = (
        "emonet_edge._version",
        "emonet_edge._sizes",
        "emonet_edge._types",
        "emonet_edge.formats.json_values",  # as its lines have the stream's
        "emonet_edge.drawing",  # the look that its pictures share with the stream's
        "emonet_edge.machine.paths",  # where `info` says that models and caches are
        "emonet_edge.synthetic.demo_material",
    )
    assert private_homes(PACKAGE / "cli", allowed) == set()


def test_the_rule_of_public_names_sees_who_reaches_into_a_wing(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    for place, text in (
        ("cli/__init__.py", ""),
        ("cli/good.py", "from emonet_edge.scores import Scores"),
        ("cli/bad.py", "def f():\n    from emonet_edge.inference.encoder import Encoder"),
        ("cli/worse.py", "from emonet_edge.inference import encoder"),
        ("inference/__init__.py", ""),
        ("inference/encoder.py", ""),
    ):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(text)
    assert private_homes(tmp_path / "cli") == {
        ("cli/bad.py", "emonet_edge.inference.encoder"),
        ("cli/worse.py", "emonet_edge.inference.encoder"),
    }


def test_every_public_module_is_a_name_of_the_package_and_nothing_else_is():
    modules = {name.removeprefix("emonet_edge.") for name in PUBLIC if name.count(".") == 1}
    assert set(emonet_edge._SUBMODULES) == modules


@pytest.mark.parametrize("package", ["emonet_edge", "emonet_edge.stream", "emonet_edge.synthetic"])
def test_names_tables_and_type_checking_imports_agree(package):
    module = importlib.import_module(package)
    tree = ast.parse(Path(module.__file__).read_text())
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {alias.name for node in checked.body for alias in node.names}
    plain = {"__version__"} & set(module.__all__)
    assert imported == set(module.__all__) - plain
    assert set(module._HOMES) <= imported


WINGS = {
    "stream/faces": "emonet_edge.stream.voices",
    "stream/voices": "emonet_edge.stream.faces",
}


@pytest.mark.parametrize("wing", WINGS)
def test_the_two_ways_through_a_stream_do_not_know_each_other(wing):
    reached = {home for path in (PACKAGE / wing).glob("*.py") for home in homes_of(path)}
    assert not {home for home in reached if home.startswith(WINGS[wing])}


def test_reading_a_model_directory_loads_nothing_that_writes_one():
    code = (
        "import sys, emonet_edge.model_dir as m; m.ModelDir;"
        "print([n for n in sys.modules if n.endswith(('.writer', '.attribution'))])"
    )
    assert run(code) == "[]"


def test_no_modules_import_each_other_in_a_circle():
    imports = {path: set(files_of(path)) - {path} for path in MODULES}
    while free := [path for path, others in imports.items() if not others & set(imports)]:
        for path in free:
            del imports[path]
    assert sorted(path.relative_to(PACKAGE).as_posix() for path in imports) == []


def files_of(path):
    """The files of the package that a file imports at run time."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or id(node) in typing_only:
            continue
        if node.module.split(".")[0] == "emonet_edge":
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield file_of(name if is_module(name) else node.module)


def file_of(name):
    place = PACKAGE.joinpath(*name.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


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
