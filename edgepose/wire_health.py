"""Messages about the node itself. Pure, like edgepose.wire."""

from collections.abc import Mapping

import msgspec

from edgepose.ports import Message
from edgepose.wire import VERSION, CameraStatus, Topics

HEALTH_EXPIRY_S = 180


class CameraHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one camera does."""

    status: CameraStatus
    fps: float
    """Frames completed a second, over the last 10 s."""
    latency_ms: float
    """Capture to hand-over for publishing, the middle (p50) of the last frames; 0 where there were none."""
    latency_p95_ms: float
    frames: int
    """Completed since the start."""
    losses: int
    """How often the camera was lost, or could not be opened, since the start."""
    idle: bool = False
    """Nobody is there and nothing moves, so that it looks only now and then."""


class DelegateHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The accelerator that the network was meant to run on."""

    name: str
    active: bool
    """Whether every camera's network runs on it now."""
    fallbacks: int
    """How often the processor had to take over, since the start."""
    trouble: str
    """Why it is not active; empty where it is."""


class QueueHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Events that wait for the broker."""

    events: int
    durable: bool
    """Whether what waits would survive a power cut."""
    unsaved: int
    """How often the disk took nothing, since the start."""


class DropHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What did not arrive, since the start."""

    pose: int
    """Made way for newer ones while the broker was away or slow."""
    expired: int
    """Waited longer than they were good for."""
    events: int
    """Found no room in the queue."""
    refused: int
    """Not taken by the broker, by its own word."""
    commands: int
    """Commands from outside that made no sense, or were too many."""


class HealthMessage(msgspec.Struct, frozen=True, kw_only=True):
    """<prefix>/<node>/health."""

    v: int = VERSION
    ts: float
    clock_synced: bool
    boot: str
    uptime_s: float
    """Of this process."""
    cameras: Mapping[str, CameraHealth]
    temperature_c: float | None
    """Of the processor; null where the machine doesn't tell."""
    throttled: bool | None
    """Whether a Raspberry Pi slows itself down now, for heat or want of power; null elsewhere."""
    memory_mb: float
    """Resident memory, 10^6 bytes."""
    threads: int
    files: int
    """Open file descriptors."""
    queue: QueueHealth
    drops: DropHealth
    connections: int
    """To the broker, since the start."""
    delegate: DelegateHealth | None = None
    """Null where none was asked for."""


def health(topics: Topics, message: HealthMessage) -> Message:
    """How the node does; a late one is of no use."""
    return Message(topics.of_node("health"), msgspec.json.encode(message), expiry_s=HEALTH_EXPIRY_S)
