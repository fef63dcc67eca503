"""What a publisher hears, from brokers of both versions and from one that denies it."""

import logging
import queue
from collections.abc import Callable, Iterator

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edgepose import orders, wire
from edgepose.adapters.broker_amqtt import EmbeddedBroker
from edgepose.adapters.mqtt_paho import Listening, MqttPublisher
from edgepose.ports import Incoming
from edgepose.sweep import Kept, Sweep
from tests.broker import HOST, PATIENCE_S, Mosquitto, settings, wait_until
from tests.scripted_broker import ScriptedBroker, Visitor

TOPICS = wire.Topics("edgepose", "flat")
SET = "edgepose/flat/bed/enabled/set"


@pytest.fixture
def listen() -> Iterator[Callable[[int], "queue.SimpleQueue[Incoming]"]]:
    """Make a publisher that listens, towards a port; what it hears."""
    made: list[MqttPublisher] = []

    def make(port: int) -> "queue.SimpleQueue[Incoming]":
        heard: queue.SimpleQueue[Incoming] = queue.SimpleQueue()
        sweep = Kept({"bed": []})
        listening = Listening(orders.filters(TOPICS, None), heard.put, lambda: Sweep(TOPICS, sweep))
        made.append(MqttPublisher(settings(port), "flat", ["bed"], listening=listening))
        made[-1].wait_connected(PATIENCE_S)
        return heard

    yield make
    for publisher in made:
        publisher.close()


def say(port: int, topic: str, payload: bytes) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(HOST, port)
    client.loop_start()
    client.publish(topic, payload, qos=1).wait_for_publish(PATIENCE_S)
    client.disconnect()
    client.loop_stop()


def next_on(heard: "queue.SimpleQueue[Incoming]", topic: str) -> Incoming:
    while (message := heard.get(timeout=PATIENCE_S)).topic != topic:
        pass
    return message


@pytest.mark.broker
def test_commands_are_heard_from_a_broker_of_version_5(mosquitto: Mosquitto, listen):
    heard = listen(mosquitto.port)
    say(mosquitto.port, SET, b"OFF")
    assert next_on(heard, SET) == Incoming(SET, b"OFF")


@pytest.mark.broker
def test_commands_are_heard_again_after_the_broker_was_restarted(mosquitto: Mosquitto, listen):
    heard = listen(mosquitto.port)
    wait_until(lambda: mosquitto.log.count("Received SUBSCRIBE") == 2, "its subscriptions")
    mosquitto.restart()
    wait_until(lambda: mosquitto.log.count("Received SUBSCRIBE") == 4, "them again")
    say(mosquitto.port, SET, b"ON")
    assert next_on(heard, SET).payload == b"ON"


def test_commands_are_heard_from_a_broker_of_version_3_1_1(listen):
    with EmbeddedBroker() as broker:
        heard = listen(broker.port)
        say(broker.port, SET, b"OFF")
        assert next_on(heard, SET).payload == b"OFF"


@pytest.mark.broker
def test_after_the_look_at_its_own_topics_it_hears_only_commands(mosquitto: Mosquitto, listen):
    heard = listen(mosquitto.port)
    wait_until(lambda: "UNSUBSCRIBE" in mosquitto.log, "the end of the look")
    say(mosquitto.port, "edgepose/flat/bed/pose", b"{}")
    say(mosquitto.port, SET, b"ON")
    while (message := heard.get(timeout=PATIENCE_S)).topic != SET:
        assert message.topic != "edgepose/flat/bed/pose"


def test_a_broker_that_denies_the_subscription_is_told_once_and_published_to(listen, caplog):
    caplog.set_level(logging.WARNING)

    def deny(visitor: Visitor) -> None:
        visitor.accept()
        while True:
            packet = visitor.packet()
            if packet[0] >> 4 == 8:  # SUBSCRIBE: packet id, (properties,) filters
                filters = packet[2 + 3 :].count(b"edgepose/") if visitor.version == 5 else 1
                visitor.sock.sendall(bytes((0x90, 3 + filters)) + packet[2:4] + b"\0" + b"\x87" * filters)
            elif packet[0] >> 4 == 3 and packet[0] & 6:
                length = int.from_bytes(packet[2:4], "big")
                visitor.sock.sendall(b"\x40\x02" + packet[4 + length : 6 + length])

    broker = ScriptedBroker(deny)
    try:
        listen(broker.port)
        wait_until(lambda: caplog.text.count("doesn't let us subscribe to") == 2, "both filters")
        assert "edgepose/flat/+/enabled/set; commands there won't reach us" in caplog.text
    finally:
        broker.close()
