"""One configuration at work: its publisher, its cameras, and what others tell it."""

import logging
import platform
import queue
import threading
import time
import uuid
from typing import TYPE_CHECKING

from edgepose import discovery, names, networks, orders, wire, wire_care, wire_health
from edgepose.adapters.model_fallback import FallbackModel
from edgepose.adapters.model_tflite import runtime_version
from edgepose.adapters.mqtt_paho import Listening, MqttPublisher
from edgepose.adapters.sources import open_source
from edgepose.attention import Attention, Attentive
from edgepose.camera_loop import OPENING_S, CameraLoop, Persistence
from edgepose.clock import WallClock
from edgepose.config import Camera, Config, FileSource, LowPower
from edgepose.domain import FrameResult, Phase
from edgepose.errors import EdgeposeError, PublishError
from edgepose.flow import flow
from edgepose.health import NodeHealth
from edgepose.inbox import Inbox
from edgepose.lasting import Lasting
from edgepose.machine_id import boot
from edgepose.outbox import Outbox
from edgepose.people_watch import PeopleWatch
from edgepose.pipeline import Pipeline
from edgepose.ports import Heartbeat, Incoming, Message, Source
from edgepose.report import CameraReport
from edgepose.status_line import Vitals
from edgepose.sweep import Former, Kept, Sweep
from edgepose.version import __version__
from edgepose.watchdog import Watch
from edgepose.wholebody.networks import load_wanted
from edgepose.wholebody.stage import WholeBody

if TYPE_CHECKING:
    from edgepose.adapters.http import HealthServer

log = logging.getLogger(__name__)

STOP_S = 0.5
"""How long the cameras have to end, so that with the farewell to the broker a stop takes less than 2 s."""
FIRST_CONNECT_S = 10.0
"""How long files wait for the broker, so that their first frames find somebody who listens."""
LAST_FLUSH_S = 5.0
"""How long the last messages of files that have ended may take."""
WATCH_S = 0.2
"""How often the first connection is looked at, for a broker that refuses us."""
SETTLE_S = 5.0
"""How long Home Assistant may take to subscribe to what it has just discovered."""
TEST = "test"
"""Kind of the alarm that somebody sets off to see whether it arrives."""
TEST_S = 60.0
"""How long a test alarm stands where nobody acknowledges it."""

ORDERS = "orders"
Wake = queue.SimpleQueue[str | CameraLoop]
"""What wakes the main thread: a signal's word, ORDERS, or a camera whose loop is over."""


