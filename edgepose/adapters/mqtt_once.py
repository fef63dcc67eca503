"""One message to a broker, acknowledged or not, for somebody who waits for it."""

import secrets
import socket
import time
from dataclasses import dataclass

from edgepose import config
from edgepose.adapters import mqtt_tls
from edgepose.adapters.mqtt_connection import Connection, Identity
from edgepose.adapters.mqtt_protocol import NAMES, ProtocolChoice
from edgepose.adapters.mqtt_trouble import Disconnected
from edgepose.errors import PublishError
from edgepose.outbox import Outgoing
from edgepose.ports import Message

_ANSWER_S = 10.0


@dataclass(frozen=True)
class Delivered:
    """A message that the broker has taken."""

    protocol: str
    """5 or 3.1.1."""
    millis: float
    """From the connection's beginning to the acknowledgement."""


def send_once(mqtt: config.Mqtt, password: str | None, message: Message) -> Delivered:
    """Connect, deliver a message of QoS 1, and say goodbye. Raises PublishError, in one sentence.

    The client's id is new each time, so that a running daemon is not thrown off the broker.
    """
    identity = Identity(
        client_id=f"edgepose-once-{secrets.token_hex(4)}",
        password=password,
        tls=mqtt_tls.context(mqtt.tls) if mqtt.tls else None,
        will=Message(f"{message.topic}/will", b""),
    )
    protocol = ProtocolChoice()
    while True:
        connection = Connection(mqtt, identity, protocol=protocol.current)
        try:
            return Delivered(NAMES[protocol.current], _deliver(connection, message))
        except Disconnected as exc:
            if not protocol.reconsider(exc.trouble):
                raise PublishError(exc.trouble.text) from exc
        finally:
            connection.abandon()


def _deliver(connection: Connection, message: Message) -> float:
    """Milliseconds. Raises Disconnected or PublishError."""
    started_s = time.monotonic()
    here, there = socket.socketpair()
    with here, there:
        connection.open()
        while not connection.accepted:
            connection.step(here, _ANSWER_S)
        connection.publish(Outgoing(message))
        while not (answers := list(connection.acknowledgements())):
            if time.monotonic() - started_s > 2 * _ANSWER_S:
                raise PublishError("the broker does not acknowledge a message; look at its log")
            connection.step(here, 1.0)
        millis = (time.monotonic() - started_s) * 1e3
        connection.goodbye(here, time.monotonic() + 1)
    for _, refusal in answers:
        if refusal:
            raise PublishError(f"the broker refuses a message on {message.topic}: {refusal}; look at its ACL")
    return millis
