"""A network camera on this machine: RTSP over TCP with H.264, as small as ffmpeg accepts it."""

from __future__ import annotations

import contextlib
import socket
import threading

from stream_media import HEIGHT, RATE, WIDTH, av, picture

SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
    "a=control:track\r\n"
)


def rtp_packets(count: int) -> list[bytes]:
    """Encode pictures and cut them into RTP packets, as ffmpeg does."""
    packets = []

    class Network:
        def write(self, data):
            packets.append(bytes(data))
            return len(data)

    with av.open(Network(), "w", format="rtp", buffer_size=1400) as file:
        stream = file.add_stream("libx264", rate=RATE, options={"tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = 5
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return packets


class RtspServer:
    """Serves its packets to everyone who plays, then says nothing more until it is pulled."""

    def __init__(self, packets: list[bytes], port: int = 0) -> None:
        self._packets = packets
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"rtsp://user:secret@127.0.0.1:{self.port}/stream"

    def pull(self) -> None:
        """Take it off the network, connections and all."""
        for each in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=[connection], daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as requests:
                while request := self._request(requests):
                    self._answer(connection, *request)
        except OSError:
            return

    def _request(self, requests) -> tuple[str, str] | None:
        method, number = "", ""
        while line := requests.readline().decode().strip():
            if not method:
                method = line.split()[0]
            if line.lower().startswith("cseq:"):
                number = line.split()[1]
        return (method, number) if method else None

    def _answer(self, connection: socket.socket, method: str, number: str) -> None:
        body = SDP if method == "DESCRIBE" else ""
        headers = {
            "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n",
            "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
            "OPTIONS": "Public: DESCRIBE, SETUP, PLAY\r\n",
        }.get(method, "Session: 1\r\n")
        connection.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{headers}\r\n{body}".encode())
        if method == "PLAY":
            for packet in self._packets:
                channel = 1 if 200 <= packet[1] <= 204 else 0  # RTCP
                connection.sendall(
                    b"$" + bytes([channel]) + len(packet).to_bytes(2, "big") + packet
                )
