"""The encoder on real OpenVINO, with IRs small enough for NumPy to check."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from emonet_edge.exceptions import (
    DeviceError,
    EmbeddingError,
    ImageError,
    InputError,
    IntegrityError,
    ManifestError,
)
from emonet_edge.inference.encoder import Encoder
from emonet_edge.inference.openvino_core import core, openvino
from emonet_edge.threads import set_thread_budget, thread_budget
from encoder_models import INPUT_SHAPE, PACKAGE_ROOT, reference, write_encoder

absent = [kind for kind in ("GPU", "NPU") if kind not in str(core().available_devices)]
needs_absent = pytest.mark.skipif(not absent, reason="every kind of device is here")


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("EMONET_CACHE_SIZE", raising=False)
    return tmp_path / "cache" / "emonet-edge" / "compiled"


@pytest.fixture
def source(tmp_path):
    return write_encoder(tmp_path / "model")


@pytest.fixture
def pictures():
    return np.random.default_rng(7).standard_normal((5, *INPUT_SHAPE[1:])).astype(np.float32)


def run_python(code: str, *arguments: str) -> dict:
    """Run code in a fresh process and return the JSON that it prints last."""
    path = os.pathsep.join([str(PACKAGE_ROOT), str(PACKAGE_ROOT.parent / "tests")])
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# What it computes


@pytest.mark.parametrize("batch", [1, 2, 4, 8])
def test_embeddings_equal_numpy_at_any_batch(source, pictures, batch):
    encoder = Encoder.load(source, "CPU", batch=batch)
    np.testing.assert_allclose(encoder.embed(pictures), reference(pictures), atol=1e-5)


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5])
def test_any_number_of_inputs_is_taken(source, pictures, n):
    result = Encoder.load(source, "CPU", batch=4).embed(pictures[:n])
    assert result.shape == (n, 16)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, reference(pictures[:n]), atol=1e-5)


def test_order_does_not_change_an_embedding_and_another_input_does(source, pictures):
    encoder = Encoder.load(source, "CPU", batch=4)
    forward, backward = encoder.embed(pictures), encoder.embed(pictures[::-1])
    np.testing.assert_array_equal(forward, backward[::-1])
    assert not np.allclose(forward[0], forward[1])


def test_results_belong_to_the_caller(source, pictures):
    encoder = Encoder.load(source, "CPU")
    kept = encoder.embed(pictures[:1])
    before = kept.copy()
    for _ in range(4):
        encoder.embed(pictures[1:])
    np.testing.assert_array_equal(kept, before)


def test_the_input_is_left_as_it_was(source, pictures):
    before = pictures.copy()
    pictures.flags.writeable = False
    Encoder.load(source, "CPU", batch=4).embed(pictures)
    np.testing.assert_array_equal(pictures, before)


def test_many_threads_may_embed_at_once(source, pictures):
    encoder = Encoder.load(source, "CPU", batch=2)
    wanted = reference(pictures)
    errors: list[float] = []

    def work(first: int) -> None:
        for turn in range(50):
            n = (first + turn) % len(pictures)
            errors.append(np.abs(encoder.embed(pictures[n : n + 1]) - wanted[n]).max())

    workers = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert len(errors) == 300
    assert max(errors) < 1e-5


def test_int8_is_close_and_is_counted(tmp_path, source, pictures):
    quantized = Encoder.load(write_encoder(tmp_path / "int8", int8=True), "CPU")
    assert np.corrcoef(quantized.embed(pictures).ravel(), reference(pictures).ravel())[0, 1] > 0.99
    assert 2 <= quantized.report.int8_ops <= quantized.report.total_ops
    plain = Encoder.load(source, "CPU").report
    assert plain.int8_ops == 0
    assert plain.total_ops >= 2


# What it refuses


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (np.zeros((3, 8, 8), np.float32), r"\[n, 3, 8, 8\], not shape \[3, 8, 8\]"),
        (np.zeros((1, 3, 8, 9), np.float32), r"not shape \[1, 3, 8, 9\]"),
        (np.zeros((1, 1, 3, 8, 8), np.float32), r"not shape \[1, 1, 3, 8, 8\]"),
        (np.float32(1), "not float32"),
        (np.zeros(INPUT_SHAPE), "not float64: use astype"),
        (np.zeros(INPUT_SHAPE, np.uint8), "not uint8"),
        ([[1.0]], "NumPy array.*not list"),
    ],
)
def test_a_wrong_input_is_named(source, batch, message):
    with pytest.raises(ImageError, match=message):
        Encoder.load(source, "CPU").embed(batch)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("int8", [False, True])
def test_an_input_that_is_not_finite_is_refused_though_int8_would_hide_it(tmp_path, value, int8):
    encoder = Encoder.load(write_encoder(tmp_path / "m", int8=int8), "CPU")
    batch = np.zeros(INPUT_SHAPE, np.float32)
    batch[0, 1, 2, 3] = value
    with pytest.raises(ImageError, match="NaN or infinity"):
        encoder.embed(batch)


def test_an_encoder_that_gives_nan_gives_an_error_and_no_scores(tmp_path, pictures):
    encoder = Encoder.load(write_encoder(tmp_path / "nan", nan=True), "CPU")
    with pytest.raises(EmbeddingError, match="NaN or infinity on CPU"):
        encoder.embed(pictures)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"batch": 0}, "from 1 to 64, not 0"),
        ({"batch": 65}, "not 65"),
        ({"batch": 2.0}, "not 2.0"),
        ({"threads": 0}, "from 1 to 1024, not 0"),
        ({"precision_hint": "int8"}, "f32, bf16, f16, not 'int8'"),
    ],
)
def test_a_setting_out_of_range_is_named(source, setting, message):
    with pytest.raises(InputError, match=message):
        Encoder.load(source, "CPU", **setting)


def test_a_model_that_cannot_take_a_batch_says_so(tmp_path, pictures):
    source = write_encoder(tmp_path / "baked", baked_batch=True)
    Encoder.load(source, "CPU")
    with pytest.raises(ManifestError, match="batch of 1 built in"):
        Encoder.load(source, "CPU", batch=4)


@pytest.mark.parametrize("field", ["input_shape", "output_shape"])
def test_shapes_other_than_the_manifest_says_are_refused(source, field):
    with pytest.raises(ManifestError, match=f"encoder's {field.split('_')[0]}"):
        Encoder.load(dataclasses.replace(source, **{field: (1, 9, 9, 9)}), "CPU")


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_missing_file_is_named(source, suffix):
    source.xml.with_suffix(suffix).unlink()
    with pytest.raises(IntegrityError, match=rf"encoder\{suffix} is missing"):
        Encoder.load(source, "CPU")


@pytest.mark.parametrize("text", ["", "no xml", "<net></net>", "<?xml version='1.0'?><net"])
def test_a_file_that_is_no_model_is_named(source, text):
    source.xml.write_text(text)
    with pytest.raises(IntegrityError, match="cannot be read as an OpenVINO model"):
        Encoder.load(source, "CPU")


# Devices


def test_auto_says_what_runs_and_why(source):
    report = Encoder.load(source).report
    assert report.asked == "AUTO"
    assert report.used.split(".")[0] in ("CPU", "GPU")
    assert report.device_name
    assert report.reason or report.used != "CPU"


def test_nothing_is_told_of_a_fallback_that_did_not_happen(source):
    assert Encoder.load(source, "CPU").fallback == ""


@needs_absent
@pytest.mark.parametrize("device", absent)
def test_an_absent_device_falls_back_to_the_cpu_and_is_reported(source, pictures, device):
    encoder = Encoder.load(source, device.lower())
    assert encoder.fallback.startswith(f"CPU instead of {device}: ")
    assert encoder.device == "CPU"
    assert (encoder.report.asked, encoder.report.used) == (device, "CPU")
    assert device in encoder.report.reason
    np.testing.assert_allclose(encoder.embed(pictures), reference(pictures), atol=1e-5)


@needs_absent
@pytest.mark.parametrize("device", absent)
def test_an_absent_device_without_fallback_is_an_error(source, device):
    with pytest.raises(DeviceError, match=f"{device} is not among the devices here: CPU"):
        Encoder.load(source, device, fallback=False)


@needs_absent
@pytest.mark.parametrize("fallback", [True, False])
def test_a_device_that_is_listed_and_fails_is_treated_alike(source, monkeypatch, fallback):
    # As with a driver that lists a device and cannot open it: here none can be opened.
    device = absent[0]
    listed = ("CPU", device)
    monkeypatch.setattr("emonet_edge.inference.encoder.available_devices", lambda: listed)
    if fallback:
        encoder = Encoder.load(source, "AUTO" if device == "GPU" else device)
        assert f"{device} cannot run it" in encoder.fallback
        report = encoder.report
        assert report.used == "CPU"
        assert f"{device} cannot run it" in report.reason
    else:
        with pytest.raises(DeviceError, match=f"{device} cannot run it"):
            Encoder.load(source, device, fallback=False)


def test_an_unknown_device_lists_what_exists(source):
    with pytest.raises(DeviceError, match="not 'TPU': this machine has CPU"):
        Encoder.load(source, "TPU")


# Settings


def test_the_hint_of_the_source_holds_unless_another_is_asked_for(tmp_path):
    source = write_encoder(tmp_path / "model", hint="bf16")
    assert Encoder.load(source, "CPU").report.precision_asked == "bf16"
    report = Encoder.load(source, "CPU", precision_hint="f32").report
    assert (report.precision_asked, report.precision_hint) == ("f32", "f32")


def test_threads_come_from_the_budget_unless_asked_for(source):
    try:
        set_thread_budget(1)
        assert Encoder.load(source, "CPU").report.threads == 1
    finally:
        set_thread_budget(None)
    assert Encoder.load(source, "CPU").report.threads == thread_budget()
    encoder = Encoder.load(source, "CPU", threads=1)
    assert encoder.report.threads == 1
    assert encoder._loaded.compiled.get_property("INFERENCE_NUM_THREADS") == 1


BUSY = """
import json, sys, time, os, pathlib
import numpy as np
from encoder_models import wide_encoder
from emonet_edge.inference.encoder import Encoder
allowed = os.sched_getaffinity(0)
encoder = Encoder.load(wide_encoder(pathlib.Path(sys.argv[1])), "CPU", threads=int(sys.argv[2]))
batch = np.ones((60, 1, 512, 512), np.float32)
encoder.embed(batch[:1])
wall, cpu = time.perf_counter(), time.process_time()
encoder.embed(batch)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
idle = time.process_time()
time.sleep(1)
idle = time.process_time() - idle
print(json.dumps({"share": cpu / wall, "idle": idle, "wall": wall,
                  "affinity_kept": os.sched_getaffinity(0) == allowed}))
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_a_limit_of_threads_holds_and_idle_threads_sleep(tmp_path, threads):
    measured = run_python(BUSY, str(tmp_path / "wide"), str(threads))
    assert measured["share"] < threads + 0.15  # CPU seconds per second of embedding
    assert measured["idle"] < 0.05  # CPU seconds in one second of doing nothing
    assert measured["affinity_kept"]  # or the pool of the heads would inherit a single CPU


