"""A plain subscriber, for those who want to see what a node publishes."""

import queue
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edgepose.errors import PublishError

CONNECT_S = 5.0


@dataclass(frozen=True)
class Received:
    """A message as it came in."""

    topic: str
    payload: bytes
    retain: bool
    mono_ns: int
    """When it arrived, monotonic clock, nanoseconds."""


class Subscriber:
    """Listens to one topic filter from __enter__ to __exit__ (MQTT 3.1.1, no password)."""

    def __init__(self, host: str, port: int, topic: str) -> None:
        self._address = (host, port)
        self._topic = topic
        self._received: queue.SimpleQueue[Received] = queue.SimpleQueue()
        self._subscribed: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.put(True)
        self._client.on_message = self._keep

    def get(self, timeout_s: float) -> Received | None:
        """The next message, or None where none comes in time."""
        try:
            return self._received.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def __enter__(self) -> Self:
        """Connect and subscribe. Raises PublishError."""
        try:
            self._client.connect(*self._address)
            self._client.loop_start()
            self._subscribed.get(timeout=CONNECT_S)
        except (OSError, queue.Empty) as exc:
            self._client.loop_stop()
            host, port = self._address
            raise PublishError(f"can't subscribe to {self._topic} at {host}:{port}") from exc
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _keep(self, _client: Any, _user: Any, message: paho.MQTTMessage) -> None:
        self._received.put(Received(message.topic, bytes(message.payload), message.retain, time.monotonic_ns()))
