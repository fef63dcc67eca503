"""One camera of two hangs in the middle of a frame: the supervisor hears nothing more, whatever else goes on."""

import json
import signal
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from edgepose.demo_clip import CLIP
from tests.broker import HOST, Mosquitto, Reader, free_port, wait_until
from tests.daemon import Daemon, config

SOURCE = {"type": "file", "path": str(CLIP), "loop": True, "realtime": True}
HANG = """
import os, time
import edgepose.pipeline
whole, hung = edgepose.pipeline.Pipeline.look, []
def look(self, fitted):
    if os.path.exists({flag!r}) and hung in ([], [self]):
        hung[:] = [self]
        time.sleep(3600)
    return whole(self, fitted)
edgepose.pipeline.Pipeline.look = look
"""
pytestmark = pytest.mark.broker


def test_a_camera_that_hangs_starves_the_watchdog_though_the_other_one_and_the_broker_are_well(
    mosquitto: Mosquitto, daemons: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    flag, folder, port = tmp_path / "hang", tmp_path / "injected", free_port()
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HANG.format(flag=str(flag)))
    supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    supervisor.bind(str(tmp_path / "notify"))
    supervisor.settimeout(20)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    reader = Reader(mosquitto.port, "edgepose/#")
    made = config(mosquitto.port, SOURCE)
    made["cameras"] = {"room": {"source": SOURCE}, "hall": {"source": SOURCE}}
    daemon: Daemon = daemons({**made, "http": {"bind": f"{HOST}:{port}"}})

    def fed(within_s: float) -> bool:
        supervisor.settimeout(within_s)
        end_s = time.monotonic() + within_s
        try:
            while time.monotonic() < end_s:
                if b"WATCHDOG=1" in supervisor.recv(4096):
                    return True
        except TimeoutError:
            pass
        return False

    for camera in ("room", "hall"):
        reader.wait_for(f"edgepose/flat/{camera}/pose", count=3)
    assert fed(20) and fed(20)
    flag.touch()
    wait_until(lambda: not fed(4), "the feeding to end")
    heard = {camera: len(reader.payloads(f"edgepose/flat/{camera}/pose")) for camera in ("room", "hall")}
    wait_until(
        lambda: any(len(reader.payloads(f"edgepose/flat/{name}/pose")) > count + 3 for name, count in heard.items()),
        "the other camera goes on",
    )
    assert reader.payloads("edgepose/flat/status")[-1] == b"online"

    def late() -> list[str]:
        try:
            urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=10).close()
        except urllib.error.HTTPError as exc:
            return json.loads(exc.read())["late"]
        return []

    wait_until(lambda: len(late()) == 1, "/healthz to name the camera that hangs")
    daemon.send(signal.SIGTERM)
    assert daemon.ends() == 0, "a hang is no reason not to stop"
    assert "does not let go" in daemon.log  # it has ended, so its log is whole
