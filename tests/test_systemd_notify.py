"""What systemd hears, over a real datagram socket."""

import socket
import time
from pathlib import Path

import pytest

from edgepose.adapters.systemd import SystemdHeartbeat


def listener(path: Path) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.bind(str(path))
    channel.settimeout(5)
    return channel


def test_ready_and_stopping_are_told_and_beats_are_thinned(tmp_path: Path):
    with listener(tmp_path / "notify") as channel:
        heartbeat = SystemdHeartbeat({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000000"})
        heartbeat.ready()
        for _ in range(100):
            heartbeat.beat()
        heartbeat.stopping()
        assert [channel.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_without_a_watchdog_no_beat_is_sent(tmp_path: Path):
    with listener(tmp_path / "notify") as channel:
        heartbeat = SystemdHeartbeat({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        heartbeat.beat()
        heartbeat.ready()
        assert channel.recv(100) == b"READY=1"


def test_without_a_supervisor_nothing_happens():
    heartbeat = SystemdHeartbeat({})
    heartbeat.ready()
    heartbeat.beat()
    heartbeat.stopping()


def test_an_abstract_socket_name_is_understood():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind("\0edgepose-test-notify")
        channel.settimeout(5)
        SystemdHeartbeat({"NOTIFY_SOCKET": "@edgepose-test-notify"}).ready()
        assert channel.recv(100) == b"READY=1"


def test_a_reload_is_told_with_its_time_and_ends_with_ready(tmp_path: Path):
    with listener(tmp_path / "notify") as channel:
        heartbeat = SystemdHeartbeat({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        heartbeat.reloading()
        heartbeat.ready()
        told = dict(line.split("=") for line in channel.recv(100).decode().splitlines())
        assert told["RELOADING"] == "1"
        assert 0 < int(told["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
        assert channel.recv(100) == b"READY=1"


def test_a_status_is_one_line_and_told_when_it_changes(tmp_path: Path):
    with listener(tmp_path / "notify") as channel:
        heartbeat = SystemdHeartbeat({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        for line in ("1 camera online", "1 camera online", "0 of 1 cameras online,\nREADY=1"):
            heartbeat.status(line)
        assert channel.recv(100) == b"STATUS=1 camera online"
        assert channel.recv(100) == b"STATUS=0 of 1 cameras online, READY=1"


def test_a_watchdog_that_is_another_process_is_not_fed(tmp_path: Path):
    with listener(tmp_path / "notify") as channel:
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}
        heartbeat = SystemdHeartbeat(environment)
        heartbeat.beat()
        heartbeat.ready()
        assert channel.recv(100) == b"READY=1"


def test_a_supervisor_that_has_gone_does_not_end_the_daemon(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    SystemdHeartbeat({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    assert "systemd could not be told READY=1" in caplog.text
