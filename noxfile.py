"""Every step of a contributor and of CI, one session each: `nox -l` lists them.

`readme`, `types`, `quick`, `portable` and `tests` use `.venv`, the environment that the README's
first command makes; the others have their own below `.nox`. Python versions that are not at hand
are skipped, and the summary says so.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.11.12"
nox.options.sessions = ["quick"]
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

ROOT = Path(__file__).resolve().parent
DIST = ROOT / "dist"
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
NAME = PROJECT["project"]["name"]
# 3.14 is untested until openvino and a Python for it are at hand here.
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
PYTHON = ".venv/bin/python"
SILERO = ROOT / "python/emonet_edge/stream/voices/silero_vad/silero_vad_openvino_16k.onnx"

NATIVE_TESTS = ["tests/test_audio.py", "tests/test_image.py", "tests/test_heads.py"]
NATIVE_TESTS += ["tests/test_packed_heads.py", "tests/test_models.py"]
# Left out of `quick`: they need torch, cameras or waiting, write videos, or search and certify for
# long. A new file is part of it until it is named here.
SLOW_TESTS = [
    "bench",
    "cli/test_cli_live.py",
    "cli/test_verify_devices.py",
    "export",
    "stream/test_stream_camera.py",
    "stream/test_stream_change.py",
    "stream/test_stream_face_lane.py",
    "stream/test_stream_hostile_files.py",
    "stream/test_stream_network_camera.py",
    "stream/test_stream_output_*.py",
    "stream/test_stream_reopening.py",
    "stream/test_stream_session.py",
    "stream/test_stream_soak.py",
    "stream/test_stream_video_files.py",
    "test_certificate.py",
    "test_compensated_rounding.py",
    "test_docs_live.py",
    "test_drawing.py",
    "test_encoder.py",
    "test_face_detector.py",
    "test_parity.py",
    "test_synthetic_*.py",
]


def show_every_pyenv_version() -> None:
    """Let pyenv's shims run all its versions, the current one first, where they ran only that."""
    if shutil.which("pyenv"):  # a Python that pyenv started has set PYENV_VERSION to itself alone
        ask = {"capture_output": True, "text": True, "check": True}
        current = subprocess.run(["pyenv", "version-name"], **ask).stdout.strip()
        others = subprocess.run(["pyenv", "versions", "--bare", "--skip-aliases"], **ask).stdout
        os.environ["PYENV_VERSION"] = ":".join([current, *others.split()])


show_every_pyenv_version()


def group(name: str) -> list[str]:
    """Requirements of a dependency group."""
    return list(nox.project.dependency_groups(PROJECT, name))


def extra(name: str) -> list[str]:
    """Requirements of an extra, without the package itself."""
    found: list[str] = []
    for requirement in PROJECT["project"]["optional-dependencies"][name]:
        inner = re.fullmatch(rf"{NAME}\[(\w+)\]", requirement)
        found += extra(inner[1]) if inner else [requirement]
    return found


def readme_command(start: str) -> str:
    """Return the README's shell line that starts so, word for word."""
    lines = (ROOT / "README.md").read_text().splitlines()
    return next(line for line in lines if line.startswith(start))


def pip_install(session: nox.Session, *requirements: str) -> None:
    """Install into the README's environment."""
    session.run(PYTHON, "-m", "pip", "install", "--quiet", *requirements, external=True)


def pytest(session: nox.Session, *arguments: str, **env: str) -> None:
    """Run pytest in the README's environment, with caches of its own."""
    with tempfile.TemporaryDirectory() as cache:
        own = {"XDG_CACHE_HOME": f"{cache}/cache", "XDG_DATA_HOME": f"{cache}/data"}
        session.run(PYTHON, "-m", "pytest", *arguments, env=own | env, external=True)


def built(pattern: str) -> list[str]:
    """Files in dist/ that match, which a session before this one built."""
    return sorted(map(str, DIST.glob(pattern)))


def wheels_for(python: str) -> list[str]:
    """Wheels in dist/ for a version of Python such as 3.11: one or none."""
    return built(f"*-cp{python.replace('.', '')}-*.whl")


