"""Frames whose packet is decoded only when somebody looks: JPEG and raw pictures.

Each of their frames stands alone, and a stream looks at few of them. A 1080p JPEG costs
milliseconds to decode; not looking at it costs microseconds.
"""

from __future__ import annotations

import threading
from typing import Any

from emonet_edge.exceptions import MediaError
from emonet_edge.stream.sources.containers import failure_of
from emonet_edge.stream.sources.pixels import PictureFormat, Planes, planes_of

__all__ = ["DeferredDecoder", "stands_alone"]


def stands_alone(codec: str) -> bool:
    """Tell whether every packet of this codec is a whole picture."""
    return codec in ("mjpeg", "rawvideo")


class DeferredDecoder:
    """Decodes single packets of one track, from any thread, one at a time.

    Args:
        context: PyAV's decoder of the track; nobody else may use it.
        name: of the source, for messages.
    """

    def __init__(self, context: Any, name: str) -> None:
        self._context = context
        self._name = name
        self._lock = threading.Lock()

    def try_decode(self, packet: Any) -> Any:
        """Return a packet's `av.VideoFrame`, to see what the track looks like; None: damaged."""
        with self._lock:
            try:
                return self._decode(packet)
            except MediaError:
                return None

    def planes(self, packet: Any, wanted: PictureFormat) -> Planes:
        """Decode a packet into the planes that were promised.

        Raises:
            MediaError: it is damaged or of another size.
        """
        with self._lock:
            frame = self._decode(packet)
            size = (frame.height, frame.width) if wanted.turns % 2 else (frame.width, frame.height)
            if size != (wanted.width, wanted.height):
                raise MediaError(
                    f"{self._name}: a frame must be {wanted.width}x{wanted.height} as the first "
                    f"one was, this one is {size[0]}x{size[1]}: open the source again"
                )
            return planes_of(frame, wanted)

    def _decode(self, packet: Any) -> Any:
        try:
            frames = self._context.decode(packet)
        except Exception as error:  # damaged pictures make decoders raise almost anything
            raise failure_of(error, f"a frame of {self._name}") from error
        if not frames:
            raise MediaError(f"a frame of {self._name} is damaged: take the next one")
        return frames[0]
