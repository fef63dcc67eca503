"""One MQTT connection with paho-mqtt, driven by one thread; it never reconnects by itself.

A client is made anew for every connection, so that no message, id or flag of an earlier one is left in it. The network
loop is ours too: paho's own resets its waits on every accepted connection, keeps QoS 0 messages without a bound while a
socket is slow, and can't end in a given time.
"""

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edgepose import config
from edgepose.adapters.mqtt_trouble import (
    Disconnected,
    Kind,
    Trouble,
    address,
    broken,
    ended_by_broker,
    not_opened,
    refusal,
)
from edgepose.outbox import Outgoing
from edgepose.ports import Incoming, Message

CONNECT_TIMEOUT_S = 5.0
CONNACK_TIMEOUT_S = 10.0
SEND_BUFFER_BYTES = 65536
"""The kernel's buffer is part of the queue: in a small one the newest pose doesn't stand behind minutes of old ones."""
INCOMING_BYTES = 1 << 20
"""What we take of a broker that speaks MQTT 5: commands are small, and retained state of our own comes back once."""

Ack = tuple[Outgoing, str]
"""What was acknowledged, and why it was refused, or nothing."""


@dataclass(frozen=True)
class Identity:
    """Who connects."""

    client_id: str
    password: str | None
    tls: ssl.SSLContext | None
    will: Message


@dataclass(frozen=True)
class Limits:
    """What a broker takes (MQTT 5 section 3.2.2.3); the defaults are those of MQTT 3.1.1 brokers."""

    in_flight: int = 20
    qos: int = 2
    retain: bool = True
    packet_bytes: int = 268_435_455


