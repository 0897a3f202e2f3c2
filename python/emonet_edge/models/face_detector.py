"""Find faces in a picture: YuNet through OpenVINO.

The picture is resized straight from the planes that a camera gives, so a 1080p NV12 frame is read
once and never converted as a whole.

What `input_size` means for a 1080p frame: how many of 36 faces (12 photos, scaled so that the
shorter side of the face's box has so many pixels, pasted into a frame at three places) are found,
and the CPU time of one `detect` on NV12, 1 thread, AMD EPYC (Zen 5), OpenVINO 2026.4:

    input_size   24 px   32 px   40 px   48 px   64 px   96 px   CPU time
    320          0       0       2       7       22      34      2.3 ms
    480          0       6       14      21      30      36      3.3 ms
    640          4       17      26      31      36      36      5.1 ms
    960          26      32      36      36      36      36      11 ms
    1280         30      36      36      36      36      36      21 ms

640 is the default: a face 15 cm wide has 64 pixels at 3.2 m from a camera that sees 70 degrees,
and the detector at 10 Hz takes 5 % of a core.
"""

from __future__ import annotations

import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from emonet_edge.exceptions import DeviceError, InputError, IntegrityError, ModelNotFoundError
from emonet_edge.image import Color, YuvMatrix, YuvRange, picture_sides, preprocess_image
from emonet_edge.inference.compile import Settings, device_config
from emonet_edge.inference.devices import available_devices, choose
from emonet_edge.inference.openvino_core import brief, core, why_absent
from emonet_edge.model_dir import read_manifest
from emonet_edge.model_dir.integrity import check_hash, check_present
from emonet_edge.model_dir.manifest import MANIFEST_NAME
from emonet_edge.models import yunet
from emonet_edge.threads import checked_threads, core_type

__all__ = ["DETECTOR_FILE", "Face", "FaceDetector"]

DETECTOR_FILE = "face_detector.onnx"
"""What the detector is called in a model directory."""

MAX_INPUT_SIZE = 2048
MAX_FILE_BYTES = 8_000_000  # YuNet has 0.3 MB: what is larger is something else
MAX_OVERLAP = 0.3  # of two faces, intersection over union; OpenCV's default for YuNet
COMPILED_SHAPES = 2  # two cameras, or one that is turned; each is 13 to 22 MB and 0.1 s to compile
_ABOUT_YUNET = "take YuNet from the OpenCV zoo: face_detection_yunet_2023mar.onnx"
_EXTERNAL = b"location"  # the key of ONNX's references to other files
_UNSCALED = (1 / 255, 1 / 255, 1 / 255)  # YuNet takes 0..255 as they are

Sides: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    `box`: (x, y, width, height) in pixels of the picture from the top left, clipped to it; it
    encloses the face from chin to forehead, without hair and ears. `score`: 0 to 1. `landmarks`:
    five points (x, y): right eye, left eye, tip of the nose, right and left corner of the mouth,
    where right is the person's own right; they may lie outside a picture that cuts the face.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: tuple[tuple[float, float], ...]


