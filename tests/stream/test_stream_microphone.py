"""Microphones: real PortAudio and ALSA on a made device, and the callback by itself.

ALSA's `file` plugin records what stands in a file. It has no clock: PortAudio records as fast as it
can, so the tests look at which samples came and how they are numbered, not at when. Nor can it fall
silent or be pulled; that is tried on the callback and the ring.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import emonet_edge as ee
from emonet_edge.exceptions import DeviceError, MissingExtraError
from emonet_edge.stream.clock import ManualClock
from emonet_edge.stream.sources.microphone import Microphone

CONFIG = """
</usr/share/alsa/alsa.conf>
pcm.fakemic {{
  type file
  slave.pcm "null"
  file "/dev/null"
  infile "{infile}"
  format "raw"
  hint {{ show on description "A made microphone" }}
}}
"""

PRELUDE = """
import json, sys, threading, time
import numpy as np
import emonet_edge as ee
from emonet_edge.exceptions import EmonetError
from emonet_edge.stream import SourceOptions
notices = []
def opened(spec="mic:fakemic", **options):
    return ee.stream.open_audio(spec, SourceOptions(**options), on_notice=notices.append)
def say(**values):
    print(json.dumps(values))
"""

NAMES = """
try:
    say(names=[device.name for device in ee.stream.list_devices()])
except EmonetError:
    say(names=[])
"""


@pytest.fixture
def alsa(tmp_path):
    """Return a function that runs code beside a made microphone and returns what it said."""
    infile = tmp_path / "sound.raw"
    config = tmp_path / "asound.conf"
    config.write_text(CONFIG.format(infile=infile))
    infile.write_bytes(b"")

    def run(code, **kwargs):
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + code],
            env={**os.environ, "ALSA_CONFIG_PATH": str(config)},
            capture_output=True,
            text=True,
            timeout=60,
            **kwargs,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    run.infile = infile
    if "fakemic" not in run(NAMES)["names"]:
        pytest.skip("needs PortAudio with ALSA and its plugin `file`")
    return run


def ramp(count):
    """Samples that tell their own number: exact in float32 up to 2^23."""
    return (np.arange(count) / np.float32(2**23)).astype(np.float32)


READ = """
with opened(sample_rate={rate}, channels={channels}) as source:
    blocks = []
    # Behind the end of its file, the device repeats itself.
    while len(blocks) < 20 and (block := source.read()).end_sample * {channels} < 2**23:
        blocks.append(block)
numbers = [(block.first_sample, len(block.samples)) for block in blocks]
first = [np.ravel(block.samples)[0] * 2.0**23 for block in blocks]
steps = sorted({{float(step) for block in blocks
                for step in np.unique(np.diff(block.samples.reshape(len(block.samples), -1), axis=0)
                * 2.0**23)}})
say(numbers=numbers, first=[float(value) for value in first], steps=steps,
    rates=sorted({{block.sample_rate for block in blocks}}), dtype=str(blocks[0].samples.dtype),
    rank=blocks[0].samples.ndim)
"""


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_every_sample_has_the_number_that_it_was_recorded_with(alsa, rate):
    alsa.infile.write_bytes(ramp(2**23).tobytes())
    said = alsa(READ.format(rate=rate, channels=1))
    assert (said["rates"], said["dtype"], said["rank"]) == ([rate], "float32", 1)
    assert said["steps"] == [1.0]  # nothing is missing inside a block
    # What the ring gave up, as this device records far faster than real time, shows as a jump.
    assert said["first"] == [number for number, _ in said["numbers"]]


def test_two_channels_stay_side_by_side(alsa):
    alsa.infile.write_bytes(ramp(2**23).tobytes())
    said = alsa(READ.format(rate=16_000, channels=2))
    assert (said["rank"], said["steps"]) == (2, [2.0])
    assert said["first"] == [2 * number for number, _ in said["numbers"]]


LATE = """
with opened(sample_rate=16000) as source:
    first = source.read()
    lost = source._source.lost
    while source._source.lost == lost:
        time.sleep(0.01)
    waiting = source._source._queue.waiting
    block = source.read()
    say(waiting=waiting, first=block.first_sample, value=float(block.samples[0] * 2.0**23),
        after=first.end_sample, length=len(block.samples))
