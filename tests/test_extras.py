"""Optional packages: what needs one, that it is absent, and what brings it."""

from __future__ import annotations

import sys

import pytest

from emonet_edge import _extras
from emonet_edge.exceptions import MissingExtraError

PACKAGES = [
    (_extras.pillow, "PIL", "Pillow, which is not installed", "media"),
    (_extras.soundfile, "soundfile", "soundfile, which is not installed", "media"),
    (_extras.soxr, "soxr", "soxr, which is not installed", "media"),
    (_extras.pyav, "av", "PyAV, which is not installed", "live"),
    (_extras.sounddevice, "sounddevice", "sounddevice, which is not installed", "live"),
]


@pytest.mark.parametrize(("load", "module", "fault", "extra"), PACKAGES)
def test_an_absent_package_is_named_with_its_extra(monkeypatch, load, module, fault, extra):
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError) as caught:
        load()
    assert f"{fault}: pip install 'emonet-edge[{extra}]'" in str(caught.value)


def test_a_package_without_its_library_is_told_apart(monkeypatch, tmp_path):
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MissingExtraError, match="sudo apt install libportaudio2"):
        _extras.sounddevice()
