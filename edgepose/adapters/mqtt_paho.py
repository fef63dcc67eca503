"""Messages to an MQTT broker, over connections that come and go."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgepose import config, machine_id, wire
from edgepose.adapters import mqtt_tls
from edgepose.adapters.mqtt_connection import Connection, Identity
from edgepose.adapters.mqtt_protocol import NAMES, ProtocolChoice
from edgepose.adapters.mqtt_trouble import Disconnected, Kind, Trouble, address
from edgepose.backoff import Backoff
from edgepose.errors import ConfigError, PublishError
from edgepose.outbox import Counters, Outbox, Outgoing
from edgepose.ports import Incoming, Message
from edgepose.secrets import read_secret
from edgepose.sweep import Sweep

FAREWELL_S = 1.0
"""How long a clean stop waits for the broker's acknowledgements."""
CLOSE_S = 1.4
"""How long close() takes at most."""
SWEEP_S = 10.0
"""How long the look at our retained messages lasts at most, where the broker doesn't let us see its end."""
_STEP_S = 1.0
_BATCH = 64
_WORTH_TELLING_S = 30.0
"""A connection that lasted so long is news when it ends, even for the reason of last time."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stats:
    """How the publisher does."""

    connected: bool
    protocol: str
    """5 or 3.1.1: spoken now, or to be tried next."""
    attempts: int
    """Since the start."""
    connections: int
    """Attempts that the broker has accepted."""
    messages: Counters


@dataclass(frozen=True)
class Listening:
    """What a publisher listens to, beside publishing."""

    filters: Sequence[str]
    """Commands."""
    heard: Callable[[Incoming], None]
    """Called with each of them on the publisher's own thread: quick, and never raising."""
    sweep: Callable[[], Sweep]
    """Made for each connection: clears retained topics that are not published any more."""


