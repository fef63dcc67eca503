"""`edgepose doctor`: each thing that can be amiss, and what it advises."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from edgepose import doctor, vitals
from edgepose.cli import main
from edgepose.demo_clip import CLIP
from tests.broker import PASSWORD, USER, free_port
from tests.daemon import config
from tests.scripted_broker import ScriptedBroker, refuse_5_with

GOOD = {"type": "file", "path": str(CLIP)}


@pytest.fixture
def examine(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Run the doctor on a configuration; its exit code and its lines by name."""
    monkeypatch.setattr(doctor, "clock_synced", lambda: True)

    def run(document: dict[str, Any]) -> tuple[int, dict[str, str]]:
        path = tmp_path / "edgepose.yaml"
        path.write_text(yaml.safe_dump(document))
        code = main(["doctor", "--config", str(path)])
        lines = capsys.readouterr().out.splitlines()[:-1]
        return code, {line[5:].partition(":")[0]: line for line in lines}

    return run


@pytest.mark.broker
def test_a_healthy_node_is_told_so_thing_by_thing(mosquitto, examine):
    code, lines = examine(config(mosquitto.port, GOOD))
    assert code == 0, lines
    assert {"model", "XNNPACK", "camera room", "broker", "throttling", "clock", "disk"} <= set(lines)
    assert "first frame, " in lines["camera room"]
    assert "MQTT 5" in lines["broker"]


@pytest.mark.broker
def test_the_running_daemon_and_its_topics_are_left_alone(mosquitto, examine, daemons, read):
    reader = read(mosquitto.port)
    daemons(config(mosquitto.port, {**GOOD, "loop": True, "realtime": True}))
    reader.wait_for("edgepose/flat/room/pose", count=3)
    assert examine(config(mosquitto.port, GOOD))[0] == 0
    reader.wait_for("edgepose/flat/room/pose", count=len(reader.payloads("edgepose/flat/room/pose")) + 3)
    assert reader.payloads("edgepose/flat/status") == [b"online"]


@pytest.mark.broker
def test_a_wrong_password_is_told_with_where_it_stands(start_mosquitto, examine, tmp_path: Path):
    broker = start_mosquitto(login=True)
    (tmp_path / "secret").write_text("wrong")
    mqtt = {"username": USER, "password_file": str(tmp_path / "secret")}
    code, lines = examine(config(broker.port, GOOD, **mqtt))
    assert code == 1
    assert lines["broker"].startswith("BAD") and "mqtt.password_file" in lines["broker"]
    (tmp_path / "secret").write_text(PASSWORD)
    assert examine(config(broker.port, GOOD, **mqtt))[0] == 0


@pytest.mark.broker
def test_a_certificate_that_nobody_vouches_for_is_told_as_that(start_mosquitto, examine, server_certificate):
    broker = start_mosquitto(tls=server_certificate)
    code, lines = examine(config(broker.tls_port, GOOD, tls={"ca_file": "system"}))
    assert code == 1
    assert lines["TLS"].startswith("BAD  TLS: mqtt.tls.ca_file (system) doesn't vouch")


def test_an_older_broker_is_good_enough(examine):
    broker = ScriptedBroker(refuse_5_with(bytes.fromhex("2003008400")))
    try:
        code, lines = examine(config(broker.port, GOOD))
    finally:
        broker.close()
    assert code == 0
    assert "MQTT 3.1.1" in lines["broker"]


def test_every_trouble_is_told_not_only_the_first(examine, tmp_path: Path):
    bad = config(free_port(), {"type": "file", "path": str(tmp_path / "none.mp4")})
    code, lines = examine({**bad, "model": {"name": "/nonexistent/net.tflite"}})
    assert code == 1
    for name, words in (("model", "no network at"), ("camera room", "none.mp4"), ("broker", "can't be reached")):
        assert lines[name].startswith("BAD") and words in lines[name]


def test_a_clock_that_nobody_has_set_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "clock_synced", lambda: False)
    assert "timedatectl" in doctor._clock().text


def test_a_device_of_another_group_is_told_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from edgepose.config import Camera, V4l2Source

    device = tmp_path / "video0"
    device.write_text("")
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    (finding,) = doctor._groups("camera room", Camera(source=V4l2Source(device=str(device))))
    assert not finding.good
    assert "sudo usermod -aG" in finding.text


def test_a_disk_without_room_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 12e6}))
    finding = doctor._disk(tmp_path / "not" / "yet")
    assert not finding.good and "12 MB are left" in finding.text


def test_a_hot_or_throttled_board_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for number, (kind, milli) in enumerate((("acpitz", "27800"), ("cpu-thermal", "85123"))):
        zone = tmp_path / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "type").write_text(f"{kind}\n")
        (zone / "temp").write_text(f"{milli}\n")
    assert vitals.temperature_c(tmp_path) == 85.123
    monkeypatch.setattr(vitals, "temperature_c", lambda: 85.1)
    (finding,) = doctor._temperature()
    assert not finding.good and "85 °C" in finding.text
    (tmp_path / "get_throttled").write_text("50005\n")
    assert vitals.throttled(tmp_path / "get_throttled") is True
    (tmp_path / "get_throttled").write_text("50000\n")
    assert vitals.throttled(tmp_path / "get_throttled") is False, "it was, but is no more"
    assert vitals.throttled(tmp_path / "none") is None


def test_vcgencmd_is_asked_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tool = tmp_path / "vcgencmd"
    tool.write_text("#!/bin/sh\necho throttled=0x50005\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert not doctor._throttling().good
