"""Which calibration material an export takes, and the recipe that is possible with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emonet_edge_export import public_calibration
from emonet_edge_export.calibration import Samples, drawn_samples, from_folder
from emonet_edge_export.encoder.quantize import Recipe
from emonet_edge_export.errors import ExportError
from emonet_edge_export.options import ExportOptions
from emonet_edge_export.progress import Progress
from emonet_edge_export.upstream.load_encoder import EncoderConfig
from emonet_edge_export.workspace import Workspace

__all__ = ["Material", "find_material"]


@dataclass(frozen=True)
class Material:
    """Inputs to calibrate and prove with, and the recipe that they allow."""

    samples: Samples
    recipe: Recipe

    @property
    def calibration(self) -> Samples | None:
        """What activations are measured on; None where inputs drawn in code would mislead."""
        fit = self.recipe.needs_calibration or self.samples.representative
        return self.samples if fit else None


def find_material(
    options: ExportOptions, config: EncoderConfig, work: Workspace, progress: Progress
) -> Material:
    """Take the folder that was asked for, that of --source, or a public set; else draw inputs.

    Raises:
        ExportError: the recipe that was asked for needs real material, and there is none.
        SourceError: the public set cannot be had.
    """
    recipe, how = options.wished_recipe, config.preparation
    folder = options.calibration or _folder_of(options.source, options.modality)
    if folder is not None:
        return Material(from_folder(folder, options.modality, how), recipe)
    if options.source is None:
        place = work.path("calibration")
        samples = public_calibration.public_samples(options.modality, how, place, progress)
        return Material(samples, recipe)
    recipe = _recipe_without_material(options)
    progress.say(
        f"no calibration set in {options.source}: recipe {recipe.name}, proven on inputs drawn "
        "in code (--calibration DIR is better)"
    )
    return Material(drawn_samples(options.modality, how), recipe)


def _folder_of(source: Path | None, modality: str) -> Path | None:
    if source is None:
        return None
    shared = source / public_calibration.FOLDER / modality
    return shared if shared.is_dir() else None


def _recipe_without_material(options: ExportOptions) -> Recipe:
    recipe = options.wished_recipe
    if not recipe.needs_calibration:
        return recipe
    if options.recipe is not None:
        raise ExportError(
            f"the recipe {recipe.name} needs calibration data, and {options.source} has no "
            f"{public_calibration.FOLDER}/{options.modality}: --calibration DIR, or "
            "another --recipe"
        )
    return Recipe("int8-weights", recipe.target)