class MqttPublisher:
    """A ports.Publisher that owns one thread and never lets its caller wait.

    Connects by itself, again and again, with MQTT 5 or else 3.1.1; a broker that is away, or refuses us, is logged in
    one sentence whenever the reason changes, and stands in `last_error`. While it is away, retained messages are kept
    (the latest of each topic), others of QoS 1 are queued, and those of QoS 0 lose their oldest.
    """

    def __init__(
        self,
        mqtt: config.Mqtt,
        node: str,
        cameras: Sequence[str] = (),
        *,
        listening: Listening | None = None,
        outbox: Outbox | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        """Begin to connect. Raises ConfigError where the password or a certificate can't be read."""
        self._mqtt = mqtt
        self._topics = wire.Topics(mqtt.topic_prefix, node)
        self._cameras = tuple(cameras)
        self._listening = listening
        self._sweep: Sweep | None = None
        self._sweep_until_s = 0.0
        self._client_id = mqtt.client_id or machine_id.client_id(node)
        self._outbox = outbox or Outbox()
        self._backoff = backoff or Backoff()
        self._protocol = ProtocolChoice()
        self._changed = threading.Condition()
        self._connected = False
        self._last_error: Trouble | None = None
        self._attempts = self._connections = 0
        self._refused_topics: set[str] = set()
        self._closing = threading.Event()
        self._stop_by_s = 0.0
        self._wake_here, self._wake_there = socket.socketpair()
        self._wake_here.setblocking(False)
        self._wake_there.setblocking(False)
        self._identity()
        self._thread = threading.Thread(target=self._run, name="edgepose-mqtt", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and the connection stands."""
        return self._connected

    @property
    def last_error(self) -> Trouble | None:
        """Why there is no connection; None while there is one, or before the first attempt has ended."""
        return self._last_error

    def stats(self) -> Stats:
        """Connections and messages so far."""
        return Stats(
            connected=self._connected,
            protocol=NAMES[self._protocol.current],
            attempts=self._attempts,
            connections=self._connections,
            messages=self._outbox.counters(),
        )

    def send(self, message: Message) -> None:
        """Hand a message over without waiting for the broker."""
        self._outbox.put(message, time.monotonic())
        self._wake()

    @property
    def alive(self) -> bool:
        """Whether the thread works; only close(), or a bug, ends it."""
        return self._thread.is_alive()

    def repeat(self) -> None:
        """Somebody new listens: send all retained messages again."""
        self._outbox.repeat()
        self._wake()

    def wait_connected(self, timeout_s: float) -> None:
        """Wait for a connection. Raises PublishError, saying why, once waiting is of no use or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._connected or self._hopeless(), timeout_s)
            if self._connected:
                return
            trouble = self._last_error
        raise PublishError(trouble.text if trouble else f"{address(self._mqtt)} has not answered in {timeout_s:g} s")

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was handed over has gone out and been acknowledged; whether that came true."""
        with self._changed:
            return self._changed.wait_for(self._outbox.idle, timeout_s)

    def close(self) -> None:
        """Publish that node and cameras have stopped, and disconnect; at most 1.4 s. May be called twice."""
        if not self._closing.is_set():
            self._stop_by_s = time.monotonic() + FAREWELL_S
        self._closing.set()
        self._wake()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            log.warning("%s was not told that we stop: no answer within %g s", address(self._mqtt), CLOSE_S)
            return
        self._wake_here.close()
        self._wake_there.close()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full of such bytes, so it has been woken often enough; or closed
            self._wake_there.send(b"\0")

    def _hopeless(self) -> bool:
        return self._closing.is_set() or (self._last_error is not None and self._last_error.permanent)

    # From here on: the publisher's own thread.

    def _run(self) -> None:
        told = ""
        while not self._closing.is_set():
            trouble, lasted_s = self._one_connection()
            if self._closing.is_set():
                return
            if self._protocol.reconsider(trouble):
                log.debug("no MQTT 5 (%s); trying %s", trouble.kind.value, NAMES[self._protocol.current])
                continue
            with self._changed:
                self._last_error = trouble
                self._changed.notify_all()
            wait_s = self._backoff.next_wait(lasted_s)
            if trouble.text != told or lasted_s > _WORTH_TELLING_S:
                log.warning("%s (trying again, next in %.1f s)", trouble.text, wait_s)
                told = trouble.text
            self._closing.wait(wait_s)

    def _one_connection(self) -> tuple[Trouble, float]:
        """Connect and serve; why it ended, and how many seconds it had lasted since the broker's acceptance."""
        accepted_s: float | None = None
        connection: Connection | None = None
        self._attempts += 1
        trouble = Trouble(Kind.LOST, f"disconnected from {address(self._mqtt)}")
        try:
            connection = Connection(self._mqtt, self._identity(), protocol=self._protocol.current)
            connection.open()
            self._await_acceptance(connection)
            accepted_s = time.monotonic()
            self._serve(connection)
        except Disconnected as exc:
            trouble = exc.trouble
        except ConfigError as exc:
            trouble = Trouble(Kind.SETTINGS, str(exc), permanent=True)
        except Exception as exc:  # a bug, or bytes that paho trips over, shall cost a connection and not the publisher
            log.exception("unexpected error while talking to %s", address(self._mqtt))
            trouble = Trouble(Kind.LOST, f"unexpected error while talking to {address(self._mqtt)}: {exc!r}")
        finally:
            if connection is not None:
                connection.abandon()
            self._sweep = None
            self._outbox.disconnected()
            self._set_connected(False)
        return trouble, 0.0 if accepted_s is None else time.monotonic() - accepted_s

    def _identity(self) -> Identity:
        # Read for every connection, so that a renewed certificate or password is taken up without a restart.
        mqtt = self._mqtt
        return Identity(
            client_id=self._client_id,
            password=read_secret(mqtt.password_file) if mqtt.password_file else None,
            tls=mqtt_tls.context(mqtt.tls) if mqtt.tls else None,
            will=wire.node_status(self._topics, "offline"),
        )

    def _await_acceptance(self, connection: Connection) -> None:
        # On a stop as well: CONNECT has gone out, and without a DISCONNECT the broker would publish our last will.
        while not connection.accepted:
            self._give_up_when_late()
            connection.step(self._wake_here, min(_STEP_S, self._left_s()))

    def _serve(self, connection: Connection) -> None:
        assert connection.limits is not None
        self._outbox.connected(connection.limits.in_flight)
        if not self._closing.is_set():
            self._listen(connection)
            self._greet()
        while not self._closing.is_set():
            self._exchange(connection, _STEP_S)
        self._say_stopped()
        while not self._outbox.idle():
            self._give_up_when_late()
            self._exchange(connection, self._left_s())
        connection.goodbye(self._wake_here, self._stop_by_s)

    def _listen(self, connection: Connection) -> None:
        """Subscribe before anything is published, so that what the broker keeps of earlier days comes in first."""
        if self._listening is None:
            return
        connection.subscribe(self._listening.filters, qos=1)
        self._sweep = self._listening.sweep()
        self._sweep_until_s = time.monotonic() + SWEEP_S
        connection.subscribe(self._sweep.filters, qos=0)

    def _hear(self, connection: Connection) -> None:
        for name in connection.denied():
            if self._sweep is None or name not in self._sweep.filters:
                self._tell_denied(name)
        for message in connection.incoming():
            if self._sweep is not None and self._sweep.take(message):
                self._end_sweep(connection)
            if self._listening is not None:
                self._listening.heard(message)
        if self._sweep is not None and time.monotonic() > self._sweep_until_s:
            self._end_sweep(connection)

    def _end_sweep(self, connection: Connection) -> None:
        assert self._sweep is not None
        connection.unsubscribe(self._sweep.filters)
        for message in self._sweep.messages():
            if not message.payload:
                log.info("%s is not published any more; clearing what the broker keeps of it", message.topic)
            self._outbox.put(message, time.monotonic())
        self._sweep = None

    def _greet(self) -> None:
        # After the state that waits, so that whoever sees `online` sees true state below it.
        self._outbox.put(wire.node_status(self._topics, "online"), time.monotonic())
        self._connections += 1
        self._set_connected(True)
        protocol = NAMES[self._protocol.current]
        log.info("connected to %s with MQTT %s as %s", address(self._mqtt), protocol, self._client_id)

    def _say_stopped(self) -> None:
        now_s = time.monotonic()
        self._outbox.discard_stream()
        for camera in self._cameras:
            gone = wire.camera_status(self._topics, camera, "offline")
            if self._outbox.holds(gone.topic):
                self._outbox.put(gone, now_s)
        self._outbox.put(wire.node_status(self._topics, "stopped"), now_s)

    def _exchange(self, connection: Connection, timeout_s: float) -> None:
        """Hand over what may go, then wait for the network or for more, and take in what was acknowledged."""
        more = self._feed(connection)
        self._tell_waiters()
        connection.step(self._wake_here, 0.0 if more else timeout_s)
        for outgoing, refusal in connection.acknowledgements():
            self._outbox.acknowledge(outgoing, refused=bool(refusal))
            if refusal:
                self._tell_refused(outgoing, refusal)
        self._hear(connection)
        self._tell_waiters()

    def _feed(self, connection: Connection) -> bool:
        """Whether there may be more to hand over at once."""
        for _ in range(_BATCH):
            if not connection.clear:
                return False
            outgoing = self._outbox.take(time.monotonic())
            if outgoing is None:
                return False
            if not connection.publish(outgoing):
                self._outbox.reject(outgoing)
                self._tell_refused(outgoing, f"{len(outgoing.message.payload)} bytes are more than it takes")
        return True

    def _tell_refused(self, outgoing: Outgoing, reason: str) -> None:
        topic = outgoing.message.topic
        if topic not in self._refused_topics:
            self._refused_topics.add(topic)
            who = f"user {self._mqtt.username}" if self._mqtt.username else "this client"
            log.warning(
                "%s refuses messages on %s (%s); check its access rules for %s", address(self._mqtt), topic, reason, who
            )

    def _tell_denied(self, name: str) -> None:
        if name not in self._refused_topics:
            self._refused_topics.add(name)
            log.warning("%s doesn't let us subscribe to %s; commands there won't reach us", address(self._mqtt), name)

    def _tell_waiters(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _set_connected(self, connected: bool) -> None:
        with self._changed:
            self._connected = connected
            if connected:
                self._last_error = None
            self._changed.notify_all()

    def _left_s(self) -> float:
        return max(0.0, self._stop_by_s - time.monotonic()) if self._closing.is_set() else _STEP_S

    def _give_up_when_late(self) -> None:
        if self._closing.is_set() and self._left_s() <= 0:
            raise Disconnected(Trouble(Kind.LOST, f"{address(self._mqtt)} did not answer in time for a clean stop"))
