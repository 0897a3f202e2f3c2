"""Model directories: what one says about itself, opening and checking one, finding, writing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emonet_edge._lazy import lazy_names
from emonet_edge.model_dir.directory import (
    ModelDir,
    check_memory,
    loading_bytes,
    read_manifest,
    verify_files,
)
from emonet_edge.model_dir.find import resolve
from emonet_edge.model_dir.integrity import FileResult

if TYPE_CHECKING:
    from emonet_edge.model_dir.writer import ModelDirWriter

__all__ = [
    "FileResult",
    "ModelDir",
    "ModelDirWriter",
    "check_memory",
    "loading_bytes",
    "read_manifest",
    "resolve",
    "verify_files",
]

# On use: a device that reads model directories has no need of what writes them.
__getattr__, __dir__ = lazy_names(__name__, {"ModelDirWriter": "writer"})
