"""The publisher against brokers that behave badly, each played by a script; real brokers are in tests/integration."""

import logging
import math
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgepose import config, wire
from edgepose.adapters.broker_amqtt import EmbeddedBroker
from edgepose.adapters.mqtt_paho import MqttPublisher
from edgepose.adapters.mqtt_trouble import Kind
from edgepose.backoff import Backoff
from edgepose.errors import ConfigError, PublishError
from edgepose.outbox import Outbox
from edgepose.ports import Message
from tests.broker import HOST, PATIENCE_S, Authority, Reader, free_port, settings, wait_until
from tests.scripted_broker import ScriptedBroker, Visitor, answer, refuse_5_with

TOPICS = wire.Topics("edgepose", "flat")


def impatient() -> Backoff:
    return Backoff(first_s=0.02, most_s=0.1)


@pytest.fixture
def publish() -> Iterator[Callable[..., MqttPublisher]]:
    """Make publishers of node `flat` towards a port; they end with the test."""
    made: list[MqttPublisher] = []

    def make(
        port: int, *, backoff: Backoff | None = None, outbox: Outbox | None = None, **more: object
    ) -> MqttPublisher:
        made.append(
            MqttPublisher(settings(port, **more), "flat", ["bed"], backoff=backoff or impatient(), outbox=outbox)
        )
        return made[-1]

    yield make
    for publisher in made:
        publisher.close()


@pytest.fixture
def scripted() -> Iterator[Callable[[Callable[[Visitor], None]], ScriptedBroker]]:
    made: list[ScriptedBroker] = []

    def make(script: Callable[[Visitor], None]) -> ScriptedBroker:
        made.append(ScriptedBroker(script))
        return made[-1]

    yield make
    for broker in made:
        broker.close()


@pytest.fixture
def embedded() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        yield broker


@pytest.mark.parametrize(
    ("how", "reply"),
    [("code 0x84 of MQTT 5", "2003008400"), ("code 1 of MQTT 3.1.1", "20020001"), ("closing without a word", "")],
)
def test_a_broker_that_does_not_know_mqtt_5_is_spoken_to_in_3_1_1(scripted, publish, how: str, reply: str):
    broker = scripted(refuse_5_with(bytes.fromhex(reply)))
    publisher = publish(broker.port)
    publisher.wait_connected(PATIENCE_S)
    assert publisher.stats().protocol == "3.1.1"
    assert broker.versions == [5, 4]


def test_the_version_is_remembered_over_a_lost_connection(scripted, publish):
    def script(visitor: Visitor) -> None:
        if visitor.version == 5:
            visitor.sock.sendall(bytes.fromhex("2003008400"))
        else:
            visitor.accept()  # and kick

    broker = scripted(script)
    publish(broker.port)
    wait_until(lambda: len(broker.versions) >= 6, "some connections")
    assert broker.versions[0] == 5
    assert set(broker.versions[1:]) == {4}


def test_a_broker_that_closes_on_every_version_is_offered_both_again_and_again(scripted, publish):
    broker = scripted(lambda _: None)
    publisher = publish(broker.port)
    wait_until(lambda: len(broker.versions) >= 6, "some attempts")
    assert broker.versions[:6] == [5, 4, 5, 4, 5, 4]
    assert not publisher.connected
    wait_until(lambda: publisher.last_error, "a reason")
    assert publisher.last_error.kind is Kind.SILENT
    assert not publisher.last_error.permanent


def test_amqtt_which_knows_only_3_1_1_gets_everything(embedded: EmbeddedBroker, publish, read):
    publisher = publish(embedded.port)
    publisher.wait_connected(PATIENCE_S)
    assert publisher.stats().protocol == "3.1.1"
    publisher.send(wire.camera_status(TOPICS, "bed", "online"))
    publisher.send(Message(TOPICS.of_camera("bed", "pose"), b"{}", expiry_s=2))
    assert publisher.flush(PATIENCE_S)
    reader = read(embedded.port, protocol=4)
    reader.wait_for("edgepose/flat/status", b"online")
    reader.wait_for("edgepose/flat/bed/status", b"online")
    publisher.close()
    reader.wait_for("edgepose/flat/bed/status", b"offline")
    reader.wait_for("edgepose/flat/status", b"stopped")


