"""A room without a camera: the bundled clip, the daemon's session, a broker inside, and a subscriber that tells."""

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import numpy as np

from edgepose import app, wire, wire_care
from edgepose.adapters.broker_amqtt import EmbeddedBroker
from edgepose.adapters.mqtt_listen import Received, Subscriber
from edgepose.adapters.systemd import SystemdHeartbeat
from edgepose.care.settings import Care, Fall
from edgepose.config import Camera, Config, Discovery, FileSource, Logging, Model, Mqtt, Node
from edgepose.demo_clip import CLIP
from edgepose.errors import EdgeposeError
from edgepose.logs import start_logging
from edgepose.session import Session, Wake
from edgepose.sketch import sketch

CAMERA = "living-room"
TELL_EVERY_S = 1.0
SKETCH_EVERY_S = 5.0
QUIET_S = 0.5
"""After the last frame, how long the subscriber listens on."""


@dataclass
class Tally:
    """What came in, for the summary."""

    frames: int = 0
    with_people: int = 0
    most_people: int = 0
    latency_ms: list[float] = field(default_factory=list)
    first_ns: int = 0
    last_ns: int = 0
    events: list[str] = field(default_factory=list)

    def add(self, message: wire.PoseMessage, arrived_ns: int) -> None:
        """Count one pose message."""
        self.frames += 1
        self.with_people += bool(message.people)
        self.most_people = max(self.most_people, len(message.people))
        self.latency_ms.append((arrived_ns - message.mono_ns) / 1e6)
        self.first_ns = self.first_ns or message.mono_ns
        self.last_ns = message.mono_ns

    def lines(self, played: int) -> list[str]:
        """The summary."""
        if not self.frames:
            return ["no pose message arrived"]
        seconds = max((self.last_ns - self.first_ns) / 1e9, 1e-9)
        p50, p95 = np.percentile(self.latency_ms, [50, 95])
        return [
            f"frames processed      {played}, at {max(self.frames - 1, 1) / seconds:.1f} messages a second",
            f"pose messages         {self.frames}, {self.with_people} of them with people, "
            f"at most {self.most_people} at once",
            f"capture to subscriber {p50:.1f} ms in the middle (p50), {p95:.1f} ms at p95",
            f"care events           {', '.join(self.events) or 'none'}",
        ]


class Demo:
    """The demonstration, from the broker's start to the summary."""

    def __init__(self, *, model: str, port: int, realtime: bool) -> None:
        self._model = model
        self._port = port
        self._realtime = realtime
        self._told_s = self._sketched_s = float("-inf")
        self._tally = Tally()

    def run(self, tell: Callable[[str], None]) -> int:
        """Play the clip; every line goes to `tell`. 1 where not one person was found. Raises EdgeposeError."""
        start_logging(Logging(level="warning"))
        with EmbeddedBroker(self._port) as broker:
            config = self._config(broker.port)
            topic = f"{config.mqtt.topic_prefix}/{config.node.name}/#"
            tell(f"An MQTT broker listens on 127.0.0.1:{broker.port}; elsewhere you could watch along with")
            tell(f"  mosquitto_sub -p {broker.port} -v -t '{topic}'")
            tell("")
            with Subscriber("127.0.0.1", broker.port, topic) as subscriber:
                played = self._play(config, subscriber, tell)
        tell("")
        for line in (*self._tally.lines(played), "", *_NEXT):
            tell(line)
        return 0 if self._tally.with_people else 1

    def _config(self, port: int) -> Config:
        source = FileSource(path=str(CLIP), realtime=self._realtime)
        return Config(
            node=Node(name="demo"),
            mqtt=Mqtt(host="127.0.0.1", port=port, discovery=Discovery(enabled=False)),
            cameras={CAMERA: Camera(source=source)},
            model=Model(name=self._model),
            # The clip ends soon after she is up again.
            care=Care(fall=Fall(clear_s=1.0)),
        )

    def _play(self, config: Config, subscriber: Subscriber, tell: Callable[[str], None]) -> int:
        """Run the daemon's session to the clip's end, telling what arrives; how many frames were processed."""
        wake: Wake = queue.SimpleQueue()
        started_ns = time.monotonic_ns()
        with app.signals(wake):
            session = Session(config, SystemdHeartbeat({}), wake)
            try:
                while session.running() and wake.empty():
                    self._tell_all(subscriber, started_ns, tell, wait_s=0.1)
                _raise_failure(wake)
            finally:
                session.stop()
        self._tell_all(subscriber, started_ns, tell, wait_s=QUIET_S)
        return session.frames()

    def _tell_all(self, subscriber: Subscriber, started_ns: int, tell: Callable[[str], None], wait_s: float) -> None:
        while (received := subscriber.get(wait_s)) is not None:
            at_s = (received.mono_ns - started_ns) / 1e9
            if received.topic.endswith("/pose"):
                self._tell_pose(received, at_s, tell)
            elif received.topic.endswith("/event"):
                event = msgspec.json.decode(received.payload, type=wire_care.EventMessage)
                self._tally.events.append(f"{event.kind} {event.phase}")
                tell(f"{at_s:6.1f} s  {received.topic}  {event.kind} {event.phase}, confidence {event.confidence:.2f}")
            elif received.topic.split("/")[-2] == "alert":
                tell(f"{at_s:6.1f} s  {received.topic}  {'stands' if received.payload else 'none'}")
            else:
                tell(f"{at_s:6.1f} s  {received.topic}  {received.payload.decode(errors='replace')}")

    def _tell_pose(self, received: Received, at_s: float, tell: Callable[[str], None]) -> None:
        """One pose a second is told, one in five seconds is drawn as well; all of them are counted."""
        message = msgspec.json.decode(received.payload, type=wire.PoseMessage)
        self._tally.add(message, received.mono_ns)
        if at_s - self._told_s < TELL_EVERY_S:
            return
        self._told_s = at_s
        people = "; ".join(_person(person) for person in message.people) or "nobody"
        tell(f"{at_s:6.1f} s  {received.topic}  frame {message.seq}: {people}")
        if message.people and at_s - self._sketched_s >= SKETCH_EVERY_S:
            self._sketched_s = at_s
            for line in sketch(message):
                tell(f"          {line}")


def _person(person: wire.PersonMessage) -> str:
    seen = sum(confidence > 0 for confidence in person.kp[2::3])
    left, top, right, bottom = person.box
    return (
        f"person {person.id} {person.posture} ({person.score:.2f}), {seen} keypoints in "
        f"{left:.2f}…{right:.2f} x {top:.2f}…{bottom:.2f}"
    )


def _raise_failure(wake: Wake) -> None:
    """Raise what a camera's loop failed with; an interrupt ends the demo without fuss."""
    while not wake.empty():
        event = wake.get()
        failure = getattr(event, "failure", None)
        if isinstance(failure, EdgeposeError):
            raise failure


_NEXT = (
    "Where to go next:",
    "  edgepose predict PICTURE --format openpose-json --out - --render .   your own pictures and clips",
    "  edgepose check edgepose.yaml && edgepose run --config edgepose.yaml  your own camera and broker",
    "  systemd/edgepose.example.yaml                                        a configuration to start from",
)
