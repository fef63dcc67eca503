"""Nothing that leaves a node is, or could be, a picture: every byte of MQTT and HTTP of a run is looked at."""

import io
import json
import signal
import socket
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import av
import pytest

from edgepose.demo_clip import CLIP
from tests.broker import HOST, Mosquitto, Reader, free_port
from tests.daemon import Daemon, config

ROOM = "edgepose/flat/room"
LARGEST_POSE = 16_384
LARGEST = 32_768
SIGNATURES = (
    b"\xff\xd8\xff",
    b"\x89PNG",
    b"GIF8",
    b"RIFF",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"\0\0\0\x18ftyp",
    b"\0\0\0\x01",
)
pytestmark = pytest.mark.broker


class Wiretap:
    """A relay to the broker that keeps every byte of both directions."""

    def __init__(self, port: int) -> None:
        self._broker = port
        self._lock = threading.Lock()
        self.data = bytearray()
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            broker = socket.create_connection((HOST, self._broker))
            for here, there in ((client, broker), (broker, client)):
                threading.Thread(target=self._pass_on, args=(here, there), daemon=True).start()

    def _pass_on(self, here: socket.socket, there: socket.socket) -> None:
        try:
            while data := here.recv(65536):
                with self._lock:
                    self.data += data
                there.sendall(data)
            there.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self) -> None:
        self._listener.close()


def decodes_as_picture(data: bytes) -> bool:
    """Whether FFmpeg finds a picture in it."""
    try:
        with av.open(io.BytesIO(data)) as container:
            return any(True for stream in container.streams.video for _ in container.decode(stream))
    except (av.FFmpegError, ValueError, OSError):
        return False


def test_the_look_itself_finds_pictures():
    with av.open(str(CLIP)) as container:
        frame = next(container.decode(video=0))
    memory = io.BytesIO()
    with av.open(memory, "w", format="image2pipe") as output:
        stream = output.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuvj420p"
        output.mux(stream.encode(frame.reformat(format="yuvj420p")))
        output.mux(stream.encode(None))
    assert decodes_as_picture(memory.getvalue())
    assert memory.getvalue().startswith(SIGNATURES)


def test_no_message_and_no_page_is_a_picture(mosquitto: Mosquitto, daemons: Any):
    wire, port = Wiretap(mosquitto.port), free_port()
    reader = Reader(mosquitto.port, "#")
    wide = config(wire.port, {"type": "file", "path": str(CLIP), "loop": True}, pose={"openpose": True})
    wide["cameras"]["room"]["zones"] = {"all": {"kind": "other", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}}
    daemon: Daemon = daemons({**wide, "http": {"bind": f"{HOST}:{port}"}})
    reader.wait_for(f"{ROOM}/pose", count=100)
    daemon.send(signal.SIGUSR1)
    reader.wait_for(f"{ROOM}/event")
    reader.wait_for("edgepose/flat/health")
    pages = [urllib.request.urlopen(f"http://{HOST}:{port}/{page}").read() for page in ("metrics", "healthz")]
    daemon.send(signal.SIGTERM)
    assert daemon.ends() == 0
    reader.wait_for("edgepose/flat/status", b"stopped")

    heard = reader.heard
    topics = {message.topic for message in heard}
    assert {f"{ROOM}/pose", f"{ROOM}/pose/openpose", f"{ROOM}/event", f"{ROOM}/zone/all/state"} <= topics
    for message in heard:
        assert len(message.payload) <= (LARGEST_POSE if "/pose" in message.topic else LARGEST), message.topic
        assert not message.payload.startswith(SIGNATURES), message.topic
        message.payload.decode()  # all of it is text …
        if message.payload[:1] in (b"{", b"["):
            json.loads(message.payload)  # … in which nothing hides behind a document
        else:
            assert len(message.payload) < 16
    by_topic = {message.topic: message.payload for message in heard}
    for payload in [*by_topic.values(), *pages, bytes(wire.data)]:
        assert not decodes_as_picture(payload)
    assert not any(signature in wire.data for signature in (b"\xff\xd8\xff", b"\x89PNG", b"ftyp"))
    for text in strings(heard):
        assert len(text) <= 512, "no text is long enough to be an encoded picture"
    wire.close()


def strings(heard: list[Any]) -> list[str]:
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict | list):
            for inner in value.values() if isinstance(value, dict) else value:
                walk(inner)

    for message in heard:
        if message.payload[:1] in (b"{", b"["):
            walk(json.loads(message.payload))
    return found


def test_no_frame_is_written_to_disk(mosquitto: Mosquitto, daemons: Any, tmp_path: Path):
    reader = Reader(mosquitto.port, "#")
    started = time.time()
    daemon: Daemon = daemons(config(mosquitto.port, {"type": "file", "path": str(CLIP), "loop": True}))
    reader.wait_for(f"{ROOM}/pose", count=100)
    daemon.send(signal.SIGTERM)
    assert daemon.ends() == 0
    fresh = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_mtime >= started - 1]
    ours = [path for path in fresh if "broker" not in path.relative_to(tmp_path).parts[0]]
    assert {path.name for path in ours} <= {"edgepose.log", "edgepose.yaml", "lock", "events.queue", "names.json"}
    assert not any(decodes_as_picture(path.read_bytes()) for path in ours)
