"""The composition root of the daemon: configuration to adapters to pipelines; signals; reload."""

import contextlib
import logging
import queue
import signal
from collections.abc import Iterator
from pathlib import Path

from edgepose.adapters.systemd import SystemdHeartbeat
from edgepose.camera_loop import CameraLoop
from edgepose.config import Config
from edgepose.config_yaml import load_config
from edgepose.errors import ConfigError, EdgeposeError
from edgepose.lasting import Lasting
from edgepose.logs import start_logging
from edgepose.ports import Heartbeat
from edgepose.session import ORDERS, WATCH_S, Session, Wake
from edgepose.state_folder import state_path
from edgepose.status_line import StatusTeller
from edgepose.version import __version__

log = logging.getLogger(__name__)

TICK_S = 1.0
"""How often a session is asked for what is due."""
STATUS_S = 5.0
"""How often the line of `systemctl status` is brought up to date."""
NOT_RELOADED = "the new configuration is bad (see the log), the old one runs: "

STOP, RELOAD, TEST_ALARM = "stop", "reload", "test alarm"


def run(path: Path) -> int:
    """Run the daemon on a configuration file until SIGTERM, SIGINT or the end of its last file; the exit code.

    SIGHUP reads the file again; a bad one changes nothing and its problems are logged. SIGUSR1 sets off a test alarm.
    Raises EdgeposeError.
    """
    config = load_config(path)
    start_logging(config.logging)
    heartbeat = SystemdHeartbeat()
    wake: Wake = queue.SimpleQueue()
    with signals(wake), contextlib.closing(Lasting.in_folder(state_path(config.node.name))) as lasting:
        return _serve(path, config, heartbeat, wake, lasting)


def _serve(path: Path, config: Config, heartbeat: SystemdHeartbeat, wake: Wake, lasting: Lasting) -> int:
    session = Session(config, heartbeat, wake, lasting)
    status = StatusTeller(heartbeat.status, STATUS_S)
    try:
        status.tell(session.vitals())
        heartbeat.ready()
        log.info("edgepose %s: node %s with %s", __version__, config.node.name, ", ".join(config.cameras))
        while True:
            event = await_event(session, wake, status)
            if event == STOP:
                return 0
            if event == TEST_ALARM:
                session.test_alarm()
                continue
            if event != RELOAD:
                if not session.running():
                    return 0
                continue
            heartbeat.reloading()
            session, config, remark = _reloaded(path, session, config, heartbeat, wake, lasting)
            status.remark(remark)
            heartbeat.ready()
    finally:
        heartbeat.stopping()
        session.stop()


def await_event(session: Session, wake: Wake, status: StatusTeller) -> str | CameraLoop:
    """The next event; while it is waited for, the session does what is due and the status line is kept up to date.

    Raises the failure of a camera, or PublishError where the broker refuses us at the start.
    """
    while True:
        try:
            event = wake.get(timeout=TICK_S if session.welcomed() else WATCH_S)
        except queue.Empty:
            event = ""
        session.tick()
        status.tell(session.vitals())
        if event == ORDERS:
            session.obey()
        if event in ("", ORDERS):
            continue
        if isinstance(event, CameraLoop) and event.failure:
            raise event.failure
        return event


def _reloaded(
    path: Path, session: Session, config: Config, heartbeat: Heartbeat, wake: Wake, lasting: Lasting
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
        session = Session(wanted, heartbeat, wake, lasting)
    except EdgeposeError as exc:
        start_logging(config.logging)
        log.error("the new configuration can't be started (%s); the old one keeps running", exc)
        return Session(config, heartbeat, wake, lasting), config, NOT_RELOADED
    log.info("the configuration was reloaded: %s", ", ".join(wanted.cameras))
    return session, wanted, ""


@contextlib.contextmanager
def signals(wake: Wake) -> Iterator[None]:
    """While it lasts, SIGTERM and SIGINT put STOP, SIGHUP puts RELOAD and SIGUSR1 puts TEST_ALARM."""
    words = {signal.SIGTERM: STOP, signal.SIGINT: STOP, signal.SIGHUP: RELOAD, signal.SIGUSR1: TEST_ALARM}
    before = {number: signal.signal(number, lambda n, _: wake.put(words[signal.Signals(n)])) for number in words}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
