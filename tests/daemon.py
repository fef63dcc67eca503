"""`edgepose run` as a process, for tests."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.broker import wait_until


class Daemon:
    """`edgepose run` on a configuration, with its log kept."""

    def __init__(self, folder: Path, config: dict[str, Any], state: Path | None = None) -> None:
        self.path = folder / "edgepose.yaml"
        self.log_path = folder / "edgepose.log"
        self.state = state or folder / "state"
        self.write(config)
        self.start()

    def start(self) -> None:
        """Start it, for the first time or again, on the same configuration, state and log."""
        with self.log_path.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edgepose", "run", "--config", str(self.path)],
                stdout=log,
                stderr=log,
                env={**os.environ, "STATE_DIRECTORY": str(self.state)},
            )

    def write(self, config: dict[str, Any]) -> None:
        self.path.write_text(yaml.safe_dump(config))

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def says(self, *words: str) -> None:
        """Until its log holds all of these words."""
        for each in words:
            wait_until(lambda each=each: each in self.log, f"{each!r} in the log:\n{self.log[-3000:]}")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ends(self, timeout_s: float = 60) -> int:
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Any]:
    """Starts daemons, and ends those that are left."""
    started: list[Daemon] = []

    def start(config: dict[str, Any], **more: Any) -> Daemon:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Daemon(folder, config, **more))
        return started[-1]

    yield start
    for daemon in started:
        daemon.kill()


def config(port: int, source: dict[str, Any], **mqtt: Any) -> dict[str, Any]:
    return {
        "node": {"name": "flat"},
        "mqtt": {"host": "127.0.0.1", "port": port, "pose": {"keep_alive_s": 0.001}, **mqtt},
        "cameras": {"room": {"source": source, "stall_timeout_s": 2}},
        "model": {"name": "edgepose_192x256_int8", "threads": 1},
    }
