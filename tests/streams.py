"""Cameras for tests: an MJPEG one over HTTP and an RTSP one, on loopback and a port of their own."""

import base64
import functools
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.clips import encoded, numbered

SYSTEM_PYTHON = "/usr/bin/python3"
USER, PASSWORD = "viewer", "s3cr:t/ @%"
"""A password with every character that has a meaning in URLs."""


class HttpCamera:
    """Serves numbered frames as multipart JPEG at /stream, as one JPEG at /still.jpg, a file at /clip, words at /text;
    /protected wants the password; /mute accepts and says nothing."""

    def __init__(
        self, port: int = 0, fps: float = 50.0, clip: Path | None = None, jpeg: Callable[[int], bytes] | None = None
    ) -> None:
        """`jpeg` gives other frames than the numbered ones, by their number."""
        self.fps = fps
        self.jpeg = jpeg or jpeg_of
        self.clip = clip
        self.sent = 0
        """The number that the newest frame carries."""
        self.flowing = threading.Event()
        self.flowing.set()
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), functools.partial(_Handler, self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def url(self, path: str = "/stream", login: str = "") -> str:
        return f"http://{login}127.0.0.1:{self.port}{path}"

    def stop(self) -> None:
        """Hang up on everybody."""
        self.closing.set()
        self.flowing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "HttpCamera":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        """A client that has gone away is no news."""


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, camera: HttpCamera, *args) -> None:
        self._camera = camera
        super().__init__(*args)

    def do_GET(self) -> None:
        page = {
            "/stream": self._stream,
            "/protected": self._protected,
            "/still.jpg": lambda: self._send("image/jpeg", self._camera.jpeg(self._camera.sent)),
            "/clip": lambda: self._send("video/mp4", self._camera.clip.read_bytes()),
            "/text": lambda: self._send("text/plain", b"no camera here\n" * 50),
            "/mute": self._camera.closing.wait,
        }.get(self.path.split("?")[0])
        with suppress(ConnectionError):
            page() if page else self.send_error(404)

    def _protected(self) -> None:
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") == expected:
            self._stream()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="camera"')
        self.end_headers()

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        camera = self._camera
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        while not camera.closing.wait(1 / camera.fps):
            camera.flowing.wait()
            camera.sent += 1
            jpeg = camera.jpeg(camera.sent)
            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg))
            self.wfile.write(jpeg + b"\r\n")

    def log_message(self, *_: object) -> None:
        pass


@functools.cache
def jpeg_of(number: int) -> bytes:
    return encoded(numbered(number))


class RtspCamera:
    """A GStreamer pipeline behind an RTSP server; skips the test where that isn't installed."""

    def __init__(self, pipeline: str, port: int = 0, password: str = "") -> None:
        script = Path(__file__).with_name("rtsp_server.py")
        command = [SYSTEM_PYTHON, str(script), str(port), pipeline, *([password] if password else [])]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(self._process.stdout.readline() or 0)
        assert self.port, f"the RTSP server did not start: {' '.join(command)}"

    def url(self, login: str = "", path: str = "/cam") -> str:
        return f"rtsp://{login}127.0.0.1:{self.port}{path}"

    def freeze(self) -> None:
        """Stop in the middle of everything, as a camera does that has hung itself up; the network stays up."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> "RtspCamera":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@functools.cache
def _rtsp_missing() -> str:
    """What the system's python3 says when it can't be an RTSP server; empty where it can."""
    needs = (
        "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0');"
        "from gi.repository import Gst, GstRtspServer; Gst.init(None);"
        "missing = [e for e in ('videotestsrc', 'jpegenc', 'rtpjpegpay', 'qtdemux') if not Gst.ElementFactory.find(e)];"
        "assert not missing, missing"
    )
    try:
        done = subprocess.run([SYSTEM_PYTHON, "-c", needs], capture_output=True, text=True, check=False)
    except OSError as exc:
        return str(exc)
    return done.stderr.strip().rsplit("\n", 1)[-1] if done.returncode else ""


def skip_without_rtsp_server() -> None:
    """Skip the test where GStreamer's RTSP server is not installed."""
    if reason := _rtsp_missing():
        pytest.skip(
            "needs apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base "
            f"gstreamer1.0-plugins-good ({reason})"
        )


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail where a wait would otherwise go on for ever; a generous bound, not a measurement."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds, "it took far too long"
