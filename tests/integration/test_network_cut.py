"""A cable that is pulled: broker and daemon in network namespaces of their own, and a link between them that goes down.

Unlike a connection that is closed, nobody is told; packets just don't arrive.
"""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from edgepose.demo_clip import CLIP
from tests.broker import tool, wait_until
from tests.daemon import config

BROKER_IP, DAEMON_IP, PORT = "10.77.0.1", "10.77.0.2", 1883
pytestmark = pytest.mark.broker


class Cable:
    """Two namespaces and the link between them."""

    def __init__(self) -> None:
        stem = f"edgepose-{uuid.uuid4().hex[:6]}"
        self.broker, self.daemon = f"{stem}-b", f"{stem}-d"

    def lay(self) -> bool:
        """Whether this machine lets us."""
        ip = tool("ip")
        commands = [
            f"netns add {self.broker}",
            f"netns add {self.daemon}",
            f"link add cable netns {self.broker} type veth peer name cable netns {self.daemon}",
            *(f"-n {name} link set lo up" for name in (self.broker, self.daemon)),
            f"-n {self.broker} addr add {BROKER_IP}/24 dev cable",
            f"-n {self.daemon} addr add {DAEMON_IP}/24 dev cable",
            *(f"-n {name} link set cable up" for name in (self.broker, self.daemon)),
        ]
        return all(
            subprocess.run([ip, *command.split()], check=False, capture_output=True).returncode == 0
            for command in commands
        )

    def set(self, way: str) -> None:
        """`down` or `up`."""
        subprocess.run([tool("ip"), "-n", self.broker, "link", "set", "cable", way], check=True)

    def remove(self) -> None:
        for name in (self.broker, self.daemon):
            subprocess.run([tool("ip"), "netns", "del", name], check=False, capture_output=True)


@pytest.fixture
def cable() -> Iterator[Cable]:
    made = Cable()
    try:
        if not made.lay():
            pytest.skip("network namespaces can be made by root alone")
        yield made
    finally:
        made.remove()


def test_alarms_of_while_the_cable_was_out_arrive_in_order_when_it_is_back(cable: Cable, tmp_path: Path):
    (tmp_path / "mosquitto.conf").write_text(f"listener {PORT} 0.0.0.0\nallow_anonymous true\nuser root\n")
    made = config(PORT, {"type": "file", "path": str(CLIP), "loop": True, "realtime": True})
    made["mqtt"] |= {"host": BROKER_IP, "keep_alive_s": 5}
    (tmp_path / "edgepose.yaml").write_text(yaml.safe_dump(made))
    log_path, heard_path = tmp_path / "edgepose.log", tmp_path / "heard"
    running: list[subprocess.Popen[bytes]] = []

    def start(namespace: str, *command: str, output: Path) -> subprocess.Popen[bytes]:
        with output.open("wb") as file:
            running.append(
                subprocess.Popen(
                    [tool("ip"), "netns", "exec", namespace, *command],
                    stdout=file,
                    stderr=file,
                    env={**os.environ, "STATE_DIRECTORY": str(tmp_path / "state")},
                )
            )
        return running[-1]

    def heard() -> list[dict]:
        return [json.loads(line) for line in heard_path.read_text().split("\n")[:-1] if line.startswith("{")]

    def unique() -> list[tuple[str, str]]:
        return list(dict.fromkeys((event["id"], event["phase"]) for event in heard()))

    try:
        start(cable.broker, tool("mosquitto"), "-c", str(tmp_path / "mosquitto.conf"), output=tmp_path / "broker.log")
        wait_until(lambda: "running" in (tmp_path / "broker.log").read_text(), "the broker")
        listener = (tool("mosquitto_sub"), "-h", BROKER_IP, "-q", "1", "-t", "edgepose/flat/room/event")
        start(cable.broker, *listener, output=heard_path)
        wait_until(lambda: "New client connected" in (tmp_path / "broker.log").read_text(), "the listener")
        run = (sys.executable, "-m", "edgepose", "run", "--config", str(tmp_path / "edgepose.yaml"))
        daemon = start(cable.daemon, *run, output=log_path)
        wait_until(lambda: "room: online" in log_path.read_text(), "the camera")
        wait_until(lambda: "connected to broker" in log_path.read_text(), "the connection")

        cable.set("down")
        daemon.send_signal(signal.SIGUSR1)
        wait_until(lambda: "trying again" in log_path.read_text(), "the daemon to notice")
        daemon.send_signal(signal.SIGUSR1)
        wait_until(lambda: log_path.read_text().count("test alarm test-") == 2, "the second alarm")
        assert heard() == []
        cable.set("up")
        wait_until(lambda: len(unique()) >= 3, f"the alarms; the log:\n{log_path.read_text()}", 120)
        assert [phase for _, phase in unique()] == ["confirmed", "expired", "confirmed"]
        assert unique()[0][0] == unique()[1][0] != unique()[2][0]
    finally:
        for process in reversed(running):
            process.kill()
            process.wait()
