"""The composition root of the daemon: configuration to adapters to pipelines; signals; reload."""

import contextlib
import logging
import platform
import queue
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from edgepose import networks, wire
from edgepose.adapters.model_tflite import runtime_version
from edgepose.adapters.mqtt_paho import MqttPublisher
from edgepose.adapters.sources import open_source
from edgepose.adapters.systemd import SystemdHeartbeat
from edgepose.camera_loop import CameraLoop
from edgepose.config import Camera, Config, FileSource, PoseMessages
from edgepose.config_yaml import load_config
from edgepose.domain import FrameResult
from edgepose.errors import ConfigError, EdgeposeError, PublishError
from edgepose.logs import start_logging
from edgepose.machine_id import boot
from edgepose.pipeline import Pipeline
from edgepose.ports import Heartbeat, Source
from edgepose.report import CameraReport
from edgepose.status_line import StatusTeller, Vitals
from edgepose.version import __version__

log = logging.getLogger(__name__)

STOP_S = 0.5
"""How long the cameras have to end, so that with the farewell to the broker a stop takes less than 2 s."""
FIRST_CONNECT_S = 10.0
"""How long files wait for the broker, so that their first frames find somebody who listens."""
LAST_FLUSH_S = 5.0
"""How long the last messages of files that have ended may take."""
WATCH_S = 0.2
"""How often the first connection is looked at, for a broker that refuses us."""
STATUS_S = 5.0
"""How often the line of `systemctl status` is brought up to date."""
NOT_RELOADED = "the new configuration is bad (see the log), the old one runs: "

STOP, RELOAD = "stop", "reload"
Wake = queue.SimpleQueue[str | CameraLoop]
"""What wakes the main thread: a signal's word, or a camera whose loop is over."""


