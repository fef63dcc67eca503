"""What systemd hears, over a real datagram socket."""

import socket
from pathlib import Path

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
