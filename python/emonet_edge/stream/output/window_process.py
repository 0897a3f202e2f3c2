"""The process of the overlay window: pictures in on standard input, shown as they come.

It is run as a file and imports nothing of the package, so that it starts quickly. Each picture is
`HEADER` (width and height in pixels) and the bytes of its RGB rows. It answers one line on standard
output: `READY`, or why there is no window; then it shows the newest picture until its input ends
or the user closes it (also by Escape or q).
"""

from __future__ import annotations

import signal
import struct
import sys
import threading
from typing import Any, BinaryIO

__all__ = ["HEADER", "NO_DISPLAY", "NO_TKINTER", "READY", "main"]

HEADER = "<II"
READY, NO_TKINTER, NO_DISPLAY = "ready", "no-tkinter", "no-display"
_POLL_MS = 15


def main(title: str) -> int:
    """Show a window until it is closed; returns the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that scores
    try:
        import tkinter

        from PIL import ImageTk
    except ImportError as error:
        return _answer(NO_TKINTER, str(error), 1)
    try:
        root = tkinter.Tk()
    except tkinter.TclError as error:
        return _answer(NO_DISPLAY, str(error), 1)
    root.title(title)
    for key in ("<Escape>", "q"):
        root.bind(key, lambda _event: root.destroy())
    label = tkinter.Label(root, borderwidth=0, background="black")
    label.pack()
    newest = _Newest(sys.stdin.buffer)

    def show() -> None:
        if newest.ended:
            root.destroy()
            return
        picture = newest.take()
        if picture is not None:
            image = ImageTk.PhotoImage(picture, master=root)
            label.configure(image=image)
            label.image = image  # type: ignore[attr-defined]  # tkinter keeps no reference
        root.after(_POLL_MS, show)

    root.after(0, show)
    _answer(READY, "", 0)
    root.mainloop()
    return 0


class _Newest:
    """Reads pictures in a thread, and keeps the last one."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._picture: Any = None
        self.ended = False
        threading.Thread(target=self._run, daemon=True).start()

    def take(self) -> Any:
        """Return the newest picture, or None if it was taken already."""
        picture, self._picture = self._picture, None
        return picture

    def _run(self) -> None:
        from PIL import Image

        size = struct.calcsize(HEADER)
        while len(header := self._stream.read(size)) == size:
            width, height = struct.unpack(HEADER, header)
            pixels = self._stream.read(3 * width * height)
            if len(pixels) < 3 * width * height:
                break
            self._picture = Image.frombytes("RGB", (width, height), pixels)
        self.ended = True


def _answer(word: str, reason: str, code: int) -> int:
    sys.stdout.write(f"{word} {' '.join(reason.split())}\n")
    sys.stdout.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