class Connection:
    """From open() to the Disconnected that any method may raise. Everything is called from one thread."""

    def __init__(self, mqtt: config.Mqtt, identity: Identity, *, protocol: MQTTProtocolVersion) -> None:
        """`protocol` is paho's MQTTv5 or MQTTv311."""
        self.protocol = protocol
        self.limits: Limits | None = None
        """Set once the broker has accepted us."""
        self._mqtt = mqtt
        self._identity = identity
        self._client = _client(mqtt, identity, protocol)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_log = self._on_log
        self._in_flight: dict[int, Outgoing] = {}
        self._acks: list[Ack] = []
        self._incoming: list[Incoming] = []
        self._subscribing: dict[int, tuple[str, ...]] = {}
        self._denied: list[str] = []
        self._trouble: Trouble | None = None
        self._detail = ""
        self._opened_s = self._accepted_s = 0.0

    @property
    def accepted(self) -> bool:
        """Whether the broker has accepted us: before that there is no connection."""
        return self.limits is not None

    @property
    def clear(self) -> bool:
        """Whether the network takes more; if not, messages should rather wait where they can be dropped."""
        return not self._client.want_write()

    def open(self) -> None:
        """Reach the broker and send CONNECT; blocks for at most some seconds."""
        self._opened_s = time.monotonic()
        try:
            self._client.connect(
                self._mqtt.host,
                self._mqtt.effective_port,
                self._mqtt.keep_alive_s,
                properties=_connect_properties() if self._is_5 else None,
            )
            self._tune()
        except (OSError, ValueError) as exc:
            raise Disconnected(not_opened(self._mqtt, exc)) from exc

    def step(self, wake: socket.socket, timeout_s: float) -> None:
        """Wait until the network or `wake` has something, and deal with it."""
        sock = self._socket()
        poll = select.poll()  # not paho's select(), which fails from the 1024th file descriptor on
        poll.register(sock, select.POLLIN | (select.POLLOUT if self._client.want_write() else 0))
        poll.register(wake, select.POLLIN)
        timeout_s = 0.0 if _buffered(sock) else timeout_s
        ready = dict(poll.poll(timeout_s * 1000))
        if wake.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                wake.recv(4096)
        if ready.get(sock.fileno(), 0) & ~select.POLLOUT or _buffered(sock):
            self._client.loop_read()
            while (still := self._client.socket()) is not None and _buffered(still):
                self._client.loop_read()
        if self._client.socket() is not None and self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()
        self._socket()
        if not self.accepted and time.monotonic() - self._opened_s > CONNACK_TIMEOUT_S:
            # Some brokers that don't know MQTT 5 read on for bytes that don't come, so this may be about the version.
            text = f"{address(self._mqtt)} takes connections but doesn't answer; is it an MQTT broker?"
            raise Disconnected(Trouble(Kind.SILENT, text))

    def publish(self, outgoing: Outgoing) -> bool:
        """Hand a message to the network; False where the broker doesn't take one of this size."""
        limits = self.limits or Limits()
        message = outgoing.message
        if len(message.payload) + len(message.topic) + 64 > limits.packet_bytes:
            return False
        info = self._client.publish(
            message.topic,
            message.payload,
            qos=min(message.qos, limits.qos),
            retain=message.retain and limits.retain,
            properties=_properties(outgoing.expiry_s, message.content_type) if self._is_5 else None,
        )
        if message.qos:
            if limits.qos:
                self._in_flight[info.mid] = outgoing
            else:
                self._acks.append((outgoing, ""))
        return True

    def subscribe(self, filters: Sequence[str], qos: int) -> None:
        """Ask for messages; which filters the broker denies, denied() tells."""
        wanted: list[Any] = [(name, SubscribeOptions(qos) if self._is_5 else qos) for name in filters]
        if wanted:
            mid = self._client.subscribe(wanted)[1]
            if mid is not None:
                self._subscribing[mid] = tuple(filters)

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Ask for them no more."""
        if filters:
            self._client.unsubscribe(list(filters))

    def incoming(self) -> Iterator[Incoming]:
        """What has come in since the last call."""
        incoming, self._incoming = self._incoming, []
        yield from incoming

    def denied(self) -> Iterator[str]:
        """Filters that the broker has refused since the last call."""
        denied, self._denied = self._denied, []
        yield from denied

    def acknowledgements(self) -> Iterator[Ack]:
        """What the broker has answered for since the last call."""
        acks, self._acks = self._acks, []
        yield from acks

    def goodbye(self, wake: socket.socket, until_s: float) -> None:
        """Say DISCONNECT, so that the last will stays unsaid; waits until `until_s` (monotonic) for it to go out."""
        with contextlib.suppress(Disconnected):
            self._client.disconnect()
            while (left_s := until_s - time.monotonic()) > 0:
                self.step(wake, left_s)

    def abandon(self) -> None:
        """Let go of the socket."""
        client = self._client
        client.on_connect = client.on_disconnect = client.on_publish = client.on_log = None  # no cycle: freed at once
        client.on_subscribe = client.on_message = None
        sock = client.socket()
        if sock is not None:
            sock.close()

    @property
    def _is_5(self) -> bool:
        return self.protocol == MQTTProtocolVersion.MQTTv5

    def _socket(self) -> Any:
        sock = self._client.socket()
        if sock is None:
            lasted_s = time.monotonic() - self._accepted_s if self.accepted else None
            raise Disconnected(
                self._trouble or broken(self._mqtt, self._identity.client_id, lasted_s=lasted_s, detail=self._detail)
            )
        return sock

    def _tune(self) -> None:
        sock = self._socket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a pose shall not wait for the last one's ACK
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        # A peer that vanished is noticed by unacknowledged data after one keep-alive time, not after two pings.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self._mqtt.keep_alive_s * 1000)

    def _on_connect(
        self,
        _client: paho.Client,
        _data: Any,
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._trouble = refusal(self._mqtt, self._identity.client_id, reason.value, str(reason))
            return
        self._detail = ""
        self._accepted_s = time.monotonic()
        self.limits = Limits(
            in_flight=min(20, getattr(properties, "ReceiveMaximum", 20)),
            qos=getattr(properties, "MaximumQoS", 2),
            retain=bool(getattr(properties, "RetainAvailable", 1)),
            packet_bytes=getattr(properties, "MaximumPacketSize", Limits.packet_bytes),
        )

    def _on_disconnect(
        self, _client: paho.Client, _data: Any, flags: paho.DisconnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._trouble = ended_by_broker(self._mqtt, self._identity.client_id, reason.value, str(reason))
        elif self._trouble is None and reason == "Protocol error" and not self.accepted:
            text = f"{address(self._mqtt)} answers, but not in MQTT 5 or 3.1.1; is it an MQTT broker?"
            self._trouble = Trouble(Kind.VERSION, text, permanent=True)
        elif self._trouble is None and reason == "Keep alive timeout":
            self._trouble = Trouble(Kind.LOST, f"{address(self._mqtt)} doesn't answer any more")

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        outgoing = self._in_flight.pop(mid, None)
        if outgoing is not None:
            self._acks.append((outgoing, str(reason) if reason.is_failure else ""))

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        filters = self._subscribing.pop(mid, ())
        self._denied += [name for name, reason in zip(filters, reasons, strict=False) if reason.is_failure]

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._incoming.append(Incoming(message.topic, bytes(message.payload), message.retain))

    def _on_log(self, _client: paho.Client, _data: Any, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._detail = text.partition(": ")[2] or text


def _client(mqtt: config.Mqtt, identity: Identity, protocol: MQTTProtocolVersion) -> paho.Client:
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=identity.client_id,
        protocol=protocol,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_inflight_messages = 0  # the outbox keeps to the broker's window
    will = identity.will
    client.will_set(will.topic, will.payload, will.qos, will.retain)
    if mqtt.username is not None:
        client.username_pw_set(mqtt.username, identity.password)
    if identity.tls is not None:
        client.tls_set_context(identity.tls)
    return client


def _buffered(sock: Any) -> bool:
    """Whether TLS holds decrypted bytes that poll() can't see."""
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0


def _connect_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = INCOMING_BYTES
    return properties


@lru_cache(maxsize=64)
def _properties(expiry_s: int | None, content_type: str) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if expiry_s is not None:
        properties.MessageExpiryInterval = expiry_s
    if content_type:
        properties.ContentType = content_type
    return properties