@pytest.mark.parametrize(
    ("code", "more", "sentence"),
    [
        (0x86, {"username": "flat"}, "refused the user name or password; check mqtt.username and mqtt.password_file"),
        (0x87, {"username": "flat"}, "refused the user name or password; check mqtt.username and mqtt.password_file"),
        (0x87, {}, "wants a user name and password; set mqtt.username and mqtt.password_file"),
        (0x85, {"client_id": "me"}, "refused the client id 'me'; set one that it allows as mqtt.client_id"),
        (0x8A, {}, "has banned this client; ask whoever runs the broker"),
        (0x9A, {}, "refused the connection (Retain not supported); see the broker's log"),
    ],
)
def test_a_refusal_is_one_sentence_that_says_what_to_do(scripted, publish, code: int, more: dict, sentence: str):
    broker = scripted(answer(code))
    publisher = publish(broker.port, **more)
    with pytest.raises(PublishError) as refused:
        publisher.wait_connected(PATIENCE_S)
    assert str(refused.value) == f"broker {HOST}:{broker.port} {sentence}"
    assert publisher.last_error.permanent
    assert broker.versions[0] == 5
    assert 4 not in broker.versions, "a refusal of our person is no reason to speak another version"


def test_a_broker_that_is_busy_is_tried_again(scripted, publish):
    seen = []

    def script(visitor: Visitor) -> None:
        seen.append(1)
        if len(seen) < 3:
            answer(0x88)(visitor)
        else:
            visitor.accept()
            visitor.acknowledge_all()

    publisher = publish(scripted(script).port)
    publisher.wait_connected(PATIENCE_S)
    assert publisher.stats().attempts == 3


def test_a_reason_is_logged_when_it_changes_and_not_each_time(scripted, publish, caplog: pytest.LogCaptureFixture):
    def script(visitor: Visitor) -> None:
        answer(0x88 if len(broker.versions) <= 5 else 0x87)(visitor)

    broker = scripted(script)
    with caplog.at_level(logging.WARNING):
        publish(broker.port, username="flat")
        wait_until(lambda: len(broker.versions) >= 10, "ten refusals")
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 2
    assert "Server unavailable" in warnings[0]
    assert "refused the user name or password" in warnings[1]


def test_a_broker_that_is_away_is_waited_for_and_then_gets_the_state(publish):
    port = free_port()
    publisher = publish(port)
    publisher.send(wire.camera_status(TOPICS, "bed", "online"))
    with pytest.raises(PublishError, match=r"can't be reached \(Connection refused\); is it running"):
        publisher.wait_connected(0.3)
    assert publisher.last_error.kind is Kind.AWAY
    assert not publisher.last_error.permanent
    with EmbeddedBroker(port) as broker:
        publisher.wait_connected(PATIENCE_S)
        assert publisher.last_error is None
        reader = Reader(broker.port, protocol=4)
        reader.wait_for("edgepose/flat/bed/status", b"online")
        reader.close()


def test_a_name_that_does_not_exist_is_said(publish):
    publisher = MqttPublisher(config.Mqtt(host="no-such-host.invalid"), "flat", backoff=impatient())
    wait_until(lambda: publisher.last_error, "a reason")
    with pytest.raises(PublishError, match=r"broker no-such-host.invalid:1883 can't be found by that name"):
        publisher.wait_connected(0)
    publisher.close()


def test_a_server_that_is_no_broker_is_said(scripted, publish):
    def script(visitor: Visitor) -> None:
        visitor.sock.sendall(b"\xf0\x00")

    publisher = publish(scripted(script).port)
    with pytest.raises(PublishError, match=r"answers, but not in MQTT 5 or 3\.1\.1; is it an MQTT broker"):
        publisher.wait_connected(PATIENCE_S)


