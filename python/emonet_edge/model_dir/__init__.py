"""Model directories: what one says about itself, opening and checking one, finding, writing."""

from emonet_edge.model_dir.directory import (
    FileResult,
    ModelDir,
    ModelDirWriter,
    check_memory,
    loading_bytes,
    read_manifest,
    resolve,
    verify_files,
)

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
