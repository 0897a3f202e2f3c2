"""A loaded model that has nothing to do uses no processor time."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import sys, threading, time
import numpy as np
import emonet_edge as ee
face = ee.FaceEmotionModel.load(sys.argv[1] + "/face", device="CPU", threads=2)
voice = ee.VoiceEmotionModel.load(sys.argv[1] + "/voice", device="CPU", threads=2)
for _ in range(3):
    face(np.zeros((400, 400, 3), np.uint8))
    voice(np.zeros(16000, np.float32), 16000)
threading.Event().wait(0.3)  # pools may look for more work for a moment
spent = []
for _ in range(3):
    start = time.process_time()
    threading.Event().wait(1.0)
    spent.append(time.process_time() - start)
print(min(spent), max(spent))
"""


def test_loaded_models_use_no_processor_time_while_idle(tmp_path):
    import emonet_edge as ee

    ee.synthetic.write_face_model(tmp_path / "face", preset="tiny")
    ee.synthetic.write_voice_model(tmp_path / "voice", preset="tiny", heads=["anger"])
    answer = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)], check=True, capture_output=True, text=True
    )
    least, most = map(float, answer.stdout.split())
    assert most < 0.02, f"{most} s of processor time in a second of waiting, at least {least}"
