"""Cameras on the network (RTSP): opened only for a URL that the user gave."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from emonet_edge._extras import pyav
from emonet_edge.exceptions import InputError, MediaError
from emonet_edge.stream.clock import Clock
from emonet_edge.stream.sources.container_video import ContainerVideo

__all__ = ["NetworkCamera"]

# What each kind of URL may use. Nothing else can be connected to, whatever the camera answers.
_PROTOCOLS = {
    ("rtsp", "tcp"): "rtsp,tcp",
    ("rtsp", "udp"): "rtsp,tcp,udp,rtp",
    ("rtsps", "tcp"): "rtsp,tls,tcp",
}


class NetworkCamera(ContainerVideo):
    """An RTSP camera; a frame was taken when it arrives.

    ffmpeg's network calls end at their timeout and at nothing else, so a camera that has fallen
    silent keeps a `read` for up to `timeout` seconds, also after `close` (which does not wait).

    Args:
        url: "rtsp://[user:password@]host[:port]/path", or rtsps.
        clock: the stream's.
        transport: "tcp", or "udp" where latency counts for more than whole pictures.
        timeout: for connecting, and without data, in seconds.
        threads: of the decoder.

    Raises:
        InputError: another kind of URL or transport.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        transport: str = "tcp",
        timeout: float = 5.0,
        threads: int = 1,
    ) -> None:
        super().__init__(_without_password(url), threads)
        scheme = urlsplit(url).scheme.lower()
        if (scheme, transport) not in _PROTOCOLS:
            raise InputError(
                "a network camera must be rtsp over tcp or udp, or rtsps over tcp; got "
                f"{scheme}:// over {transport}; name another URL or transport"
            )
        self._url = url
        self._clock = clock
        self._timeout = timeout
        self._options = {
            "protocol_whitelist": _PROTOCOLS[scheme, transport],
            "format_whitelist": "rtsp,sdp",
            "rtsp_transport": transport,
            "allowed_media_types": "video",
            "timeout": str(int(timeout * 1e6)),
            # Counting the rate would cost 20 frames, and nobuffer the key frame that it looked at.
            "fpsprobesize": "0",
        }

    def _open_container(self) -> Any:
        try:
            return pyav().open(
                self._url,
                mode="r",
                format="rtsp",
                container_options=self._options,
                timeout=self._timeout,
                metadata_errors="replace",
            )
        except Exception as error:  # a camera's answers make the demuxer raise almost anything
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise MediaError(
                f"{self.name} cannot be reached ({reason}): check its address, its password and "
                "the network"
            ) from error

    def _captured_at(self, timestamp: float | None) -> float:
        return self._clock.now()


def _without_password(url: str) -> str:
    """Return the URL as it may be printed."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="").geturl()