def test_garbage_before_or_after_the_acceptance_ends_no_thread(scripted, publish):
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)

    def script(visitor: Visitor) -> None:
        if rng.random() < 0.5:
            visitor.accept()
        visitor.sock.sendall(rng.randbytes(rng.randint(1, 60)))

    broker = scripted(script)
    publisher = publish(broker.port, backoff=Backoff(first_s=0.005, most_s=0.01))
    wait_until(lambda: len(broker.versions) >= 200, "two hundred attempts")
    wait_until(lambda: publisher.last_error, "a reason")


def test_a_broker_that_accepts_and_kicks_is_not_stormed(scripted, publish):
    broker, started = scripted(Visitor.accept), time.monotonic()
    publisher = publish(broker.port, backoff=Backoff(first_s=0.05, most_s=60, rng=random.Random(1)))
    wait_until(lambda: len(broker.versions) >= 4, "some kicks")
    time.sleep(1.0)
    stats = publisher.stats()
    # The waits are 0.05, 0.1, 0.2 … s, less a half at most: n of them take 0.025 (2**n - 1) s at least.
    waits = math.log2((time.monotonic() - started) / 0.025 + 1)
    assert stats.connections <= stats.attempts <= waits + 1
    assert publisher.last_error is None or publisher.last_error.kind is Kind.LOST


def test_a_place_taken_by_another_client_is_said(scripted, publish, caplog: pytest.LogCaptureFixture):
    def script(visitor: Visitor) -> None:
        visitor.accept()
        visitor.sock.sendall(bytes((0xE0, 2, 0x8E, 0)))
        visitor.acknowledge_all()

    with caplog.at_level(logging.WARNING):
        publish(scripted(script).port, client_id="twin")
        wait_until(lambda: caplog.records, "a warning")
    assert "gave our place to another client with the id 'twin'; give each device a mqtt.client_id of its own" in (
        caplog.records[0].getMessage()
    )


def test_a_connection_counts_only_after_an_accepting_answer(scripted, publish):
    go = threading.Event()

    def script(visitor: Visitor) -> None:
        go.wait(PATIENCE_S)
        visitor.accept()
        visitor.acknowledge_all()

    broker = scripted(script)
    publisher = publish(broker.port)
    wait_until(lambda: broker.versions, "CONNECT")
    with pytest.raises(PublishError, match=r"broker .* has not answered in 0\.05 s"):
        publisher.wait_connected(0.05)
    assert publisher.stats().connections == 0
    go.set()
    publisher.wait_connected(PATIENCE_S)
    assert publisher.stats().connections == 1


def test_a_broker_that_reads_slowly_costs_old_poses_not_memory(scripted, publish):
    def script(visitor: Visitor) -> None:
        visitor.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        visitor.accept()
        done.wait(PATIENCE_S)

    done = threading.Event()
    publisher = publish(scripted(script).port, outbox=Outbox(stream_limit=10))
    publisher.wait_connected(PATIENCE_S)
    big = b"x" * 20_000
    for _ in range(400):
        publisher.send(Message("edgepose/flat/bed/pose", big, expiry_s=2))
        time.sleep(0.0005)
    messages = publisher.stats().messages
    done.set()
    assert messages.waiting <= 12
    assert messages.dropped + messages.sent + messages.waiting >= 400
    assert messages.dropped > 100


