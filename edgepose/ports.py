"""What the pipeline needs of the outside world. The adapters fill these in; nothing here imports one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from edgepose.domain import ByteArray, Frame, PoseMaps


class Source(Protocol):
    """A camera, stream, clip or folder of pictures."""

    live: bool
    """True where frames are lost when nobody takes them; such a source delivers the newest one, never a backlog."""

    def frames(self) -> Iterator[Frame]:
        """Yield frames until the source ends or close() is called.

        Raises SourceError when it can't be opened, gives no frame within its stall timeout, or ends early.
        """

    def close(self) -> None:
        """Let go of the camera or file; frames() then ends. May be called from another thread, and twice."""


class PoseModel(Protocol):
    """A network: fill the input, invoke, read the maps."""

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width), pixels."""

    def input_view(self) -> ByteArray:
        """(height, width, 3) uint8 RGB that the caller fills in place; what it held before is undefined."""

    def infer(self) -> PoseMaps:
        """Run the network on what input_view holds. Raises ModelError when the runtime fails."""


@dataclass(frozen=True)
class DelegateState:
    """How an accelerator does that a network was meant to run on."""

    name: str
    """As configured."""
    active: bool
    """Whether the network runs on it now."""
    fallbacks: int
    """How often it was missing or failed, so that the processor took over, since the start."""
    trouble: str
    """Why it is not active; empty where it is."""


@dataclass(frozen=True)
class Message:
    """One MQTT message as it goes out."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    expiry_s: int | None = None
    """MQTT 5 message expiry interval."""
    content_type: str = "application/json"


@dataclass(frozen=True)
class Incoming:
    """One MQTT message as it came in."""

    topic: str
    payload: bytes
    retain: bool = False
    """True where the broker had kept it from before."""


class Publisher(Protocol):
    """Where messages go."""

    def send(self, message: Message) -> None:
        """Hand a message over without waiting for the broker; retained ones are sent again on every connect."""

    def close(self) -> None:
        """Say goodbye (the statuses become `stopped`) and disconnect."""


class Heartbeat(Protocol):
    """Tells a supervisor that whole frames are being completed."""

    def ready(self) -> None:
        """Start-up is over."""

    def beat(self) -> None:
        """A whole frame has been completed."""

    def stopping(self) -> None:
        """A clean stop has begun."""
