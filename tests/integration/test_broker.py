"""The publisher and a real mosquitto: what subscribers see, whatever happens to either."""

import json
import math
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from edgepose import wire
from edgepose.adapters.mqtt_paho import MqttPublisher
from edgepose.adapters.mqtt_trouble import Kind
from edgepose.backoff import Backoff
from edgepose.clock import Stamp
from edgepose.errors import PublishError
from edgepose.ports import Message
from tests.broker import HOST, PASSWORD, PATIENCE_S, USER, Mosquitto, retained, settings, tool, wait_until

pytestmark = pytest.mark.broker

ROOT = Path(__file__).parents[2]
TOPICS = wire.Topics("edgepose", "flat")
NODE = "edgepose/flat"
V5, V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311


@pytest.fixture
def publish() -> Iterator[Callable[..., MqttPublisher]]:
    """Make connected publishers with the settings of config.Mqtt; they end with the test."""
    made: list[MqttPublisher] = []

    def make(port: int, node: str = "flat", **more: object) -> MqttPublisher:
        backoff = Backoff(first_s=0.05, most_s=0.2)
        made.append(MqttPublisher(settings(port, **more), node, ["bed", "hall"], backoff=backoff))
        made[-1].wait_connected(PATIENCE_S)
        return made[-1]

    yield make
    for publisher in made:
        publisher.close()


def pose(payload: bytes) -> Message:
    return Message(f"{NODE}/bed/pose", payload, expiry_s=2)


def test_a_subscriber_sees_online_while_we_live_and_stopped_after_a_clean_end(mosquitto: Mosquitto, publish, read):
    reader = read(mosquitto.port, "edgepose/#")
    publisher = publish(mosquitto.port)
    publisher.send(wire.camera_status(TOPICS, "bed", "online"))
    reader.wait_for(f"{NODE}/bed/status", b"online")
    assert publisher.stats().protocol == "5"
    publisher.close()
    reader.wait_for(f"{NODE}/status", b"stopped")
    assert reader.payloads(f"{NODE}/status") == [b"online", b"stopped"]
    assert reader.payloads(f"{NODE}/bed/status") == [b"online", b"offline"]
    assert reader.payloads(f"{NODE}/hall/status") == [], "a camera that never was has no status"
    assert retained(mosquitto.port) == {f"{NODE}/status": b"stopped", f"{NODE}/bed/status": b"offline"}


SUBPROCESS = """
    import sys, time
    from edgepose import config, wire
    from edgepose.adapters.mqtt_paho import MqttPublisher

    publisher = MqttPublisher(config.Mqtt(host="127.0.0.1", port=int(sys.argv[1])), "flat", ["bed"])
    publisher.send(wire.camera_status(wire.Topics("edgepose", "flat"), "bed", "online"))
    publisher.wait_connected(10)
    print("flushed", publisher.flush(10), flush=True)
    time.sleep(60)
"""


def test_a_process_that_is_killed_is_offline_by_its_last_will(mosquitto: Mosquitto, read):
    reader = read(mosquitto.port, "edgepose/#")
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SUBPROCESS), str(mosquitto.port)], stdout=subprocess.PIPE, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"flushed True\n"
        reader.wait_for(f"{NODE}/status", b"online")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    reader.wait_for(f"{NODE}/status", b"offline")
    assert retained(mosquitto.port)[f"{NODE}/status"] == b"offline"


def test_readers_of_mqtt_5_and_of_3_1_1_get_the_same(mosquitto: Mosquitto, publish, read):
    new, old = read(mosquitto.port, protocol=V5), read(mosquitto.port, protocol=V311)
    publisher = publish(mosquitto.port)
    publisher.send(pose(b'{"v":1}'))
    publisher.send(wire.occupancy(TOPICS, "bed", 1, Stamp(1.0, synced=True)))
    for reader in (new, old):
        reader.wait_for(f"{NODE}/bed/pose", b'{"v":1}')
        reader.wait_for(f"{NODE}/bed/occupancy")
    heard = {message.topic: message for message in new.heard}
    assert heard[f"{NODE}/bed/pose"].expiry_s in (1, 2)
    assert heard[f"{NODE}/bed/pose"].content_type == "application/json"
    assert heard[f"{NODE}/bed/pose"].qos == 0
    assert heard[f"{NODE}/bed/occupancy"].expiry_s is None
    assert heard[f"{NODE}/bed/occupancy"].qos == 1
    assert heard[f"{NODE}/status"].content_type == "text/plain"
    assert json.loads(old.payloads(f"{NODE}/bed/occupancy")[0])["count"] == 1


