"""Retained topics that left the configuration: found among what the broker keeps of us, and cleared.

A broker keeps a retained message until somebody clears it, so a camera that was taken out of the configuration would be
shown as it was on its last day. Only topics that we have made ourselves are touched: those of the cameras that are
configured now, or that our own retained `info` lists.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import msgspec

from edgepose import discovery
from edgepose.ports import Incoming, Message
from edgepose.wire import Topics

MOST_TOPICS = 2000


@dataclass(frozen=True)
class Kept:
    """What the configuration retains at the broker."""

    cameras: Mapping[str, Collection[str]]
    """The zones of each camera."""
    alerts: Callable[[], Collection[tuple[str, str]]] = field(default=frozenset[tuple[str, str]])
    """The (camera, kind) places where an alert stands now."""
    discovery_topic: str = ""
    discovery: Message | None = None
    """The discovery message; None where there is to be none."""
    former: "Former | None" = None


@dataclass(frozen=True)
class Former:
    """What the node was called before, where that was something else."""

    topics: Topics
    discovery_topic: str


class Sweep:
    """One look at all that the broker keeps; take() what comes in until it says that this was the last."""

    def __init__(self, topics: Topics, kept: Kept) -> None:
        self._topics = topics
        self._kept = kept
        self._found: list[str] = []
        self._former: frozenset[str] = frozenset()
        self._discovered = b""
        self._left = _Left(kept.former, renamed=kept.former.topics != topics) if kept.former else None

    @property
    def filters(self) -> tuple[str, ...]:
        """What to subscribe to, once."""
        mine = (self._topics.of_node("#"), *filter(None, [self._kept.discovery_topic]))
        return mine + (self._left.filters if self._left else ())

    def take(self, message: Incoming) -> bool:
        """Whether all retained messages have come.

        They come right after the subscription, so it is over with the first message that is not retained and can only
        have been sent later: the `online` with which the node greets.
        """
        if not message.retain:
            return message.topic == self._topics.of_node("status") and message.payload == b"online"
        if self._left is not None:
            self._left.take(message)
        if message.topic == self._topics.of_node("info"):
            self._former = _cameras(message.payload)
        elif message.topic == self._kept.discovery_topic:
            self._discovered = message.payload
        elif message.payload and len(self._found) < MOST_TOPICS:
            self._found.append(message.topic)
        return False

    def messages(self) -> list[Message]:
        """What clears that which nobody publishes any more."""
        stale = [Message(topic, b"", qos=1, retain=True) for topic in self._found if self._stale(topic)]
        return stale + self._of_discovery() + (self._left.messages() if self._left else [])

    def _stale(self, topic: str) -> bool:
        root = self._topics.of_node("")
        if not topic.startswith(root):
            return False
        camera, *leaf = topic.removeprefix(root).split("/")
        if camera not in self._kept.cameras and camera not in self._former:
            return False
        configured = camera in self._kept.cameras
        match leaf:
            case ["alert", kind]:
                return (camera, kind) not in self._kept.alerts()
            case ["zone", zone, "state"]:
                return not configured or zone not in self._kept.cameras[camera]
            case [*_, "set"]:
                return False  # somebody else's, even where it should not have been retained
        return not configured

    def _of_discovery(self) -> list[Message]:
        if not self._discovered:
            return []
        if self._kept.discovery is None:
            return [Message(self._kept.discovery_topic, b"", qos=1, retain=True)]
        removal = discovery.removal(self._kept.discovery, self._discovered)
        return [] if removal is None else [removal]


class _Left:
    """What a node that is called otherwise now has left behind under its former name."""

    def __init__(self, former: Former, *, renamed: bool) -> None:
        """`renamed` is False where only the discovery's prefix is another one."""
        self._former = former
        self._renamed = renamed
        self._found: dict[str, bytes] = {}

    @property
    def filters(self) -> tuple[str, ...]:
        return (self._former.topics.of_node("#"), self._former.discovery_topic)

    def take(self, message: Incoming) -> None:
        mine = (
            message.topic.startswith(self._former.topics.of_node("")) or message.topic == self._former.discovery_topic
        )
        if mine and message.payload and len(self._found) < MOST_TOPICS:
            self._found[message.topic] = message.payload

    def messages(self) -> list[Message]:
        """Clears all of it, unless another node goes by that name now."""
        of_node = self._former.topics.of_node
        if not self._renamed:
            topic = self._former.discovery_topic
            return [Message(topic, b"", qos=1, retain=True)] if topic in self._found else []
        if self._found.get(of_node("status")) not in (b"stopped", b"offline"):
            return []
        cameras = tuple(of_node(f"{camera}/") for camera in _cameras(self._found.get(of_node("info"), b"")))
        own = {of_node("status"), of_node("info"), self._former.discovery_topic}
        return [
            Message(topic, b"", qos=1, retain=True)
            for topic in self._found
            if topic in own or (topic.startswith(cameras) and not topic.endswith("/set"))
        ]


class _Info(msgspec.Struct):
    cameras: list[str] = []


def _cameras(info: bytes) -> frozenset[str]:
    try:
        return frozenset(msgspec.json.decode(info, type=_Info).cameras)
    except (msgspec.DecodeError, RecursionError):
        return frozenset()