"""


def test_a_reader_that_is_late_loses_the_oldest_and_sees_a_jump(alsa):
    alsa.infile.write_bytes(ramp(2**23).tobytes())
    said = alsa(LATE)
    assert said["waiting"] <= 160_000  # ten seconds, whatever comes
    assert said["length"] <= 160_000
    assert said["first"] > said["after"]
    if said["first"] < 2**23:  # the device was not yet at the end of its file
        assert said["value"] == said["first"]


ABSENT = """
source = opened("mic:Elgato Wave")
reading = threading.Thread(target=source.read)
reading.start()
while source.state != "lost":
    time.sleep(0.001)
source.close()
reading.join(20)
say(reason=notices[0].details["reason"], states=[n.details["state"] for n in notices],
    threads=threading.active_count())
"""


def test_a_microphone_that_is_absent_is_awaited_and_close_ends_that(alsa):
    said = alsa(ABSENT)
    assert "Elgato Wave cannot be opened" in said["reason"]
    assert (said["states"], said["threads"]) == (["lost", "ended"], 1)


CLOSED = """
source = opened(sample_rate=16000)
read = []
reading = threading.Thread(target=lambda: read.extend(iter(source.read, None)))
reading.start()
while not read:
    time.sleep(0.001)
start = time.monotonic()
source.close()
reading.join(20)
say(took=time.monotonic() - start, threads=threading.active_count(), alive=reading.is_alive())
"""


def test_closing_ends_a_microphone_and_its_thread(alsa):
    alsa.infile.write_bytes(ramp(2**23).tobytes())
    said = alsa(CLOSED)
    assert said["took"] < 1
    assert (said["threads"], said["alive"]) == (1, False)


# The callback by itself


def heard(microphone, samples, overflow=False, delay=0.0):
    count = len(samples)
    duration = count / 1000
    time = SimpleNamespace(currentTime=50.0, inputBufferAdcTime=50.0 - duration - delay)
    microphone._hear(samples, count, time, SimpleNamespace(input_overflow=overflow))


@pytest.fixture
def microphone():
    from emonet_edge.stream.sources.sample_queue import SampleQueue

    source = Microphone(None, ManualClock(start=10.0), stall_after=0.01)
    source._sample_rate, source._queue, source._is_open = 1000, SampleQueue(10_000, 1000), True
    return source


def test_a_block_was_heard_before_it_came(microphone):
    heard(microphone, np.zeros((100, 1), np.float32), delay=0.02)
    assert microphone.read().captured_at == pytest.approx(10.0 - 0.1 - 0.02)


def test_samples_that_the_driver_lost_are_a_jump_of_their_length(microphone):
    heard(microphone, np.zeros((100, 1), np.float32))
    microphone._clock.advance_to(10.35)
    heard(microphone, np.ones((100, 1), np.float32), overflow=True)
    assert microphone.read().first_sample == 0
    assert microphone.read().first_sample == 100 + 250
    assert microphone.lost == 250


def test_portaudios_memory_is_copied(microphone):
    samples = np.zeros((100, 1), np.float32)
    heard(microphone, samples)
    samples[:] = 7
    assert microphone.read().samples.max() == 0


def test_silence_of_the_driver_is_a_lost_device(microphone):
    with pytest.raises(DeviceError, match=r"no sound for 0\.01 s"):
        microphone.read()


def test_a_stream_that_finished_is_a_lost_device(microphone):
    microphone._queue.end()
    with pytest.raises(DeviceError, match="went away"):
        microphone.read()


def test_a_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)  # import raises ImportError
    with pytest.raises(MissingExtraError, match=r"pip install 'emonet-edge\[live\]'"):
        ee.stream.open_audio("mic").read()
    with pytest.raises(MissingExtraError):
        ee.stream.list_devices()
