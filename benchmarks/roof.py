"""A plain streaming read of a file's mapped bytes: no work on weights can be faster."""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["mapped", "streaming_read", "wrapping_sum"]


@functools.cache
def _library() -> Any:
    """Compile streaming_read.c for this CPU.

    Raises:
        RuntimeError: there is no C compiler, or no AVX2.
    """
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise RuntimeError("the streaming read needs gcc or clang")
    source = Path(__file__).with_name("streaming_read.c")
    target = Path(tempfile.mkdtemp(prefix="emonet-bench-")) / "streaming_read.so"
    flags = ["-O3", "-mavx2", "-shared", "-fPIC", "-pthread"]
    subprocess.run([compiler, *flags, str(source), "-o", str(target)], check=True)
    library = ctypes.CDLL(str(target))
    library.streaming_read.restype = ctypes.c_uint64
    library.streaming_read.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return library


def mapped(path: Path, size: int | None = None) -> NDArray[np.uint8]:
    """A file's first `size` bytes, mapped read-only as the heads are."""
    whole = np.memmap(path, np.uint8, "r")
    return whole if size is None else whole[:size]


def streaming_read(bytes_: NDArray[np.uint8], threads: int) -> Callable[[], int]:
    """Prepare a read of all bytes; calling it returns the wrapping sum of their 64-bit words."""
    library = _library()

    def run() -> int:  # holds bytes_, and with it the mapping
        return int(library.streaming_read(bytes_.ctypes.data, bytes_.nbytes, threads))

    return run


def wrapping_sum(bytes_: NDArray[np.uint8]) -> int:
    """What `streaming_read` has to return, by NumPy."""
    words = bytes_[: bytes_.nbytes // 8 * 8].view(np.uint64)
    return int(np.add.reduce(words, dtype=np.uint64))
