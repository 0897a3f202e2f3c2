"""The overlay window, on a virtual display where the machine has one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

from emonet_edge.drawing import style
from emonet_edge.exceptions import DeviceError, MissingExtraError
from emonet_edge.stream.output import OverlayWindow, window
from stream_records import frame_outcome, reading, rgb_frame, scores_of

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def display(monkeypatch, tmp_path):
    """A screen that nobody looks at; yields the server."""
    pytest.importorskip("tkinter", reason="this Python has no tkinter")
    if shutil.which("Xvfb") is None:
        pytest.skip("needs Xvfb for a virtual display")
    read_end, write_end = os.pipe()
    command = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "800x600x24"]
    with (
        subprocess.Popen(
            [*command, "-fbdir", str(tmp_path)], pass_fds=[write_end], stderr=subprocess.DEVNULL
        ) as server,
        os.fdopen(read_end) as numbers,
    ):
        os.close(write_end)
        monkeypatch.setenv("DISPLAY", f":{numbers.readline().strip()}")
        yield server
        server.terminate()


def screen(folder):
    """What the virtual screen shows, RGB [600, 800, 3], from the file that Xvfb maps (XWD)."""
    data = (folder / "Xvfb_screen0").read_bytes()
    header = int.from_bytes(data[:4], "big")
    colours = int.from_bytes(data[76:80], "big")
    pixels = np.frombuffer(data, np.uint8, offset=header + 12 * colours, count=800 * 600 * 4)
    return pixels.reshape(600, 800, 4)[..., 2::-1]


def until(condition):
    """Ask again and again: another process draws, and tells nobody when it has."""
    for _ in range(400):
        if condition():
            return True
        threading.Event().wait(0.05)
    return False


def test_the_newest_frame_is_shown_with_its_faces(display, tmp_path):
    with OverlayWindow() as shown:
        shown.write(frame_outcome(1, 0.1, reading(1, scores_of(anger=2.0))))
        shown.add_frame(rgb_frame(1, 0.1, 320, 240))
        assert until(lambda: (screen(tmp_path) == style.BOX).all(axis=2).sum() > 100)
        assert not shown.closed
    assert shown.closed
    shown.close()


def test_a_display_that_goes_away_takes_only_the_window_along(display):
    with OverlayWindow() as shown:
        display.terminate()
        display.wait()
        assert until(lambda: shown.closed)
        for seq in range(50):
            shown.add_frame(rgb_frame(seq, seq / 30, 1280, 720))


def test_without_a_display_it_says_so(monkeypatch):
    pytest.importorskip("tkinter", reason="this Python has no tkinter")
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(DeviceError, match=r"a window needs a display.*set DISPLAY"):
        OverlayWindow()


def test_a_python_without_tkinter_is_told_what_to_install(monkeypatch, tmp_path):
    (tmp_path / "tkinter.py").write_text("raise ImportError('no _tkinter')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r"no _tkinter.*apt install python3-tk"):
        window._start("title")


def test_a_python_that_cannot_start_it_is_one_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("true"))
    with pytest.raises(DeviceError, match="no answer"):
        OverlayWindow()
