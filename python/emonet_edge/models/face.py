"""Faces: a picture becomes the scores of 40 emotions and 4 dimensions."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from emonet_edge.exceptions import EmonetWarning, ManifestError
from emonet_edge.heads import HeadsMemory
from emonet_edge.image import Color, preprocess_image
from emonet_edge.model_dir.manifest import ImagePreparation
from emonet_edge.models.emotion_model import (
    EmotionModel,
    LoadOptions,
    chosen_names,
    load_parts,
    open_directory,
)
from emonet_edge.scores import Scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FaceEmotionModel"]


class FaceEmotionModel(EmotionModel):
    """Scores faces. `model(image)` is `score(embed(prepare(image)))`."""

    modality = "face"

    @classmethod
    def load(
        cls,
        model_dir: str | os.PathLike[str],
        *,
        device: str = "AUTO",
        heads: Sequence[str] | None = None,
        threads: int | None = None,
        verify: Literal["fast", "full"] = "fast",
        precision_hint: str | None = None,
        batch: int = 1,
        fallback: bool = True,
        cache: bool = True,
        memory: HeadsMemory = "map",
    ) -> FaceEmotionModel:
        """Load a model directory.

        Args:
            model_dir: the directory.
            device: "AUTO", "CPU", "GPU", "GPU.1", "NPU". What runs in the end, and why, is in
                `report`; another device than the one asked for is also a warning.
            heads: canonical names of the heads to score; None is all.
            threads: for encoder and heads; None is the process's thread budget.
            verify: "fast" checks what loading can check in a moment (see `ModelDir.open`), "full"
                hashes every file.
            precision_hint: "f32", "bf16" or "f16"; None is the one that the directory's fidelity
                was certified with.
            batch: how many faces the encoder runs at once, 1 to 64.
            fallback: whether the CPU may stand in for a device that is absent or fails.
            cache: whether compiled models are kept for the next start.
            memory: "map" or "copy", see `MultiHeadMLP.open`.

        Raises:
            ModelDirectoryError: missing, incomplete, altered, or from a newer format.
            MemoryBudgetError: it does not fit the memory there is.
            DeviceError: no such device, or the encoder cannot run.
            UnknownNameError: a head that the directory does not have.
        """
        options = LoadOptions(
            device=device,
            threads=threads,
            precision_hint=precision_hint,
            batch=batch,
            fallback=fallback,
            cache=cache,
            memory=memory,
        )
        directory = open_directory(model_dir, cls.modality, verify)
        encoder, mlp = load_parts(directory, options, chosen_names(directory, heads))
        if encoder.fallback:
            warnings.warn(encoder.fallback, EmonetWarning, stacklevel=2)
        return cls(directory, encoder, mlp, ())

    def prepare(
        self,
        image: Any,
        box: Sequence[float] | None = None,
        color: Color = "rgb",
        **yuv: Any,
    ) -> NDArray[np.float32]:
        """Prepare a picture as this model's encoder expects it.

        Args:
            image: uint8 [height, width, 3] in rgb or bgr, or a frame in nv12 or yuyv; see
                `preprocess_image`.
            box: (x, y, width, height) of the face in pixels; None is the whole picture. The
                models were trained on portraits: leave a margin around a detector's tight box.
            color: "rgb", "bgr", "nv12" or "yuyv".
            **yuv: `width`, `matrix` and `range` of `preprocess_image`.

        Returns:
            float32 [3, 384, 384].

        Raises:
            ImageError: shape, type, box or option cannot be used.
        """
        how = self.directory.manifest.preparation
        if not isinstance(how, ImagePreparation):
            raise ManifestError("a face model must prepare images; export the directory again")
        return preprocess_image(image, box, color, mean=how.mean, std=how.std, size=how.size, **yuv)

    def __call__(
        self,
        image: Any,
        box: Sequence[float] | None = None,
        color: Color = "rgb",
        **yuv: Any,
    ) -> Scores:
        """Score one face; arguments and errors as in `prepare`."""
        return self.score(self.embed(self.prepare(image, box, color, **yuv)))
