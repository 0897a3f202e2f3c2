"""Sources for those who have their own capture and write against sources.

Where the pusher has a session at hand, its `push_frame` and `push_samples` are simpler.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emonet_edge.exceptions import AudioError, ImageError
from emonet_edge.image import Color, YuvMatrix, YuvRange
from emonet_edge.stream.clock import Clock
from emonet_edge.stream.frames import Frame
from emonet_edge.stream.sources.sample_queue import SampleQueue
from emonet_edge.stream.sources.source import AudioBlock

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PushAudio", "PushVideo", "frame_of_array"]

_RING_S = 10.0
_FOREVER = 1e6  # seconds: a pusher may pause as long as it likes


def frame_of_array(
    image: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    *,
    seq: int,
    captured_at: float,
    color: Color = "rgb",
    width: int | None = None,
    matrix: YuvMatrix = "bt601",
    range: YuvRange = "limited",  # noqa: A002 - the word that video tags use
) -> Frame:
    """Return a frame of pixels that are there already; they are shared, not copied.

    Args:
        image: as `preprocess_image` takes it.
        seq: number of the frame in its source.
        captured_at: when it was taken, in seconds of the stream's clock.
        color: "rgb", "bgr", "nv12" or "yuyv".
        width: pixels per row of nv12 and yuyv, where the rows are padded.
        matrix: of nv12 and yuyv.
        range: of nv12 and yuyv.

    Raises:
        ImageError: it is no array, or not of a rank that this color has.
    """
    first = image[0] if color == "nv12" and isinstance(image, (tuple, list)) else image
    shape: tuple[int, ...] = getattr(first, "shape", ())
    if len(shape) < 2:
        raise ImageError(
            f"a frame in {color} must be an array of rows; got {type(first).__name__} of shape "
            f"{list(shape)}; pass it as preprocess_image takes it"
        )
    rows, across = int(shape[0]), int(shape[1])
    if color == "nv12" and first is image:
        rows = rows * 2 // 3
    if color == "yuyv" and len(shape) == 2:
        across //= 2
    return Frame(
        seq=seq,
        captured_at=captured_at,
        width=across if width is None else width,
        height=rows,
        color=color,
        planes=lambda: image,
        matrix=matrix,
        range=range,
    )


class PushVideo:
    """Hands over the newest frame that was pushed; older ones that nobody read are replaced.

    Args:
        clock: the stream's, for frames that are pushed without a time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seq = 0
        self._frame: Frame | None = None
        self._dropped = 0
        self._ended = False
        self._changed = threading.Condition()

    @property
    def dropped(self) -> int:
        """How many frames were replaced before they were read; their numbers are missing."""
        return self._dropped

    def push(
        self,
        image: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
        color: Color = "rgb",
        *,
        captured_at: float | None = None,
        width: int | None = None,
        matrix: YuvMatrix = "bt601",
        range: YuvRange = "limited",  # noqa: A002
    ) -> None:
        """Offer a frame; the array must stay as it is until a newer one was read.

        Args are those of `frame_of_array`; `captured_at` is now by default.

        Raises:
            ImageError: it is no array, or not of a rank that this color has.
        """
        at = self._clock.now() if captured_at is None else captured_at
        with self._changed:
            frame = frame_of_array(
                image,
                seq=self._seq,
                captured_at=at,
                color=color,
                width=width,
                matrix=matrix,
                range=range,
            )
            self._dropped += self._frame is not None
            self._frame = frame
            self._seq += 1
            self._changed.notify()

    def read(self) -> Frame | None:
        """Wait for a newer frame; None: there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._ended)
            frame, self._frame = self._frame, None
            return frame

    def end(self) -> None:
        """Say that nothing comes any more; what was pushed can still be read."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """End it, and a `read` that waits in another thread."""
        self.end()


class PushAudio:
    """Hands over samples that are pushed; what is not read for ten seconds is lost and skipped.

    Args:
        clock: the stream's, for samples that are pushed without a time.
        sample_rate: in Hz.
    """

    def __init__(self, clock: Clock, sample_rate: int) -> None:
        self._clock = clock
        self._sample_rate = sample_rate
        self._queue = SampleQueue(int(_RING_S * sample_rate), sample_rate)

    @property
    def lost(self) -> int:
        """How many samples were lost so far."""
        return self._queue.lost

    def push(self, samples: NDArray[np.float32], captured_at: float | None = None) -> None:
        """Offer samples; the array must stay as it is.

        Args:
            samples: float32 [n] or [n, channels], full scale at 1.0.
            captured_at: when the first one was heard, in seconds of the stream's clock; by
                default such that the last one is heard now.

        Raises:
            AudioError: no array, or of another rank or type.
        """
        if getattr(samples, "ndim", 0) not in (1, 2) or samples.dtype != "float32":
            raise AudioError(
                "samples must be a float32 array [n] or [n, channels]; got "
                f"{type(samples).__name__} {getattr(samples, 'dtype', '')}; convert it with "
                "numpy.asarray(samples, dtype=numpy.float32)"
            )
        if not len(samples):
            return
        if captured_at is None:
            captured_at = self._clock.now() - len(samples) / self._sample_rate
        self._queue.write(samples, captured_at)

    def read(self) -> AudioBlock | None:
        """Wait for samples; None: there will be none."""
        while (block := self._queue.read(_FOREVER)) is None and not self._queue.ended:
            continue
        return block

    def end(self) -> None:
        """Say that nothing comes any more; what was pushed can still be read."""
        self._queue.end()

    def close(self) -> None:
        """End it, and a `read` that waits in another thread."""
        self._queue.end()