@pytest.mark.parametrize("version", ["mqttv5", "mqttv311"])
def test_mosquitto_sub_reads_us(mosquitto: Mosquitto, publish, version: str):
    publisher = publish(mosquitto.port)
    publisher.send(wire.camera_status(TOPICS, "bed", "online"))
    publisher.flush(PATIENCE_S)
    command = [tool("mosquitto_sub"), "-V", version, "-h", HOST, "-p", str(mosquitto.port), "-t", "edgepose/+/bed/#"]
    told = subprocess.run([*command, "-F", "%t %p", "-C", "1", "-W", "10"], capture_output=True, text=True, check=True)
    assert told.stdout == f"{NODE}/bed/status online\n"


def test_two_thousand_poses_arrive_in_order(mosquitto: Mosquitto, publish, read):
    reader = read(mosquitto.port, f"{NODE}/bed/pose")
    publisher = publish(mosquitto.port)
    for start in range(0, 2000, 200):
        for number in range(start, start + 200):
            publisher.send(Message(f"{NODE}/bed/pose", b"%d" % number))  # one that expires might, on a busy machine
        assert publisher.flush(PATIENCE_S)
    reader.wait_for(f"{NODE}/bed/pose", b"1999")
    assert reader.payloads(f"{NODE}/bed/pose") == [b"%d" % number for number in range(2000)]
    assert publisher.stats().messages.dropped == 0


def test_a_broker_that_was_killed_gets_the_state_again(mosquitto: Mosquitto, publish, read):
    publisher = publish(mosquitto.port)
    publisher.send(wire.camera_status(TOPICS, "bed", "online"))
    publisher.send(wire.occupancy(TOPICS, "bed", 1, Stamp(1.0, synced=True)))
    assert publisher.flush(PATIENCE_S)
    mosquitto.kill()
    wait_until(lambda: not publisher.connected, "the loss to be noticed")
    publisher.send(wire.occupancy(TOPICS, "bed", 2, Stamp(2.0, synced=True)))
    publisher.send(Message(f"{NODE}/bed/event", b"while you were away", qos=1, expiry_s=86400))
    mosquitto.start()
    reader = read(mosquitto.port, "edgepose/#")
    reader.wait_for(f"{NODE}/status", b"online")
    reader.wait_for(f"{NODE}/bed/occupancy")
    reader.wait_for(f"{NODE}/bed/status", b"online")
    assert publisher.flush(PATIENCE_S)
    assert publisher.stats().messages.reports == 0
    state = retained(mosquitto.port)
    assert state[f"{NODE}/status"] == state[f"{NODE}/bed/status"] == b"online"
    assert json.loads(state[f"{NODE}/bed/occupancy"])["count"] == 2
    assert publisher.stats().connections >= 2


def test_a_stream_that_found_no_broker_loses_its_oldest(mosquitto: Mosquitto, publish, read):
    publisher = publish(mosquitto.port)
    mosquitto.kill()
    wait_until(lambda: not publisher.connected, "the loss to be noticed")
    for number in range(1000):
        publisher.send(Message(f"{NODE}/bed/pose", b"%d" % number))
    assert publisher.stats().messages.dropped >= 1000 - 256
    mosquitto.start()
    assert publisher.flush(PATIENCE_S)
    assert publisher.stats().messages.waiting == 0


def test_a_wrong_password_is_one_sentence_and_permanent(start_mosquitto, tmp_path: Path):
    broker = start_mosquitto(login=True)
    (tmp_path / "password").write_text("wrong\n")
    publisher = MqttPublisher(settings(broker.port, username=USER, password_file=str(tmp_path / "password")), "flat")
    with pytest.raises(PublishError) as refused:
        publisher.wait_connected(PATIENCE_S)
    assert str(refused.value) == (
        f"broker {HOST}:{broker.port} refused the user name or password; check mqtt.username and mqtt.password_file"
    )
    assert publisher.last_error.kind is Kind.REFUSED
    assert publisher.last_error.permanent
    publisher.close()


def test_a_password_that_is_put_right_is_taken_up_without_a_restart(start_mosquitto, tmp_path: Path):
    broker = start_mosquitto(login=True)
    file = tmp_path / "password"
    file.write_text("wrong")
    mqtt = settings(broker.port, username=USER, password_file=str(file))
    publisher = MqttPublisher(mqtt, "flat", backoff=Backoff(first_s=0.05, most_s=0.2))
    wait_until(lambda: publisher.last_error, "the refusal")
    file.write_text(PASSWORD + "\n")
    wait_until(lambda: publisher.connected, "the right password to be tried")
    publisher.close()


