"""The node's health as Prometheus metrics, made when they are asked for."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from edgepose.version import __version__
from edgepose.wire_health import HealthMessage


def registry(health: Callable[[], HealthMessage], connected: Callable[[], bool]) -> CollectorRegistry:
    """A registry that holds nothing but edgepose's metrics."""
    made = CollectorRegistry()
    made.register(_NodeCollector(health, connected))
    return made


class _NodeCollector(Collector):
    def __init__(self, health: Callable[[], HealthMessage], connected: Callable[[], bool]) -> None:
        self._health = health
        self._connected = connected

    def describe(self) -> Iterable[Metric]:
        return ()  # else registering would collect, before there is anything

    def collect(self) -> Iterator[Metric]:
        now = self._health()
        yield from _of_node(now, self._connected())
        yield from _of_cameras(now)


def _of_node(now: HealthMessage, connected: bool) -> Iterator[Metric]:
    info = GaugeMetricFamily("edgepose_info", "The version that runs.", labels=["version"])
    info.add_metric([__version__], 1)
    yield info
    yield GaugeMetricFamily("edgepose_uptime_seconds", "Since this process started.", now.uptime_s)
    yield GaugeMetricFamily("edgepose_resident_memory_bytes", "Resident memory.", now.memory_mb * 1e6)
    yield GaugeMetricFamily("edgepose_threads", "Threads of this process.", now.threads)
    yield GaugeMetricFamily("edgepose_open_files", "Open file descriptors.", now.files)
    yield GaugeMetricFamily(
        "edgepose_clock_synced", "1 where the wall clock is set by a time server.", now.clock_synced
    )
    if now.temperature_c is not None:
        yield GaugeMetricFamily("edgepose_temperature_celsius", "Of the processor.", now.temperature_c)
    if now.throttled is not None:
        yield GaugeMetricFamily("edgepose_throttled", "1 where the Pi slows itself down now.", now.throttled)
    yield GaugeMetricFamily("edgepose_broker_connected", "1 while the broker has accepted us.", connected)
    yield CounterMetricFamily("edgepose_broker_connections", "Connections the broker accepted.", now.connections)
    yield GaugeMetricFamily("edgepose_events_waiting", "Events that wait for the broker.", now.queue.events)
    yield GaugeMetricFamily("edgepose_events_durable", "1 where they would survive a power cut.", now.queue.durable)
    yield CounterMetricFamily("edgepose_events_unsaved", "How often the disk took nothing.", now.queue.unsaved)
    drops = CounterMetricFamily("edgepose_dropped", "What did not arrive, by reason.", labels=["reason"])
    for reason in now.drops.__struct_fields__:
        drops.add_metric([reason], getattr(now.drops, reason))
    yield drops
    if now.delegate is not None:
        labels = ["delegate"]
        active = GaugeMetricFamily("edgepose_delegate_active", "1 while the network runs on it.", labels=labels)
        active.add_metric([now.delegate.name], now.delegate.active)
        fallbacks = CounterMetricFamily(
            "edgepose_delegate_fallbacks", "Times the processor had to take over.", labels=labels
        )
        fallbacks.add_metric([now.delegate.name], now.delegate.fallbacks)
        yield from (active, fallbacks)


def _of_cameras(now: HealthMessage) -> Iterator[Metric]:
    online = GaugeMetricFamily("edgepose_camera_online", "1 while a camera delivers.", labels=["camera"])
    fps = GaugeMetricFamily("edgepose_camera_fps", "Frames completed a second, last 10 s.", labels=["camera"])
    latency = GaugeMetricFamily(
        "edgepose_camera_latency_seconds", "Capture to hand-over, last 10 s.", labels=["camera", "quantile"]
    )
    frames = CounterMetricFamily("edgepose_camera_frames", "Frames completed.", labels=["camera"])
    losses = CounterMetricFamily("edgepose_camera_losses", "Times it was lost or not opened.", labels=["camera"])
    idle = GaugeMetricFamily("edgepose_camera_idle", "1 while the room is empty and still.", labels=["camera"])
    for name, camera in now.cameras.items():
        idle.add_metric([name], camera.idle)
        online.add_metric([name], camera.status == "online")
        fps.add_metric([name], camera.fps)
        latency.add_metric([name, "0.5"], camera.latency_ms / 1e3)
        latency.add_metric([name, "0.95"], camera.latency_p95_ms / 1e3)
        frames.add_metric([name], camera.frames)
        losses.add_metric([name], camera.losses)
    yield from (online, fps, latency, frames, losses, idle)