class Session:
    """One configuration at work: its publisher and a loop for each camera."""

    def __init__(self, config: Config, heartbeat: Heartbeat, wake: Wake) -> None:
        """Load the network, connect and open the cameras. Raises ModelError or ConfigError, and nothing runs then."""
        self._topics = wire.Topics(config.mqtt.topic_prefix, config.node.name)
        self._welcomed = False
        self._leaving = threading.Event()
        self._statuses: dict[str, wire.CameraStatus] = dict.fromkeys(config.cameras, "offline")
        network = networks.load(config.model.name)
        pipelines = {
            name: networks.build_pipeline(network, config.model, config.association, camera)
            for name, camera in config.cameras.items()
        }
        self._publisher = MqttPublisher(config.mqtt, config.node.name, cameras=tuple(config.cameras))
        self._publisher.send(wire.node_info(self._topics, _info(network, config)))
        self._loops = [
            self._loop(name, camera, pipelines[name], config.mqtt.pose, heartbeat, wake)
            for name, camera in config.cameras.items()
        ]
        for loop in self._loops:
            loop.start()

    def running(self) -> bool:
        """Whether a camera has not ended."""
        return not all(loop.join(0) for loop in self._loops)

    def frames(self) -> int:
        """How many frames have been processed."""
        return sum(loop.frames for loop in self._loops)

    def vitals(self) -> Vitals:
        """How it is now."""
        trouble = self._publisher.last_error
        return Vitals(
            t_s=time.monotonic(),
            frames=self.frames(),
            cameras=dict(self._statuses),
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

    def stop(self) -> None:
        """End the cameras, say goodbye to the broker; what has ended by itself is let go out first."""
        self._leaving.set()
        if not self.running():
            self._publisher.flush(LAST_FLUSH_S if self._publisher.connected else 0.0)
        for loop in self._loops:
            loop.stop()
        deadline_s = time.monotonic() + STOP_S
        for loop in self._loops:
            if not loop.join(max(0.0, deadline_s - time.monotonic())):
                log.warning("camera %s does not let go; leaving without it", loop.name)
        self._publisher.close()

    def _loop(
        self, name: str, camera: Camera, pipeline: Pipeline, pose: PoseMessages, heartbeat: Heartbeat, wake: Wake
    ) -> CameraLoop:
        live = not isinstance(camera.source, FileSource)
        report = CameraReport(self._topics, name, camera, pose)

        def open_camera() -> Source:
            if not live:
                self._await_broker()
            return open_source(camera.source, stall_timeout_s=camera.stall_timeout_s)

        def say_status(status: wire.CameraStatus) -> None:
            self._statuses[name] = status
            self._publisher.send(wire.camera_status(self._topics, name, status))

        def publish(result: FrameResult) -> None:
            for message in report.messages(result):
                self._publisher.send(message)

        return CameraLoop(
            name,
            open_source=open_camera,
            live=live,
            stages=pipeline,
            publish=publish,
            say_status=say_status,
            heartbeat=heartbeat,
            on_end=wake.put,
        )

    def _await_broker(self) -> None:
        deadline_s = time.monotonic() + FIRST_CONNECT_S
        while not self._publisher.connected and not self._leaving.wait(WATCH_S) and time.monotonic() < deadline_s:
            pass


def run(path: Path) -> int:
    """Run the daemon on a configuration file until SIGTERM, SIGINT or the end of its last file; the exit code.

    SIGHUP reads the file again; a bad one changes nothing and its problems are logged. Raises EdgeposeError.
    """
    config = load_config(path)
    start_logging(config.logging)
    heartbeat = SystemdHeartbeat()
    wake: Wake = queue.SimpleQueue()
    with signals(wake):
        return _serve(path, config, heartbeat, wake)


def _serve(path: Path, config: Config, heartbeat: SystemdHeartbeat, wake: Wake) -> int:
    session = Session(config, heartbeat, wake)
    status = StatusTeller(heartbeat.status, STATUS_S)
    try:
        status.tell(session.vitals())
        heartbeat.ready()
        log.info("edgepose %s: node %s with %s", __version__, config.node.name, ", ".join(config.cameras))
        while True:
            event = await_event(session, wake, status)
            if event == STOP:
                return 0
            if event != RELOAD:
                if not session.running():
                    return 0
                continue
            heartbeat.reloading()
            session, config, remark = _reloaded(path, session, config, heartbeat, wake)
            status.remark(remark)
            heartbeat.ready()
    finally:
        heartbeat.stopping()
        session.stop()


def await_event(session: Session, wake: Wake, status: StatusTeller) -> str | CameraLoop:
    """The next event; while it is waited for, the status line is kept up to date.

    Raises the failure of a camera, or PublishError where the broker refuses us at the start.
    """
    while True:
        try:
            event = wake.get(timeout=STATUS_S if session.welcomed() else WATCH_S)
        except queue.Empty:
            status.tell(session.vitals())
            continue
        if isinstance(event, CameraLoop) and event.failure:
            raise event.failure
        return event


def _reloaded(
    path: Path, session: Session, config: Config, heartbeat: Heartbeat, wake: Wake
) -> tuple[Session, Config, str]:
    """The session and configuration that run from now on, and what the status line has to say about it.

    Where the file can't be used, or what it says can't be started, these are the ones that ran before.
    """
    try:
        wanted = load_config(path)
    except ConfigError as exc:
        for problem in str(exc).splitlines():
            log.error("%s", problem)
        log.error("the configuration was not reloaded; the old one keeps running")
        return session, config, NOT_RELOADED
    start_logging(wanted.logging)
    if wanted == config:
        log.info("the configuration has not changed")
        return session, config, ""
    session.stop()
    try:
        session = Session(wanted, heartbeat, wake)
    except EdgeposeError as exc:
        start_logging(config.logging)
        log.error("the new configuration can't be started (%s); the old one keeps running", exc)
        return Session(config, heartbeat, wake), config, NOT_RELOADED
    log.info("the configuration was reloaded: %s", ", ".join(wanted.cameras))
    return session, wanted, ""


@contextlib.contextmanager
def signals(wake: Wake) -> Iterator[None]:
    """While it lasts, SIGTERM and SIGINT put STOP, and SIGHUP puts RELOAD."""
    words = {signal.SIGTERM: STOP, signal.SIGINT: STOP, signal.SIGHUP: RELOAD}
    before = {number: signal.signal(number, lambda n, _: wake.put(words[signal.Signals(n)])) for number in words}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