class FaceDetector:
    """YuNet, compiled. `detect` may be called from several threads; they take turns."""

    def __init__(
        self, content: bytes, name: str, devices: tuple[str, ...], threads: int,
        input_size: int, min_score: float,
    ) -> None:  # fmt: skip
        self.input_size, self.min_score = input_size, min_score
        self._name, self._threads = name, threads
        self._model = _read(content, name)
        self._requests: OrderedDict[Sides, Any] = OrderedDict()
        self._lock = threading.Lock()
        self.device = self._first_that_works(devices)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        device: str = "CPU",
        *,
        threads: int = 1,
        input_size: int = 640,
        min_score: float = 0.7,
    ) -> FaceDetector:
        """Read and compile a detector.

        Args:
            path: an ONNX file of YuNet, or a model directory with a detector in it.
            device: CPU, GPU, NPU or AUTO. YuNet needs 5 ms of one core of a CPU.
            threads: for the CPU, 1 to 1024.
            input_size: the longer side of the detector's input in pixels, a multiple of 32 up to
                2048. Larger finds smaller faces and costs its square: see the
                table of this module.
            min_score: faces with a lower score are left out, 0 to 1. At input sizes of 256 to
                640 the people of the test photos score 0.87 and more, a dog and a cat up to 0.62.

        Raises:
            ModelNotFoundError: no such file, or no detector in the model directory.
            ModelDirectoryError: the model directory cannot be used.
            IntegrityError: the file cannot be read, or is no YuNet.
            DeviceError: no such device here, or the device cannot run it.
            InputError: another argument is out of range.
        """
        if isinstance(input_size, bool) or input_size not in range(32, MAX_INPUT_SIZE + 1, 32):
            raise InputError(
                f"input_size must be a multiple of 32 from 32 to {MAX_INPUT_SIZE}; "
                f"got {input_size!r}; 640 is the default"
            )
        if not 0 < min_score <= 1:
            raise InputError(
                f"min_score must be above 0 and at most 1; got {min_score!r}; 0.7 is the default"
            )
        file = _file_of(Path(path))
        return cls(
            _content(file), str(file), _devices(device), checked_threads(threads),
            input_size, float(min_score),
        )  # fmt: skip

    def detect(
        self,
        image: NDArray[np.uint8] | Any,
        color: Color = "rgb",
        *,
        width: int | None = None,
        matrix: YuvMatrix = "bt601",
        range: YuvRange = "limited",  # noqa: A002 - the word that video tags use
    ) -> tuple[Face, ...]:
        """Return the faces of a picture, the best score first.

        Args:
            image: uint8 [height, width, 3] in rgb or bgr, or a frame in nv12 or yuyv; this and
                the other arguments as in `preprocess_image`.
            color: "rgb", "bgr", "nv12" or "yuyv".
            width: pixels per row of nv12 and yuyv, where rows are padded.
            matrix: of nv12 and yuyv.
            range: of nv12 and yuyv.

        Raises:
            ImageError: shape, type or option cannot be used.
            DeviceError: the device failed.
        """
        height, columns = picture_sides(image, color, width)
        # A side of 0 is refused below with its reason, which the aspect ratio would not give.
        sides = yunet.input_sides(max(height, 1), max(columns, 1), self.input_size)
        planes = preprocess_image(
            image, None, color, width=width, matrix=matrix, range=range,
            mean=(0, 0, 0), std=_UNSCALED, size=sides,
        )  # fmt: skip
        found = yunet.suppress(self._candidates(planes, sides), MAX_OVERLAP)
        scale = (columns / sides[1], height / sides[0])
        faces = (_face(row, scale, (height, columns)) for row in found)
        return tuple(face for face in faces if face is not None)

    def _candidates(self, planes: NDArray[np.float32], sides: Sides) -> NDArray[np.float64]:
        with self._lock:
            request = self._request(sides)
            request.get_input_tensor().data[0] = planes[::-1]  # YuNet takes blue first
            try:
                request.infer()
            except RuntimeError as error:
                raise DeviceError(
                    f"{self.device} failed while it looked for faces: {brief(error)}; "
                    "load the detector again, or on the CPU"
                ) from error
            outputs = {name: request.get_tensor(name).data for name in _wanted_outputs(sides)}
            return yunet.decode(outputs, sides, self.min_score)

    def _first_that_works(self, devices: tuple[str, ...]) -> str:
        reasons = []
        for self.device in devices:
            try:
                self._request(yunet.input_sides(1080, 1920, self.input_size))
            except DeviceError as error:
                reasons.append(str(error))
            else:
                return self.device
        raise DeviceError("; ".join(reasons))

    def _request(self, sides: Sides) -> Any:
        """Return a request for this input shape, compiled if it is not among the last few."""
        request = self._requests.pop(sides, None) or self._compiled(sides).create_infer_request()
        self._requests[sides] = request
        while len(self._requests) > COMPILED_SHAPES:
            self._requests.popitem(last=False)
        return request

    def _compiled(self, sides: Sides) -> Any:
        # The results of f32 and bf16 differ by pixels; it is the CPU that may choose bf16.
        hint = "f32" if self.device == "CPU" else None
        settings = Settings(
            threads=self._threads, precision_hint=hint, batch=1, cache=False, cores=core_type()
        )
        try:
            self._model.reshape([1, 3, *sides])
            found = _described(self._model)
        except (RuntimeError, ValueError) as error:
            raise IntegrityError(
                f"{self._name} must take any input shape, [1, 3, {sides[0]}, {sides[1]}] here "
                f"({brief(error)}); {_ABOUT_YUNET}"
            ) from error
        _check_outputs(found, sides, self._name)
        try:
            config = device_config(core(), self.device, settings)
            return core().compile_model(self._model, self.device, config)
        except (RuntimeError, ValueError) as error:
            raise DeviceError(
                f"{self.device} cannot run the face detector: {brief(error)}; use the CPU"
            ) from error