# The cache


LOAD = """
import json, sys, pathlib
import numpy as np
from emonet_edge.inference.encoder import Encoder, EncoderSource
source = EncoderSource(pathlib.Path(sys.argv[1]), sys.argv[2], (1, 3, 8, 8), (1, 16), "f32")
encoder = Encoder.load(source, "CPU", batch=int(sys.argv[3]))
embedding = encoder.embed(np.linspace(-1, 1, 192, dtype=np.float32).reshape(1, 3, 8, 8))
print(json.dumps({"cache": encoder.report.cache, "embedding": embedding.tolist()}))
"""


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("int8", [False, True])
def test_a_second_process_loads_what_the_first_compiled(tmp_path, int8, batch):
    source = write_encoder(tmp_path / "model", int8=int8)
    arguments = (str(source.xml), source.sha256, str(batch))
    first, second = run_python(LOAD, *arguments), run_python(LOAD, *arguments)
    assert (first["cache"], second["cache"]) == ("miss", "hit")
    assert first["embedding"] == second["embedding"]


def test_an_entry_holds_no_weights(tmp_path, cache_folder):
    source = write_encoder(tmp_path / "model")
    Encoder.load(source, "CPU")
    (entry,) = cache_folder.iterdir()
    assert entry.stat().st_size < source.xml.with_suffix(".bin").stat().st_size


