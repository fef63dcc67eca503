"""A daemon to which everything happens that can happen to it, with alarms set off throughout; and the reckoning.

Alarms are real ones, of the kind `test`, which SIGUSR1 sets off; the daemon logs each one once it is safe. The camera
shows the demo clip, so that the care rules have falls to find, as far as the faults let them. The reader stays with the
broker, so what the broker has taken, the reader gets, whatever becomes of the broker afterwards.
"""

import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgepose.demo_clip import CLIP
from edgepose.domain import Phase
from edgepose.wire_care import EventMessage
from tests.broker import HOST, Mosquitto, retained, wait_until
from tests.clips import encoded
from tests.daemon import Daemon, config
from tests.relay import Relay
from tests.streams import HttpCamera

ROOM = "edgepose/flat/room"
FPS = 5.0
EVERY = 3
"""Every third frame of the clip is shown, so that it passes in real time."""
READY = re.compile(r"edgepose [0-9.]+: node")
ALARM = re.compile(r"test alarm (test-[0-9a-f]{12})")


class EventReader:
    """Hears every event, over any number of brokers' lives."""

    def __init__(self, port: int) -> None:
        self.subscribed = threading.Event()
        self._lock = threading.Lock()
        self._events: list[EventMessage] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{ROOM}/event", qos=1)
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_disconnect = lambda *_: self.subscribed.clear()
        self._client.on_message = self._keep
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(HOST, port)
        self._client.loop_start()
        assert self.subscribed.wait(10)

    @property
    def events(self) -> list[EventMessage]:
        with self._lock:
            return list(self._events)

    def _keep(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        event = msgspec.json.decode(message.payload, type=EventMessage)
        with self._lock:
            self._events.append(event)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@dataclass
class Reckoning:
    """What came of it."""

    faults: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    logged: list[str] = field(default_factory=list)
    """Ids of the alarms that the daemon said it had, in order."""
    confirmed: list[str] = field(default_factory=list)
    """Ids as they arrived for the first time."""
    lost: list[str] = field(default_factory=list)
    repeated: int = 0
    """Messages that came again; their id and phase tell."""
    untold: int = 0
    """Alarms that arrived although the daemon was killed before it could log them."""
    state: dict[str, bytes] = field(default_factory=dict)
    care: Counter[str] = field(default_factory=Counter)
    """Events of the care rules, by kind and phase."""
    astray: list[str] = field(default_factory=list)
    """Events that went on after they were over, or were suspected again."""

    @property
    def in_order(self) -> bool:
        """Whether what was logged arrived in that order."""
        logged = set(self.logged)
        return [name for name in self.confirmed if name in logged] == [
            name for name in self.logged if name in set(self.confirmed)
        ]

    def lines(self) -> list[str]:
        """For people."""
        faults = ", ".join(f"{count} × {name}" for name, count in sorted(self.faults.items()))
        return [
            f"{sum(self.faults.values())} faults in {self.seconds:.0f} s: {faults}",
            f"alarms logged {len(self.logged)}, arrived {len(self.confirmed)} ({self.untold} of them unlogged: killed "
            f"in between), lost {len(self.lost)}, in order: {self.in_order}, messages repeated {self.repeated}",
            f"care events: {', '.join(f'{count} × {name}' for name, count in sorted(self.care.items())) or 'none'}; "
            f"phases out of order: {len(self.astray)}",
        ]


class FaultRun:
    """Everything that belongs to a run; faults are its methods."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.rng = rng
        self.broker = Mosquitto(folder / "broker", extra="max_inflight_messages 0\nmax_queued_messages 0").start()
        self.relay = Relay(self.broker.port)
        self.reader = EventReader(self.broker.port)
        self._pictures = pictures()
        self._shown = 0
        self.camera = HttpCamera(fps=FPS, jpeg=self._next_picture)
        (folder / "daemon").mkdir()
        self._changes = 0
        self.daemon = Daemon(folder / "daemon", self._config())
        self._starts = 0
        self._await_ready()
        self._over = threading.Event()
        self._reckoning = Reckoning()
        self._alarms = threading.Thread(target=self._keep_alarming, daemon=True)

    def run(self, faults: int, least_s: float) -> Reckoning:
        """So many faults, and at least so many seconds of them."""
        started = time.monotonic()
        self._alarms.start()
        kinds: list[Callable[[], None]] = [
            self.broker_killed,
            self.network_cut,
            self.network_deaf,
            self.network_slow,
            self.camera_stalled,
            self.camera_unplugged,
            self.sighup_good,
            self.sighup_bad,
            self.daemon_killed,
        ]
        while sum(self._reckoning.faults.values()) < faults or time.monotonic() - started < least_s:
            fault = self.rng.choice(kinds)
            fault()
            self._reckoning.faults[fault.__name__] += 1
            self._still_there()
            time.sleep(self.rng.uniform(0.1, max(0.2, 2 * least_s / faults - 1.5)))
        self._over.set()
        self._alarms.join()
        self._reckoning.seconds = time.monotonic() - started
        return self._reckoned()

    def close(self) -> None:
        self._over.set()
        self.daemon.kill()
        self.reader.close()
        self.relay.close()
        self.broker.kill()
        self.camera.stop()

    # Faults.

    def broker_killed(self) -> None:
        """SIGKILL; it forgets everything. The daemon may come back once the reader listens again."""
        self.relay.cut()
        self.broker.kill()
        time.sleep(self.rng.uniform(0, 1.5))
        self.broker.start()
        wait_until(self.reader.subscribed.is_set, "the reader to be back")
        self.relay.mend()

    def network_cut(self) -> None:
        self.relay.cut()
        time.sleep(self.rng.uniform(0, 3))
        self.relay.mend()

    def network_deaf(self) -> None:
        """Half-open TCP: what was sent is gone, and nobody says so."""
        self.relay.deafen()
        time.sleep(self.rng.uniform(0.5, 4))
        self.relay.cut()
        self.relay.mend()

    def network_slow(self) -> None:
        self.relay.slow_s = self.rng.uniform(0.05, 0.4)
        time.sleep(self.rng.uniform(0.5, 2))
        self.relay.mend()

    def camera_stalled(self) -> None:
        self.camera.flowing.clear()
        time.sleep(self.rng.uniform(0.2, 3))
        self.camera.flowing.set()

    def camera_unplugged(self) -> None:
        port = self.camera.port
        self.camera.stop()
        time.sleep(self.rng.uniform(0.2, 2))
        self.camera = HttpCamera(port, fps=FPS, jpeg=self._next_picture)

    def sighup_good(self) -> None:
        self._changes += 1
        before = self.daemon.log.count("was reloaded")
        self.daemon.write(self._config())
        self.daemon.send(signal.SIGHUP)
        wait_until(lambda: self.daemon.log.count("was reloaded") > before, f"a reload:\n{self.daemon.log[-2000:]}")

    def sighup_bad(self) -> None:
        before = self.daemon.log.count("the old one keeps running")
        self.daemon.write({**self._config(), "modle": {}})
        self.daemon.send(signal.SIGHUP)
        wait_until(lambda: self.daemon.log.count("the old one keeps running") > before, "a refusal")
        self.daemon.write(self._config())

    def daemon_killed(self) -> None:
        with self._alive:
            self.daemon.send(signal.SIGKILL)
            self.daemon.ends()
            time.sleep(self.rng.uniform(0, 1))
            self.daemon.start()
            self._await_ready()

    # What goes on all the time.

    _alive = threading.Lock()
    """Held while the daemon has no handler for the signal that sets off an alarm, which would end it then."""

    def _keep_alarming(self) -> None:
        rng = random.Random(self.rng.random())
        while not self._over.wait(rng.uniform(0.2, 1.5)):
            self._alarm()
        with self._alive:
            self.relay.mend()
        self._alarm()

    def _alarm(self) -> None:
        with self._alive:
            before = len(ALARM.findall(self.daemon.log))
            self.daemon.send(signal.SIGUSR1)
            wait_until(lambda: len(ALARM.findall(self.daemon.log)) > before, f"an alarm:\n{self.daemon.log[-2000:]}")

    def _await_ready(self) -> None:
        self._starts += 1
        wait_until(lambda: len(READY.findall(self.daemon.log)) >= self._starts, f"a start:\n{self.daemon.log[-2000:]}")

    def _next_picture(self, _number: int) -> bytes:
        """The clip goes on wherever the camera was interrupted."""
        self._shown += 1
        return self._pictures[self._shown % len(self._pictures)]

    def _still_there(self) -> None:
        assert self.daemon.process.poll() is None, f"the daemon has ended:\n{self.daemon.log[-3000:]}"

    def _config(self) -> dict[str, Any]:
        source = {"type": "http", "url": self.camera.url()}
        made = config(self.relay.port, source)
        made["mqtt"]["keep_alive_s"] = 5
        made["cameras"]["room"] |= {"stall_timeout_s": 1.0 + 0.001 * self._changes, "give_up_after": 0}
        return made

    # The end.

    def _reckoned(self) -> Reckoning:
        made = self._reckoning
        made.logged = ALARM.findall(self.daemon.log)
        last = made.logged[-1]
        wait_until(lambda: ("confirmed", last) in self._arrived(), f"the last alarm:\n{self.daemon.log[-3000:]}", 120)
        wait_until(lambda: self._state().get(f"{ROOM}/status") == b"online", "the camera to be back")
        arrived = self._arrived()
        made.confirmed = [name for phase, name in dict.fromkeys(arrived) if phase == "confirmed"]
        made.lost = [name for name in made.logged if name not in set(made.confirmed)]
        made.untold = len(set(made.confirmed) - set(made.logged))
        made.repeated = len(arrived) - len(set(arrived))
        wait_until(lambda: alerts_of(self._state()) == standing(self.reader.events), "the alerts to be the truth")
        made.state = self._state()
        unique = first_arrivals(self.reader.events)
        made.care = Counter(f"{event.kind} {event.phase}" for event in unique if event.kind != "test")
        made.astray = astray(unique)
        return made

    def _arrived(self) -> list[tuple[str, str]]:
        return [(str(event.phase), event.id) for event in self.reader.events]

    def _state(self) -> dict[str, bytes]:
        return retained(self.broker.port)


def pictures() -> list[bytes]:
    """The demo clip as JPEGs, at the camera's rate."""
    with av.open(str(CLIP)) as clip:
        frames = (frame for place, frame in enumerate(clip.decode(video=0)) if place % EVERY == 0)
        return [encoded(frame.to_ndarray(format="rgb24")) for frame in frames]


def first_arrivals(events: list[EventMessage]) -> list[EventMessage]:
    """Without the repeats that id and phase give away."""
    return list({(event.id, event.phase): event for event in reversed(events)}.values())[::-1]


def standing(events: list[EventMessage]) -> dict[str, str]:
    """Topic to id of the alerts that stand, by what has arrived alone."""
    stands: dict[str, EventMessage] = {}
    for event in first_arrivals(events):
        stands.pop(event.id, None)
        if event.phase is Phase.CONFIRMED:
            stands[event.id] = event
    return {f"edgepose/flat/{event.camera}/alert/{event.kind}": event.id for event in stands.values()}


def alerts_of(state: dict[str, bytes]) -> dict[str, str]:
    """The same by what the broker keeps."""
    alerts = {topic: payload for topic, payload in state.items() if "/alert/" in topic and payload}
    return {topic: msgspec.json.decode(payload, type=EventMessage).id for topic, payload in alerts.items()}


def astray(events: list[EventMessage]) -> list[str]:
    """Events whose phases came in an order that makes no sense."""
    seen: set[str] = set()
    over: set[str] = set()
    wrong = []
    for event in events:
        if event.id in over or (event.phase is Phase.SUSPECTED and event.id in seen):
            wrong.append(f"{event.id} {event.phase}")
        seen.add(event.id)
        if event.phase in (Phase.CLEARED, Phase.EXPIRED):
            over.add(event.id)
    return wrong


def assert_good(made: Reckoning) -> None:
    assert made.logged, "alarms were set off"
    assert made.lost == []
    assert made.in_order
    state = made.state
    assert state["edgepose/flat/status"] == b"online"
    assert state[f"{ROOM}/status"] == b"online"
    assert state[f"{ROOM}/enabled/state"] == b"ON"
    assert msgspec.json.decode(state[f"{ROOM}/alert/test"], type=EventMessage).id == made.logged[-1]
    assert "homeassistant/device/edgepose_flat/config" in state
    assert made.astray == []