class Session:
    """From the start of the cameras to stop(). Its methods are for the main thread."""

    def __init__(self, config: Config, heartbeat: Heartbeat, wake: Wake, lasting: Lasting | None = None) -> None:
        """Load the network, connect and open the cameras. Raises EdgeposeError, and nothing runs then."""
        self._config = config
        self._topics = wire.Topics(config.mqtt.topic_prefix, config.node.name)
        self._welcomed = False
        self._attentions: dict[str, Attention] = {}
        self._leaving = threading.Event()
        self._lasting = lasting or Lasting.in_memory()
        self._clock = WallClock()
        self._watch = Watch(heartbeat, config.cameras)
        self._inbox = Inbox(lambda: wake.put(ORDERS))
        self._connections = 0
        self._repeat_at_s: float | None = None
        self._test_until_s: float | None = None
        chosen = networks.load_for(config.model.name, config.cameras)
        models = {name: networks.open_model(network, config.model) for name, network in chosen.items()}
        pipelines = {
            name: networks.build_pipeline(chosen[name], None, config.association, camera, opened=models[name])
            for name, camera in config.cameras.items()
        }
        first = next(iter(chosen.values()))
        self._wholebody = {name: _wholebody(config, camera) for name, camera in config.cameras.items()}
        delegated = [model for model in models.values() if isinstance(model, FallbackModel)]
        self._health = NodeHealth(
            *(config.cameras, self._lasting, self._inbox, self._clock),
            delegates=lambda: [model.state() for model in delegated],
        )
        self._http = self._serve_http()
        self._discovery = self._discovery_message(first)
        try:
            self._publisher = self._connect()
        except EdgeposeError:
            self._close_http()
            raise
        self._send_state(first)
        self._watches = {
            name: PeopleWatch(
                camera=name,
                layout=chosen[name].sidecar.skeleton.layout,
                zones=camera.zones,
                tracking=config.tracking,
                care=config.care,
                clock=self._clock,
            )
            for name, camera in config.cameras.items()
        }
        self._loops = {
            name: self._loop(name, camera, pipelines[name], networks.stored_fit(chosen[name], camera.mount), wake)
            for name, camera in config.cameras.items()
        }
        for name, loop in self._loops.items():
            loop.enable(self._lasting.switches.on(name))
            loop.start()

    def running(self) -> bool:
        """Whether a camera has not ended."""
        return not all(loop.join(0) for loop in self._loops.values())

    def frames(self) -> int:
        """How many frames have been processed."""
        return sum(loop.frames for loop in self._loops.values())

    def vitals(self) -> Vitals:
        """How it is now."""
        trouble = self._publisher.last_error
        return Vitals(
            t_s=time.monotonic(),
            frames=self.frames(),
            cameras=self._health.statuses(),
            broker=None if self._publisher.connected else trouble.text if trouble else "",
        )

    def welcomed(self) -> bool:
        """Whether the broker has ever accepted us. Raises PublishError where it refuses us for good.

        A broker that is away at the start, or refuses us later, is waited for.
        """
        if not self._welcomed:
            trouble = self._publisher.last_error
            if trouble is not None and trouble.permanent:
                raise PublishError(trouble.text)
            self._welcomed = self._publisher.connected
        return self._welcomed

    def tick(self) -> None:
        """What is due now and then; to be called about once a second. Raises EdgeposeError where we can't go on."""
        now_s = time.monotonic()
        self._watch.tick()
        if not self._publisher.alive:
            raise EdgeposeError("the connection to the broker ended for no reason that we know; see the log")
        connections = self._publisher.stats().connections
        if connections != self._connections:
            self._connections = connections
            self._settle(now_s)
        if self._repeat_at_s is not None and now_s >= self._repeat_at_s:
            self._repeat_at_s = None
            self._say_what_is_not_kept()
        elif self._health.due(now_s):
            self._publish_health()
        if self._test_until_s is not None and now_s >= self._test_until_s:
            self._end_tests()

    def obey(self) -> None:
        """Carry out what has come in over MQTT."""
        for message in self._inbox.take():
            try:
                order = orders.order(self._topics, self._discovery_prefix, message)
                if order is not None:
                    self._carry_out(order)
            except orders.RefusedError as exc:
                self._inbox.refuse(message.topic, str(exc))

    def test_alarm(self) -> None:
        """Let every camera raise an alarm of the kind `test`, which stands for a minute or until it is acknowledged."""
        self._end_tests()
        stamp = self._clock.stamp()
        self._test_until_s = time.monotonic() + TEST_S
        for camera in self._config.cameras:
            event = wire_care.EventMessage(
                id=f"{TEST}-{uuid.uuid4().hex[:12]}",
                kind=TEST,
                phase=Phase.CONFIRMED,
                camera=camera,
                t_start=round(stamp.ts, 3),
                t_phase=round(stamp.ts, 3),
                confidence=1.0,
                clock_synced=stamp.synced,
            )
            self._lasting.alerts.take(self._topics, event, self._publisher.send)
            log.info("camera %s: test alarm %s", camera, event.id)

    def stop(self) -> None:
        """End the cameras, say goodbye to the broker; what has ended by itself is let go out first."""
        self._leaving.set()
        if not self.running():
            self._publisher.flush(LAST_FLUSH_S if self._publisher.connected else 0.0)
        for loop in self._loops.values():
            loop.stop()
        deadline_s = time.monotonic() + STOP_S
        for loop in self._loops.values():
            if not loop.join(max(0.0, deadline_s - time.monotonic())):
                log.warning("camera %s does not let go; leaving without it", loop.name)
        self._publisher.close()
        self._close_http()

    # The start.

    def _connect(self) -> MqttPublisher:
        config = self._config
        listening = Listening(
            filters=orders.filters(self._topics, self._discovery_prefix),
            heard=self._heard,
            sweep=self._sweep,
        )
        return MqttPublisher(
            config.mqtt,
            config.node.name,
            cameras=tuple(config.cameras),
            listening=listening,
            outbox=Outbox(reports=self._lasting.reports),
        )

    def _send_state(self, network: networks.Network) -> None:
        send = self._publisher.send
        if self._discovery is not None:
            send(self._discovery)
        send(wire.node_info(self._topics, _info(network, self._config)))
        for camera in self._config.cameras:
            send(wire.camera_enabled(self._topics, camera, self._lasting.switches.on(camera)))
        self._lasting.alerts.retire(self._topics, self._config.cameras, self._clock.stamp(), send)
        self._end_tests()
        self._lasting.alerts.repeat(self._topics, self._shown_alerts(), send)

    def _loop(self, name: str, camera: Camera, pipeline: Pipeline, fit: tuple[int, int], wake: Wake) -> CameraLoop:
        live = not isinstance(camera.source, FileSource)
        attention = self._attentions[name] = Attention(self._config.low_power if live else LowPower(enabled=False))
        report = CameraReport(self._topics, name, camera, self._config.mqtt.pose, self._clock)

        def open_camera() -> Source:
            if not live:
                self._await_broker()
            return open_source(camera.source, stall_timeout_s=camera.stall_timeout_s, fit=fit)

        def say_status(status: wire.CameraStatus) -> None:
            self._health.status(name, status)
            self._publisher.send(wire.camera_status(self._topics, name, status))

        def publish(seen: FrameResult) -> None:
            result = self._wholebody[name](self._watches[name](seen))
            attention.learned(result)
            for event in report.events(result):
                self._lasting.alerts.take(self._topics, event, self._publisher.send)
            for message in report.messages(result):
                self._publisher.send(message)
            self._health.frame(name, result)

        return CameraLoop(
            name,
            open_source=open_camera,
            persistence=Persistence(live, OPENING_S + camera.stall_timeout_s, camera.give_up_after),
            look=lambda source: flow(Attentive(source, attention), pipeline),
            publish=publish,
            say_status=say_status,
            pulse=self._watch.of(name),
            on_end=wake.put,
        )

    def _await_broker(self) -> None:
        deadline_s = time.monotonic() + FIRST_CONNECT_S
        while not self._publisher.connected and not self._leaving.wait(WATCH_S) and time.monotonic() < deadline_s:
            pass

    def _serve_http(self) -> "HealthServer | None":
        if self._config.http is None:
            return None
        from edgepose.adapters.http import HealthServer
        from edgepose.adapters.metrics import registry

        metrics = registry(self._health_message, lambda: self._publisher.connected)
        return HealthServer(self._config.http.address, metrics, self._watch.late)

    def _close_http(self) -> None:
        if self._http is not None:
            self._http.close()

    # What others say.

    def _heard(self, message: Incoming) -> None:
        if orders.concerns(self._topics, self._discovery_prefix, message.topic):
            self._inbox.put(message)

    def _carry_out(self, order: orders.Order) -> None:
        match order:
            case orders.Repeat():
                log.info("Home Assistant has come up; everything is sent again")
                self._publisher.repeat()
                self._settle(time.monotonic())
            case orders.Switch(camera, on):
                self._switch(camera, on)
            case orders.Acknowledge(name, ack):
                for alert in self._lasting.alerts.standing():
                    if name in (alert.id, alert.camera) and alert.camera in self._watches:
                        self._watches[alert.camera].acknowledge(alert.id, ack.by, ack.verdict == "true")
                stamp = self._clock.stamp()
                acked = self._lasting.alerts.acknowledge(self._topics, name, ack, stamp, self._publisher.send)
                if not acked:
                    raise orders.RefusedError(f"no alert {name[:64]!r} stands")
                self._lasting.verdicts.keep(event for event in acked if event.kind != TEST)
                log.info("alert %s acknowledged by %s, verdict %s", name, ascii(ack.by), ack.verdict)

    def _switch(self, camera: str, on: bool) -> None:
        if camera not in self._loops:
            raise orders.RefusedError(f"there is no camera of that name; there are {', '.join(self._loops)}")
        self._lasting.switches.set(camera, on)
        self._loops[camera].enable(on)
        self._publisher.send(wire.camera_enabled(self._topics, camera, on))

    def _settle(self, now_s: float) -> None:
        """Somebody may be about to subscribe; what the broker doesn't keep is told to them in a moment."""
        self._repeat_at_s = now_s + SETTLE_S

    def _say_what_is_not_kept(self) -> None:
        names.remember(self._lasting.files, self._names)  # the look at the former ones is over by now
        self._lasting.alerts.repeat(self._topics, self._shown_alerts(), self._publisher.send)
        self._publish_health()

    def _publish_health(self) -> None:
        self._publisher.send(wire_health.health(self._topics, self._health_message()))
        self._health.told(time.monotonic())

    def _health_message(self) -> wire_health.HealthMessage:
        loops = getattr(self, "_loops", {})
        return self._health.message(
            self._publisher.stats(),
            {name: loop.losses for name, loop in loops.items()},
            {name for name, attention in self._attentions.items() if attention.idle},
        )

    def _end_tests(self) -> None:
        self._test_until_s = None
        self._lasting.alerts.expire(self._topics, TEST, self._clock.stamp(), self._publisher.send)

    # What the broker keeps.

    @property
    def _discovery_prefix(self) -> str | None:
        settings = self._config.mqtt.discovery
        return settings.prefix if settings.enabled else None

    def _discovery_message(self, network: networks.Network) -> Message | None:
        prefix = self._discovery_prefix
        if prefix is None:
            return None
        return discovery.config(prefix, self._topics, self._config.cameras, network.sidecar.name)

    def _shown_alerts(self) -> list[tuple[str, str]]:
        """Where Home Assistant wants to hear even that nothing stands."""
        if self._discovery is None:
            return []
        return [(camera, kind) for camera in self._config.cameras for kind in discovery.ALERTS]

    def _sweep(self) -> Sweep:
        config = self._config
        return Sweep(
            self._topics,
            Kept(
                cameras={name: frozenset(camera.zones) for name, camera in config.cameras.items()},
                alerts=lambda: {(event.camera, event.kind) for event in self._lasting.alerts.standing()},
                discovery_topic=discovery.topic(config.mqtt.discovery.prefix, config.node.name),
                discovery=self._discovery,
                former=self._former(),
            ),
        )

    def _former(self) -> Former | None:
        """What this node was called before it was called as it is now."""
        before = names.former(self._lasting.files, self._names)
        if before is None:
            return None
        return Former(wire.Topics(before.prefix, before.node), discovery.topic(before.discovery_prefix, before.node))

    @property
    def _names(self) -> names.Names:
        mqtt = self._config.mqtt
        return names.Names(mqtt.topic_prefix, self._config.node.name, mqtt.discovery.prefix)


def _wholebody(config: Config, camera: Camera) -> WholeBody:
    return WholeBody(
        config.wholebody,
        networks=load_wanted(config.wholebody),
        follow=True,
        rotate=camera.mount.rotate,
        masks=camera.privacy_masks,
    )


def _info(network: networks.Network, config: Config) -> wire.Info:
    side = network.sidecar
    return wire.Info(
        edgepose=__version__,
        python=platform.python_version(),
        machine=platform.machine(),
        runtime=runtime_version(),
        boot=boot(),
        model=wire.ModelInfo(
            name=side.name,
            sha256=side.sha256,
            input=(side.input.height, side.input.width),
            layout=side.skeleton.layout,
        ),
        cameras=tuple(config.cameras),
    )
