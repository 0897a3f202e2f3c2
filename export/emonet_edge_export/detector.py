"""The face detector: YuNet of the OpenCV zoo, or a file of the user's, with licence and hash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emonet_edge.model_dir.integrity import sha256_of_file
from emonet_edge_export.errors import SourceError
from emonet_edge_export.progress import Progress
from emonet_edge_export.upstream.download import PublicFile, copy_file, download

__all__ = ["DETECTOR_FILE", "LICENSE_FILE", "YUNET", "DetectorFacts", "add_detector", "find_local"]

DETECTOR_FILE = "face_detector.onnx"
LICENSE_FILE = "face_detector.LICENSE.txt"
ZOO = "opencv/opencv_zoo"
ZOO_COMMIT = "47534e27c9851bb1128ccc0102f1145e27f23f98"
_FOLDER = "models/face_detection_yunet"
YUNET = PublicFile(
    "face_detection_yunet_2023mar.onnx",
    f"https://media.githubusercontent.com/media/{ZOO}/{ZOO_COMMIT}/{_FOLDER}/face_detection_yunet_2023mar.onnx",
    232_589,
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    "MIT",
)
_MIT = """\
YuNet face detector (face_detection_yunet_2023mar.onnx), from the OpenCV model zoo,
https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet

MIT License

Copyright (c) 2020 Shiqi Yu <shiqi.yu@gmail.com>

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


@dataclass(frozen=True)
class DetectorFacts:
    """Where the detector came from, for the manifest's sources and ATTRIBUTION.md."""

    repository: str
    revision: str
    file: str
    sha256: str
    license: str

    def described(self) -> dict[str, object]:
        """Return the entry of the manifest's sources."""
        return {
            "repository": self.repository,
            "revision": self.revision,
            "files": {self.file: self.sha256},
        }


def find_local(source: Path) -> Path | None:
    """Return the detector of a --source folder: DIR/opencv/opencv_zoo, laid out as the zoo is."""
    for folder in (source / ZOO / _FOLDER, source / ZOO):
        if folder.is_dir() and (found := sorted(folder.glob("*yunet*.onnx"))):
            return found[0]
    return None


def add_detector(
    model: Path, licence: Path, local: Path | None, progress: Progress
) -> DetectorFacts:
    """Put the detector at `model` and its licence at `licence`.

    Args:
        model: the file to write; `licence` likewise.
        licence: text of the licence.
        local: a file to take; None downloads YuNet.
        progress: shows the download.

    Raises:
        SourceError: the file is missing or no ONNX model of a detector, or as `download`.
    """
    if local is None:
        cache = model.parent / "download"
        copy_file(download(YUNET, cache, progress), model)
        licence.write_text(_MIT, encoding="utf-8")
        return DetectorFacts(ZOO, ZOO_COMMIT, f"{_FOLDER}/{YUNET.name}", YUNET.sha256, "MIT")
    _check(local)
    copy_file(local, model)
    found = sha256_of_file(model)
    if found == YUNET.sha256:
        licence.write_text(_MIT, encoding="utf-8")
        return DetectorFacts(ZOO, ZOO_COMMIT, f"{_FOLDER}/{YUNET.name}", found, "MIT")
    beside = next((p for p in sorted(local.parent.glob("LICENSE*")) if p.is_file()), None)
    text = (
        beside.read_text(encoding="utf-8", errors="replace")
        if beside
        else f"{local.name}: a file of the user's; no LICENSE lay beside it.\n"
    )
    licence.write_text(text, encoding="utf-8")
    return DetectorFacts("local file", "local", local.name, found, "see " + LICENSE_FILE)


def _check(path: Path) -> None:
    import onnx

    try:
        inputs = onnx.load(str(path)).graph.input
    except Exception as error:  # OSError, and protobuf's own
        raise SourceError(f"{path}: must be an ONNX model of YuNet's form ({error})") from error
    shape = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim] if inputs else []
    if len(shape) != 4 or shape[1] != 3:
        raise SourceError(f"{path}: a detector takes [n, 3, height, width]; this takes {shape}")