@nox.session
def lint(session: nox.Session) -> None:
    """Lint and format: ruff, clang-format. `-- --fix` mends what can be mended."""
    session.install("--quiet", *group("lint"))
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []), ".")
    session.run("ruff", "format", *([] if fix else ["--check"]), ".")
    sources = session.run("git", "ls-files", "cpp/*.cpp", "cpp/*.hpp", external=True, silent=True)
    session.run("clang-format", *(["-i"] if fix else ["--dry-run", "--Werror"]), *sources.split())


@nox.session(venv_backend="none")
def readme(session: nox.Session) -> None:
    """Build and install into .venv, and the demo: the README's first command, word for word."""
    with tempfile.TemporaryDirectory() as cache:
        command = readme_command("python3 -m venv")
        session.run("bash", "-ec", command, env={"XDG_CACHE_HOME": cache}, external=True)


@nox.session(venv_backend="none", requires=["readme"])
def types(session: nox.Session) -> None:
    """Types: mypy as pyproject.toml configures it, and the stub of the native core beside it."""
    pip_install(session, *group("lint"))
    session.run(PYTHON, "-m", "mypy", external=True)
    stubtest = ["mypy.stubtest", "emonet_edge._core", "--allowlist", "stubtest-allowlist.txt"]
    session.run(PYTHON, "-m", *stubtest, external=True)


@nox.session(venv_backend="none", requires=["lint", "types"])
def quick(session: nox.Session) -> None:
    """Before a push: lint, types, and the tests that find most in a few minutes, without torch."""
    pytest(session, "-q", *[f"--ignore-glob=tests/{name}" for name in SLOW_TESTS], "tests")


@nox.session(venv_backend="none", requires=["readme"])
def portable(session: nox.Session) -> None:
    """Test the native parts again on the portable kernels."""
    pytest(session, "-q", *NATIVE_TESTS, EMONET_ISA="portable")


@nox.session(venv_backend="none", requires=["readme"])
def tests(session: nox.Session) -> None:
    """All tests, those with torch as well: the README's command. Arguments go to pytest."""
    # First, so that nothing that asks for some torch or other brings a larger one.
    pip_install(session, *[r for r in group("parity") if r.startswith("torch")])
    pip_install(session, *group("parity"), *extra("export"))
    command = readme_command(f"{PYTHON} -m pytest") + ' "$@"'
    with tempfile.TemporaryDirectory() as cache:
        own = {"XDG_CACHE_HOME": f"{cache}/cache", "XDG_DATA_HOME": f"{cache}/data"}
        session.run("bash", "-ec", command, "bash", *session.posargs, env=own, external=True)


def preset(session: nox.Session, name: str, *options: str) -> None:
    """Configure, build and test a preset of CMakePresets.json."""
    session.install("--quiet", *group("cpp"))
    session.run("cmake", "--preset", name, *options, silent=True)
    session.run("cmake", "--build", "--preset", name)
    session.run("ctest", "--preset", name)


@nox.session
def cpp(session: nox.Session) -> None:
    """C++ tests, warnings as errors; instruction sets that this CPU lacks are emulated."""
    preset(session, "dev", "-DEMONET_BINDINGS=OFF")


@nox.session
def sanitize(session: nox.Session) -> None:
    """C++ tests under sanitizers: every preset of CMakePresets.json but dev."""
    presets = json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]
    for name in [p["name"] for p in presets if p["name"] != "dev" and not p.get("hidden")]:
        preset(session, name)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site; warnings are errors."""
    if not (ROOT / "mkdocs.yml").exists():
        session.skip("there is no mkdocs.yml")
    session.install("--quiet", *group("docs"))
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmark what needs no full-size model beside its peers. Arguments take --quick's place."""
    session.install("--quiet", ".[test]", *group("bench"))
    session.run("python", "-m", "pytest", "benchmarks", *(session.posargs or ["--quick"]))


@nox.session
def sdist(session: nox.Session) -> None:
    """Build the source distribution into an empty dist/ and check what it holds."""
    session.install("--quiet", *group("release"))
    shutil.rmtree(DIST, ignore_errors=True)
    session.run("python", "-m", "build", "--sdist", "--outdir", str(DIST))
    (archive,) = built("*.tar.gz")
    session.run("twine", "check", "--strict", archive)
    session.run("python", "tools/check_sdist.py", archive)