def test_a_moved_model_directory_still_hits(tmp_path, pictures):
    source = write_encoder(tmp_path / "here")
    Encoder.load(source, "CPU")
    (tmp_path / "here").rename(tmp_path / "there")
    moved = dataclasses.replace(source, xml=tmp_path / "there" / "encoder.xml")
    encoder = Encoder.load(moved, "CPU")
    assert encoder.report.cache == "hit"
    np.testing.assert_allclose(encoder.embed(pictures), reference(pictures), atol=1e-5)


@pytest.mark.parametrize(
    "change", [{"batch": 2}, {"threads": 1}, {"precision_hint": "bf16"}, {"precision_hint": "f32"}]
)
def test_other_settings_are_another_entry(tmp_path, change):
    source = write_encoder(tmp_path / "model", hint=None)
    Encoder.load(source, "CPU", threads=2)
    assert Encoder.load(source, "CPU", **{"threads": 2, **change}).report.cache == "miss"
    assert Encoder.load(source, "CPU", threads=2).report.cache == "hit"


def test_another_model_is_another_entry(tmp_path, pictures):
    Encoder.load(write_encoder(tmp_path / "a", seed=1), "CPU")
    encoder = Encoder.load(write_encoder(tmp_path / "b", seed=2), "CPU")
    assert encoder.report.cache == "miss"
    np.testing.assert_allclose(encoder.embed(pictures), reference(pictures, 2), atol=1e-5)


