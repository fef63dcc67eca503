"""How a node does: gathers what its parts know into one message. Thread-safe."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from edgepose import vitals
from edgepose.adapters.mqtt_paho import Stats
from edgepose.clock import WallClock
from edgepose.discovery import HEALTH_EVERY_S
from edgepose.domain import FrameResult
from edgepose.inbox import Inbox
from edgepose.lasting import Lasting
from edgepose.machine_id import boot
from edgepose.meter import Meter
from edgepose.ports import DelegateState
from edgepose.wire import CameraStatus
from edgepose.wire_health import CameraHealth, DelegateHealth, DropHealth, HealthMessage, QueueHealth

STARTED_S = time.monotonic()


class NodeHealth:
    """One session's measurements."""

    def __init__(
        self,
        cameras: Iterable[str],
        lasting: Lasting,
        inbox: Inbox,
        clock: WallClock,
        delegates: Callable[[], Sequence[DelegateState]] = tuple,
    ) -> None:
        """delegates: how each network's accelerator does; none where none was asked for."""
        self._lock = threading.Lock()
        self._delegates = delegates
        self._statuses: dict[str, CameraStatus] = dict.fromkeys(cameras, "offline")
        self._meters = {name: Meter() for name in self._statuses}
        self._frames = dict.fromkeys(self._statuses, 0)
        self._lasting = lasting
        self._inbox = inbox
        self._clock = clock
        self._due_s = 0.0

    def status(self, camera: str, status: CameraStatus) -> None:
        """What a camera says of itself."""
        with self._lock:
            self._statuses[camera] = status

    def statuses(self) -> dict[str, CameraStatus]:
        """Of all cameras."""
        with self._lock:
            return dict(self._statuses)

    def frame(self, camera: str, result: FrameResult) -> None:
        """A frame has been handed over for publishing."""
        self._frames[camera] += 1
        self._meters[camera].frame(result.frame.mono_ns / 1e9, time.monotonic())

    def due(self, now_s: float) -> bool:
        """Whether a message is due again."""
        return now_s >= self._due_s

    def told(self, now_s: float) -> None:
        """One has just gone out."""
        self._due_s = now_s + HEALTH_EVERY_S

    def message(self, broker: Stats, losses: Mapping[str, int], idle: Collection[str] = ()) -> HealthMessage:
        """How it is now. losses: how often each camera was; idle: those that look only now and then."""
        stamp = self._clock.stamp()
        counters = broker.messages
        return HealthMessage(
            ts=round(stamp.ts, 3),
            clock_synced=stamp.synced,
            boot=boot(),
            uptime_s=round(time.monotonic() - STARTED_S, 1),
            cameras={name: self._of_camera(name, losses.get(name, 0), name in idle) for name in self._meters},
            temperature_c=vitals.temperature_c(),
            throttled=vitals.throttled(),
            memory_mb=round(vitals.memory_bytes() / 1e6, 1),
            threads=vitals.threads(),
            files=vitals.open_files(),
            queue=QueueHealth(events=counters.reports, durable=self._lasting.durable, unsaved=self._lasting.unsaved),
            drops=DropHealth(
                pose=counters.dropped,
                expired=counters.expired,
                events=counters.overflowed,
                refused=counters.refused,
                commands=self._inbox.refused,
            ),
            connections=broker.connections,
            delegate=_together(self._delegates()),
        )

    def _of_camera(self, name: str, losses: int, idle: bool) -> CameraHealth:
        now_s = time.monotonic()
        middle_ms, p95_ms = self._meters[name].latency_ms(now_s)
        return CameraHealth(
            status=self.statuses()[name],
            fps=round(self._meters[name].fps(now_s), 2),
            latency_ms=round(middle_ms, 2),
            latency_p95_ms=round(p95_ms, 2),
            frames=self._frames[name],
            losses=losses,
            idle=idle,
        )


def _together(states: Sequence[DelegateState]) -> DelegateHealth | None:
    """The accelerator of all cameras' networks."""
    if not states:
        return None
    return DelegateHealth(
        name=states[0].name,
        active=all(state.active for state in states),
        fallbacks=sum(state.fallbacks for state in states),
        trouble=next((state.trouble for state in states if state.trouble), ""),
    )