@nox.session(python=PYTHONS, requires=["sdist"])
def wheel(session: nox.Session) -> None:
    """Build a wheel from the sdist, with the platform tag that auditwheel grants here."""
    session.install("--quiet", *group("wheel"))
    (archive,) = built("*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder, archive)
        (made,) = map(str, Path(folder).glob("*.whl"))
        session.run("auditwheel", "show", made)
        session.run("auditwheel", "repair", "--wheel-dir", str(DIST), made)


@nox.session(python=PYTHONS, requires=["wheel-{python}"], reuse_venv=False)
def wheel_test(session: nox.Session) -> None:
    """Test the wheel in an empty environment, outside the checkout."""
    (made,) = wheels_for(str(session.python))
    session.install("--quiet", made)
    with tempfile.TemporaryDirectory() as folder, session.chdir(folder):
        own = {"XDG_CACHE_HOME": f"{folder}/cache", "XDG_DATA_HOME": f"{folder}/data"}
        session.run("python", str(ROOT / "tools/check_wheel.py"), env=own)
        session.install("--quiet", f"{made}[test]")
        session.run("emonet-edge", "demo", env=own)
        files = [str(ROOT / file) for file in NATIVE_TESTS]
        session.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, env=own)


@nox.session(venv_backend="none")
def release(session: nox.Session) -> None:
    """Check and build a release into dist/: `-- v0.1.0`; `--dry-run` only says what it refuses."""
    session.run("python3", "tools/release_rules.py", *session.posargs, external=True)
    each = [f"{step}-{python}" for step in ("wheel", "wheel_test") for python in PYTHONS]
    for step in ["sdist", *each, "release_files"]:
        session.notify(step)


@nox.session(requires=["sdist", "wheel", "wheel_test"])
def release_files(session: nox.Session) -> None:
    """Finish a release: a wheel for each Python, checked; a CycloneDX SBOM; SHA-256 sums."""
    missing = [python for python in PYTHONS if not wheels_for(python)]
    if missing and "--dry-run" not in session.posargs:
        session.error(
            f"a release must have a wheel for each of Python {', '.join(PYTHONS)}; dist/ has none "
            f"for {', '.join(missing)}; build them where these are installed"
        )
    session.install("--quiet", *group("release"))
    session.run("twine", "check", "--strict", *built("*.whl"), *built("*.tar.gz"))
    here = f"3.{sys.version_info.minor}"
    if here in missing or here not in PYTHONS:
        session.error(
            f"the SBOM is made from the wheel for nox's own Python; got {here}, and dist/ has no "
            f"wheel for it; run nox on one of Python {', '.join(PYTHONS)}"
        )
    write_sbom(session, wheels_for(here)[0])
    lines = [
        f"{sha256(file)}  {file.name}\n"
        for file in sorted(DIST.iterdir())
        if file.name != "SHA256SUMS"
    ]
    (DIST / "SHA256SUMS").write_text("".join(lines))
    session.log("dist/ holds\n%s", "".join(lines))


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_sbom(session: nox.Session, made: str) -> None:
    """List what installing a wheel brings, as CycloneDX, and the model that the wheel holds."""
    version = Path(made).name.split("-")[1]
    target = DIST / f"{NAME}-{version}.cdx.json"
    with tempfile.TemporaryDirectory() as folder:
        python = f"{folder}/bin/python"
        session.run("python", "-m", "venv", "--without-pip", folder)
        session.run("python", "-m", "pip", "--python", python, "install", "--quiet", made)
        options = ["--pyproject", "pyproject.toml", "--output-reproducible", "-o", str(target)]
        session.run("cyclonedx-py", "environment", *options, python)
    bom = json.loads(target.read_text())
    bom["metadata"]["component"]["version"] = version
    bom["components"].append(
        {
            "type": "machine-learning-model",
            "bom-ref": "silero-vad",
            "name": SILERO.name,
            "version": "6.2",
            "licenses": [{"license": {"id": "MIT"}}],
            "hashes": [{"alg": "SHA-256", "content": sha256(SILERO)}],
        }
    )
    target.write_text(json.dumps(bom, indent=2) + "\n")