def test_a_password_may_be_a_credential_of_systemd(
    start_mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, publish
):
    broker = start_mosquitto(login=True)
    (tmp_path / "mqtt-password").write_text(PASSWORD)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert publish(broker.port, username=USER, password_file="credential:mqtt-password").connected


def test_what_the_brokers_rules_forbid_is_told_once_and_reaches_nobody(
    start_mosquitto, tmp_path: Path, publish, read, caplog: pytest.LogCaptureFixture
):
    broker = start_mosquitto(login=True, acl=f"user {USER}\ntopic read #\ntopic write {NODE}/bed/#\n")
    (tmp_path / "password").write_text(PASSWORD)
    reader = read(broker.port, login=True)
    publisher = publish(broker.port, username=USER, password_file=str(tmp_path / "password"))
    for number in range(3):
        publisher.send(Message(f"{NODE}/bed/event", b"%d" % number, qos=1))
        publisher.send(Message(f"{NODE}/hall/event", b"%d" % number, qos=1))
    assert publisher.flush(PATIENCE_S)
    reader.wait_for(f"{NODE}/bed/event", b"2")
    assert reader.payloads(f"{NODE}/hall/event") == []
    assert publisher.stats().messages.refused == 1 + 3, "the status of the node is forbidden too"
    told = [record.getMessage() for record in caplog.records if "hall" in record.getMessage()]
    assert len(told) == 1
    assert told[0].endswith(
        f"refuses messages on {NODE}/hall/event (Not authorized); check its access rules for user {USER}"
    )


def test_two_nodes_of_one_machine_do_not_throw_each_other_out(mosquitto: Mosquitto, publish):
    publishers = [publish(mosquitto.port, node) for node in ("flat", "house")]
    for publisher in publishers:
        publisher.send(Message("edgepose/test", b"x", qos=1))
        assert publisher.flush(PATIENCE_S)
    assert [publisher.stats().connections for publisher in publishers] == [1, 1]


def test_two_clients_of_one_id_throw_each_other_out_less_and_less_often(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
):
    started = time.monotonic()
    twins = [
        MqttPublisher(settings(mosquitto.port, client_id="twin"), "flat", backoff=Backoff(first_s=0.1, most_s=60))
        for _ in range(2)
    ]
    wait_until(lambda: mosquitto.log.count("as twin") >= 6, "some throwing out")
    time.sleep(1.0)
    for twin in twins:
        twin.close()
    # Each one's n waits are at least 0.05, 0.1, 0.2 … s, together 0.05 (2**n - 1): the storm dies down.
    waits = math.log2((time.monotonic() - started) / 0.05 + 1)
    assert mosquitto.log.count("as twin") <= 2 * (waits + 1)
    assert any(
        "accepted us and then closed; has another client the id 'twin'?" in message for message in caplog.messages
    )


def test_a_stalled_network_does_not_hold_the_sender_up(mosquitto: Mosquitto, publish):
    publisher = publish(mosquitto.port)
    process = mosquitto._process
    assert process is not None
    process.send_signal(19)  # SIGSTOP: it takes bytes until its buffers are full, and answers nothing
    try:
        for number in range(3000):
            publisher.send(pose(b"%d " % number + b"x" * 2000))
            publisher.send(wire.camera_status(TOPICS, "bed", "online" if number % 2 else "stalled"))
        messages = publisher.stats().messages
        assert messages.in_flight <= 20
        assert messages.waiting <= 256 + 2
    finally:
        process.send_signal(18)
    assert publisher.flush(PATIENCE_S)
    assert retained(mosquitto.port, f"{NODE}/bed/status") == {f"{NODE}/bed/status": b"online"}


def test_a_reader_who_comes_late_sees_the_state_and_no_pose(mosquitto: Mosquitto, publish):
    publisher = publish(mosquitto.port)
    publisher.send(pose(b"{}"))
    publisher.send(wire.occupancy(TOPICS, "bed", 1, Stamp(1.0, synced=True)))
    assert publisher.flush(PATIENCE_S)
    assert set(retained(mosquitto.port)) == {f"{NODE}/status", f"{NODE}/bed/occupancy"}


def test_a_cleared_topic_is_gone(mosquitto: Mosquitto, publish):
    publisher = publish(mosquitto.port)
    alert = f"{NODE}/bed/alert/fall"
    publisher.send(Message(alert, b"{}", qos=1, retain=True))
    assert publisher.flush(PATIENCE_S)
    assert alert in retained(mosquitto.port)
    publisher.send(Message(alert, b"", qos=1, retain=True))
    assert publisher.flush(PATIENCE_S)
    assert alert not in retained(mosquitto.port)