def _face(row: NDArray[np.float64], scale: tuple[float, float], picture: Sides) -> Face | None:
    """Scale a candidate to the picture and clip its box; None if nothing of it is inside."""
    points = row[:14].reshape(7, 2) * scale
    first = np.clip(points[0], 0, picture[::-1])
    last = np.clip(points[0] + points[1], 0, picture[::-1])
    if (last - first).min() < 1:
        return None
    x, y, width, height = np.concatenate([first, last - first]).tolist()
    return Face(
        (x, y, width, height), float(row[14]), tuple((a, b) for a, b in points[2:].tolist())
    )


def _file_of(path: Path) -> Path:
    """Return the detector's file; inside a model directory it is checked against the manifest."""
    if not path.is_dir():
        return path
    info = read_manifest(path).files.get(DETECTOR_FILE)
    if info is None:
        raise ModelNotFoundError(
            f"{path} must hold {DETECTOR_FILE}, but {MANIFEST_NAME} lists none: export a face "
            f"model with its detector, or pass the detector's own path; {_ABOUT_YUNET}"
        )
    file = check_present(path, DETECTOR_FILE, info)
    check_hash(file, info)
    return file


def _content(path: Path) -> bytes:
    """Read the whole file, if it is a plain one of a size that a detector can have."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or not 0 < found.st_size <= MAX_FILE_BYTES:
            raise IntegrityError(
                f"{path} must be a regular file of at most {MAX_FILE_BYTES} bytes; "
                f"it has {found.st_size}; {_ABOUT_YUNET}"
            )
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES)
    except FileNotFoundError:
        raise ModelNotFoundError(f"{path}: no face detector there; {_ABOUT_YUNET}") from None
    except (OSError, ValueError) as error:
        raise IntegrityError(f"{path} cannot be read ({error}); check its rights") from None


def _read(content: bytes, name: str) -> Any:
    if _EXTERNAL in content:  # OpenVINO would read them, from wherever this process was started
        raise IntegrityError(f"{name} must hold all its weights itself; {_ABOUT_YUNET}")
    try:
        model = core().read_model(content)
        inputs = [(p.element_type.get_type_name(), len(p.partial_shape)) for p in model.inputs]
    except (RuntimeError, ValueError) as error:  # ValueError: a message or name that is no UTF-8
        raise IntegrityError(
            f"{name} must be an ONNX model ({brief(error)}); {_ABOUT_YUNET}"
        ) from error
    if inputs != [("f32", 4)]:
        raise IntegrityError(
            f"{name} must take one picture, float32 [1, 3, height, width], as YuNet does; "
            f"it takes {inputs}; {_ABOUT_YUNET}"
        )
    return model


def _wanted_outputs(sides: Sides) -> dict[str, str]:
    """Return type and shape of the outputs by name."""
    return {
        yunet.output_name(kind, stride): f"f32[1,{sides[0] * sides[1] // stride**2},{n}]"
        for stride in yunet.STRIDES
        for kind, n in yunet.OUTPUTS.items()
    }


def _described(model: Any) -> dict[str, str]:
    return {
        name: f"{port.element_type.get_type_name()}{port.partial_shape}"
        for port in model.outputs
        for name in port.names
    }


def _check_outputs(found: Mapping[str, str], sides: Sides, name: str) -> None:
    wanted = _wanted_outputs(sides)
    if any(found.get(output) != shape for output, shape in wanted.items()):
        raise IntegrityError(
            f"{name} must have YuNet's twelve outputs, {wanted} for this input; it has "
            f"{dict(list(found.items())[:12])}; {_ABOUT_YUNET}"
        )


def _devices(device: str) -> tuple[str, ...]:
    choice = choose(device, available_devices())
    if choice.absent:
        raise DeviceError(
            f"{choice.reason}{why_absent(choice.asked)}: choose another device for the detector"
        )
    return choice.order if choice.asked == "AUTO" else choice.order[:1]