@pytest.mark.parametrize("harm", ["alter", "cut", "empty", "garbage"])
def test_a_damaged_entry_is_compiled_anew(source, pictures, cache_folder, harm):
    Encoder.load(source, "CPU")
    (entry,) = cache_folder.iterdir()
    data = bytearray(entry.read_bytes())
    data[len(data) // 2] ^= 0xFF
    entry.write_bytes(
        {"alter": data, "cut": data[:100], "empty": b"", "garbage": bytes(5000)}[harm]
    )
    encoder = Encoder.load(source, "CPU")
    assert encoder.report.cache == "miss"
    np.testing.assert_allclose(encoder.embed(pictures), reference(pictures), atol=1e-5)
    assert Encoder.load(source, "CPU").report.cache == "hit"


def test_an_entry_that_openvino_refuses_is_compiled_anew(source, cache_folder):
    from emonet_edge.inference.compile_cache import CompileCache

    Encoder.load(source, "CPU")
    (entry,) = cache_folder.iterdir()
    CompileCache.open().put(entry.stem, b"right checksum, no model")
    assert Encoder.load(source, "CPU").report.cache == "miss"
    assert Encoder.load(source, "CPU").report.cache == "hit"


def test_an_unsafe_folder_means_no_cache_and_the_report_says_why(source, pictures, cache_folder):
    Encoder.load(source, "CPU")
    cache_folder.chmod(0o777)
    encoder = Encoder.load(source, "CPU")
    assert encoder.report.cache.startswith("off: ")
    assert "can be written by others" in encoder.report.cache
    np.testing.assert_allclose(encoder.embed(pictures), reference(pictures), atol=1e-5)


@pytest.mark.parametrize(
    ("size", "why"), [("0", "EMONET_CACHE_SIZE is 0"), ("x", "a size is bytes"), ("10", "exceeds")]
)
def test_the_cache_can_be_switched_off_or_bounded(source, monkeypatch, size, why):
    monkeypatch.setenv("EMONET_CACHE_SIZE", size)
    assert why in Encoder.load(source, "CPU").report.cache
    assert why in Encoder.load(source, "CPU").report.cache


def test_without_the_cache_nothing_is_written(source, cache_folder):
    assert Encoder.load(source, "CPU", cache=False).report.cache == "off: not asked for"
    assert not cache_folder.exists()


def test_processes_that_compile_at_once_all_get_an_encoder(tmp_path):
    source = write_encoder(tmp_path / "model")
    results: list[dict] = []

    def load() -> None:
        results.append(run_python(LOAD, str(source.xml), source.sha256, "1"))

    workers = [threading.Thread(target=load) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert len(results) == 4
    assert all(result["embedding"] == results[0]["embedding"] for result in results)
    assert run_python(LOAD, str(source.xml), source.sha256, "1")["cache"] == "hit"


# openvino itself


def test_importing_the_encoder_does_not_import_openvino_nor_its_telemetry():
    code = (
        "import json, sys; import emonet_edge.inference.encoder as e\n"
        "early = 'openvino' in sys.modules\n"
        "e.openvino(); names = sorted(sys.modules)\n"
        "print(json.dumps({'early': early, 'late': 'openvino' in names,"
        " 'telemetry': [n for n in names if n.startswith('openvino_telemetry')]}))"
    )
    assert run_python(code) == {"early": False, "late": True, "telemetry": []}


def test_nothing_touches_the_network(tmp_path):
    code = (
        "import json, sys\n"
        "seen = []\n"
        "sys.addaudithook(lambda event, _: event.startswith('socket.') and seen.append(event))\n"
        + LOAD
        + "print(json.dumps(seen))"
    )
    source = write_encoder(tmp_path / "model")
    assert run_python(code, str(source.xml), source.sha256, "1") == []


def test_there_is_one_core():
    assert core() is core()
    assert openvino() is openvino()
