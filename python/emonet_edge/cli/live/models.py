"""The models that a stream needs: those whose source is there, and no more."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import emonet_edge as ee
from emonet_edge.cli import models
from emonet_edge.cli.live.sources import Wanted
from emonet_edge.cli.output import note, print_lines
from emonet_edge.exceptions import ModelNotFoundError


@dataclass(frozen=True)
class LiveModels:
    """What was loaded; None where it is not needed."""

    face: Any = None
    detector: Any = None
    voice: Any = None

    @property
    def synthetic(self) -> bool:
        """Whether any scores mean nothing."""
        return any(model.synthetic for model in (self.face, self.voice) if model)

    def to_dict(self) -> dict[str, Any]:
        """Return what stands at the start of the records."""
        pairs = (("face", self.face), ("voice", self.voice))
        return {name: models.model_record(model) for name, model in pairs if model}


def load_models(args: argparse.Namespace, wanted: Wanted) -> LiveModels:
    """Load them, with their detector, and say which runs where.

    Raises:
        EmonetError: one is not there, or cannot be used.
    """
    face = detector = voice = None
    if wanted.video is not None:
        path = _place(args, "face")
        # The detector first: a mistake is said before the encoder is compiled for a minute.
        detector = _load_detector(args, path)
        face = models.load_face(path, args.device, args.threads)
    if wanted.audio is not None:
        path = _place(args, "voice")
        voice = models.load_voice(path, args.device, args.threads, args.heads, args.memory_budget)
    found = LiveModels(face, detector, voice)
    _introduce(found, args.json)
    return found


def _place(args: argparse.Namespace, modality: str) -> Any:
    if args.synthetic:
        return models.synthetic_model(modality, args.synthetic)
    return ee.model_dir.resolve(getattr(args, f"{modality}_model") or args.model, modality)


def _load_detector(args: argparse.Namespace, face_model: Any) -> Any:
    if args.detector is not None:
        return ee.FaceDetector.load(args.detector)
    if args.synthetic:
        note(
            "no --detector: the middle of the picture stands for a face, as synthetic as the "
            "weights"
        )
        return MiddleOfThePicture()
    try:
        return ee.FaceDetector.load(face_model)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(f"{error}; or name one: --detector FILE") from error


class MiddleOfThePicture:
    """Stands in for a detector where the weights are synthetic as well: one face, always there."""

    def detect(self, image: Any, color: Any = "rgb", **options: Any) -> tuple[Any, ...]:
        """Return a box of half the picture's height in its middle."""
        from emonet_edge import Face
        from emonet_edge.image import picture_sides

        height, width = picture_sides(image, color, options.get("width"))
        tall = height / 2
        wide = min(0.75 * tall, 0.75 * width)
        left, top = (width - wide) / 2, (height - tall) / 2
        points = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))
        landmarks = tuple((left + x * wide, top + y * tall) for x, y in points)
        return (Face((left, top, wide, tall), 1.0, landmarks),)


def _introduce(found: LiveModels, as_json: bool) -> None:
    for model in (found.face, found.voice):
        if model is not None and not as_json:
            print_lines(models.describe(model))
    if found.synthetic:
        say = note if as_json else print_lines
        say(ee.scores.SYNTHETIC_NOTICE)