def test_limits_that_a_broker_states_are_kept(scripted, publish):
    packets: list[bytes] = []

    def script(visitor: Visitor) -> None:
        # Receive Maximum 1, Retain Available 0, Maximum Packet Size 1000 (MQTT 5 section 3.2.2.3)
        properties = bytes.fromhex("210001" + "2500" + "27000003e8")
        visitor.sock.sendall(bytes((0x20, 3 + len(properties), 0, 0, len(properties))) + properties)
        while True:
            packets.append(visitor.packet())

    publisher = publish(scripted(script).port)
    publisher.wait_connected(PATIENCE_S)
    publisher.send(wire.camera_status(TOPICS, "bed", "online"))
    publisher.send(Message("edgepose/flat/bed/pose", b"x" * 2000))
    publisher.send(Message("edgepose/flat/bed/pose", b"small"))
    wait_until(lambda: any(b"small" in packet for packet in packets), "the small message")
    published = [packet for packet in packets if packet[0] >> 4 == 3]
    acknowledgeable = [packet for packet in published if packet[0] & 0x06]
    assert len(acknowledgeable) == 1, "one message may be in flight"
    assert not any(packet[0] & 0x01 for packet in published), "no message may be retained"
    assert not any(b"x" * 2000 in packet for packet in published)
    assert publisher.stats().messages.refused == 1


def test_reports_that_came_before_the_connection_arrive_and_again_if_they_were_not_acknowledged(scripted, publish):
    arrived: list[bytes] = []

    def script(visitor: Visitor) -> None:
        visitor.accept()
        first = len(broker.versions) == 1
        while True:
            packet = visitor.packet()
            if b"report" in packet:
                arrived.append(packet[-len("report 0") :])
                if first and len(arrived) == 3:
                    return  # without an acknowledgement
            if not first and packet[0] & 0x06:
                topic_length = int.from_bytes(packet[2:4], "big")
                visitor.sock.sendall(b"\x40\x02" + packet[4 + topic_length : 6 + topic_length])

    broker = scripted(script)
    publisher = publish(broker.port)
    for number in range(5):
        publisher.send(Message("edgepose/flat/bed/event", b"report %d" % number, qos=1))
    assert publisher.flush(PATIENCE_S)
    assert arrived[:3] == [b"report %d" % number for number in range(3)]
    assert arrived[3:] == [b"report %d" % number for number in range(5)]


def test_closing_does_not_hang_on_a_broker_that_never_answers(scripted):
    publisher = MqttPublisher(settings(scripted(lambda _: time.sleep(PATIENCE_S)).port), "flat")
    publisher.close()
    publisher.close()


def test_closing_before_any_connection_is_quiet(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING, logger="edgepose.adapters.mqtt_paho"):
        publisher = MqttPublisher(settings(free_port()), "flat", backoff=Backoff(first_s=60))
        wait_until(lambda: publisher.last_error, "a reason")
        publisher.close()
    assert len(caplog.records) == 1
    assert "can't be reached" in caplog.records[0].getMessage()


def test_a_password_that_cannot_be_read_is_bad_configuration(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"password file .*/none can't be read \(No such file or directory\)"):
        MqttPublisher(settings(1, username="flat", password_file=str(tmp_path / "none")), "flat")


@pytest.mark.parametrize(
    ("tls", "sentence"),
    [
        ({"ca_file": "none.pem"}, "mqtt.tls.ca_file: none.pem can't be read"),
        ({"ca_file": __file__}, "holds no PEM certificate"),
        ({"key_file": "key.pem"}, "mqtt.tls.key_file needs mqtt.tls.cert_file"),
        ({"cert_file": __file__}, "are not a certificate and an unencrypted key in PEM format"),
        ({"cert_file": __file__, "key_file": "none.pem"}, "mqtt.tls.key_file: none.pem can't be read"),
    ],
)
def test_a_tls_file_that_cannot_be_used_is_bad_configuration(tls: dict, sentence: str):
    with pytest.raises(ConfigError) as refused:
        MqttPublisher(settings(1, tls=config.Tls(**tls)), "flat")
    assert sentence in str(refused.value)


def test_the_key_of_another_certificate_is_bad_configuration(authority: Authority):
    one, other = authority.issue("one"), authority.issue("other")
    with pytest.raises(ConfigError, match="belong together"):
        MqttPublisher(settings(1, tls=config.Tls(cert_file=str(one.cert), key_file=str(other.key))), "flat")
