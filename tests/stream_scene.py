"""People and voices for the tests of the stream: real faces, real speech, real (tiny) models."""

from __future__ import annotations

import tempfile
import threading
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import emonet_edge as ee
import face_pictures
from emonet_edge.stream import Frame
from material import material

RATE = 16000
VOICE_HEADS = ("anger", "fear", "awe", "age")


@cache
def face_model():
    with tempfile.TemporaryDirectory() as folder:
        path = ee.synthetic.write_face_model(Path(folder) / "face")
        return ee.FaceEmotionModel.load(path, device="CPU", threads=1, cache=False)


@cache
def voice_model():
    with tempfile.TemporaryDirectory() as folder:
        path = ee.synthetic.write_voice_model(Path(folder) / "voice", heads=VOICE_HEADS)
        return ee.VoiceEmotionModel.load(path, device="CPU", threads=1, cache=False)


@cache
def detector(input_size=320):
    return ee.FaceDetector.load(face_pictures.yunet_file(), input_size=input_size)


@cache
def photo(name="officer", width=400):
    """A photo as uint8 [height, width, 3] in rgb, both sides even."""
    image = Image.fromarray(face_pictures.pair() if name == "pair" else face_pictures.photo(name))
    height = round(image.height * width / image.width / 2) * 2
    pixels = np.asarray(image.resize((width, height)))
    pixels.flags.writeable = False
    return pixels


@cache
def speech(start=7.4, end=9.25):
    """A piece of a German sentence, from one second to another; at 16 kHz, float32 [n]."""
    samples, rate = pytest.importorskip("soundfile").read(material("german"), dtype="float32")
    return ee.resample(samples[round(start * rate) : round(end * rate)], rate)


def silence(seconds):
    return np.zeros(round(seconds * RATE), np.float32)


def frame(image, seq, at, on_read=None):
    """A frame in rgb; `on_read` is called when its pixels are read."""

    def planes():
        if on_read is not None:
            on_read(seq)
        return image

    height, width = image.shape[:2]
    return Frame(seq, at, width, height, "rgb", planes)


class Scripted:
    """A source that gives what it was made with, then ends or, if `stays`, waits to be closed."""

    def __init__(self, items, stays=False):
        self.items, self.closed = iter(items), threading.Event()
        self.stays = stays

    def read(self):
        item = None if self.closed.is_set() else next(self.items, None)
        if isinstance(item, Exception):
            raise item
        if item is None and self.stays:
            self.closed.wait()
        return item

    def close(self):
        self.closed.set()


class Counted:
    """The real thing, with a count of the calls of one method, and errors at will."""

    def __init__(self, real, method):
        self._real, self._method = real, method
        self.calls, self.fail_next = 0, []

    def __getattr__(self, name):
        found = getattr(self._real, name)
        return self._counted(found) if name == self._method else found

    def _counted(self, found):
        def call(*args, **kwargs):
            self.calls += 1
            if self.fail_next:
                raise self.fail_next.pop(0)
            return found(*args, **kwargs)

        return call


class Gated:
    """A real model whose encoder waits for `let_through` before each run."""

    def __init__(self, real, log=None):
        self._real = real
        self._log = [] if log is None else log
        self._allowed = threading.Semaphore(0)
        self._entered = threading.Semaphore(0)

    def __getattr__(self, name):
        return getattr(self._real, name)

    def embed(self, tensor):
        self._log.append(self._real.modality)
        self._entered.release()
        assert self._allowed.acquire(timeout=20)
        return self._real.embed(tensor)

    def let_through(self, runs=1):
        self._allowed.release(runs)

    def wait_until_it_runs(self):
        assert self._entered.acquire(timeout=20)
