"""Microphones through PortAudio (sounddevice)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emonet_edge._extras import sounddevice
from emonet_edge.exceptions import DeviceError
from emonet_edge.stream.clock import Clock
from emonet_edge.stream.sources import port_audio
from emonet_edge.stream.sources.sample_queue import SampleQueue
from emonet_edge.stream.sources.source import AudioBlock, Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Microphone"]

_BLOCK_S = 0.032  # one callback each: a chunk of the voice activity detector
_RING_S = 10.0  # how late the reader may be before samples are lost


class Microphone(Source[AudioBlock]):
    """A microphone at its own sample rate.

    PortAudio calls back from its own thread into a ring of ten seconds, which never grows: samples
    that nobody fetched in time show as a jump of `first_sample`, as do those that the driver lost.

    Args:
        device: number or part of the name, as in `list_devices`; None: the system's default.
        clock: the stream's.
        sample_rate: in Hz; None: the device's own.
        channels: to record.
        stall_after: without samples for this long, in seconds, the device counts as gone.
    """

    def __init__(
        self,
        device: int | str | None,
        clock: Clock,
        sample_rate: int | None = None,
        channels: int = 1,
        stall_after: float = 5.0,
    ) -> None:
        super().__init__("the default microphone" if device is None else f"microphone {device}")
        self._device = device
        self._clock = clock
        self._wanted_rate = sample_rate
        self._sample_rate = 0
        self._channels = channels
        self._stall_after = stall_after
        self._stream: Any = None
        self._queue = SampleQueue(1, 1)
        self._heard_until: float | None = None

    @property
    def lost(self) -> int:
        """How many samples were lost so far."""
        return self._queue.lost

    def close(self) -> None:
        """End it, and a `read` that waits in another thread; it cannot be opened again."""
        self._stop.set()
        self._queue.end()
        self._free_if_idle()

    def _open(self) -> None:
        library = sounddevice()
        try:
            self._start(library)
        except Exception:  # it may have been plugged in since PortAudio last looked
            self._release()
            if not port_audio.look_again():
                raise
            self._start(library)

    def _start(self, library: Any) -> None:
        try:
            found = library.query_devices(self._device, "input")
            rate = self._sample_rate = int(self._wanted_rate or found["default_samplerate"])
            self._queue = SampleQueue(int(_RING_S * rate), rate)
            self._stream = port_audio.opened(
                library.InputStream(
                    device=self._device,
                    samplerate=rate,
                    blocksize=int(_BLOCK_S * rate),
                    channels=self._channels,
                    dtype="float32",
                    callback=self._hear,
                    finished_callback=self._queue.end,
                )
            )
            self._stream.start()
        except Exception as error:  # PortAudioError, and ValueError for an unknown name
            raise DeviceError(
                f"{self.name} cannot be opened ({error}): plug it in, or choose one of "
                "`emonet-edge live --list-devices`"
            ) from error

    def _read(self) -> AudioBlock | None:
        block = self._queue.read(self._stall_after)
        if block is not None or self.closed:
            return block
        if self._queue.ended:
            raise DeviceError(f"{self.name} went away: plug it in")
        raise DeviceError(
            f"{self.name} gave no sound for {self._stall_after:g} s: plug it in again"
        )

    def _release(self) -> None:
        if self._stream is not None:
            port_audio.close(self._stream)
            self._stream = None

    def _hear(self, samples: NDArray[np.float32], count: int, time: Any, status: Any) -> None:
        """Take what PortAudio recorded: called in its thread, which must not be kept."""
        duration = count / self._sample_rate
        captured_at = self._clock.now() - duration - _delay(time, duration)
        if status.input_overflow and self._heard_until is not None:
            lost = (captured_at - self._heard_until) * self._sample_rate
            self._queue.skip(max(1, round(lost)))
        self._heard_until = captured_at + duration
        # PortAudio reuses its memory.
        self._queue.write(
            samples[:, 0].copy() if self._channels == 1 else samples.copy(), captured_at
        )


def _delay(time: Any, duration: float) -> float:
    """Return how long ago the last sample was heard, in seconds, where PortAudio knows."""
    delay = float(time.currentTime - time.inputBufferAdcTime) - duration
    return delay if 0.0 < delay < 1.0 else 0.0
