"""A hub on this machine: the part of the Hugging Face hub's HTTP that downloads use."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + 34 * "0"


class Hub:
    """Serves folder/<owner>/<name>/... at one commit; faults are set on it by file name."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.url = ""
        self.requests = []  # (method, path, range)
        self.cut_after = {}  # file -> bytes, after which the connection is dropped, once
        self.altered = {}  # file -> bytes to send in place of its own

    def repository(self, name):
        root = self.folder / name
        if not root.is_dir():
            return None
        files = [p for p in sorted(root.rglob("*")) if p.is_file()]
        return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}

    def downloads(self, file):
        """How often a file's content was asked for."""
        return sum(m == "GET" and unquote(p).endswith(file) for m, p, _ in self.requests)


@contextmanager
def serve(folder):
    """Run a hub for a folder of repositories; yields it with its `url`."""
    hub = Hub(folder)
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, body):
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, self.path, self.headers.get("Range")))
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path):
            self._info(*match.groups())
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(*match.groups(), body)
        else:
            self._fail("EntryNotFound")

    def _info(self, name, revision):
        files = self.hub.repository(name)
        if files is None:
            return self._fail("RepoNotFound")
        if revision not in ("main", "v1", COMMIT):
            return self._fail("RevisionNotFound")
        return self._send(200, json.dumps({
            "id": name, "modelId": name, "sha": COMMIT, "private": False, "tags": [],
            "siblings": [_sibling(file, data) for file, data in files.items()],
        }).encode())  # fmt: skip

    def _file(self, name, revision, file, body):
        files = self.hub.repository(name) or {}
        if revision != COMMIT:
            return self._fail("RevisionNotFound")
        if file not in files:
            return self._fail("EntryNotFound")
        data = self.hub.altered.get(file, files[file])
        etag = hashlib.sha256(files[file]).hexdigest() if _large(file) else _blob(files[file])
        start = int((re.match(r"bytes=(\d+)-", self.headers.get("Range") or "") or [0, 0])[1])
        self.send_response(206 if start else 200)
        headers = {
            "ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes",
            "Content-Length": str(len(data) - start),
        }  # fmt: skip
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        if not body:
            return None
        cut = self.hub.cut_after.pop(file, None) if not start else None
        self.wfile.write(data[start:cut])
        if cut is not None:
            self.close_connection = True
        return None

    def _fail(self, code):
        self._send(404, b"{}", {"X-Error-Code": code, "X-Error-Message": code})

    def _send(self, status, data, headers=None):
        self.send_response(status)
        for key, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _large(file):
    return file.endswith((".pth", ".safetensors"))


def _blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _sibling(file, data):
    entry = {"rfilename": file, "size": len(data), "blobId": _blob(data)}
    if _large(file):
        sha256 = hashlib.sha256(data).hexdigest()
        entry["lfs"] = {"sha256": sha256, "size": len(data), "pointerSize": 134}
    return entry
