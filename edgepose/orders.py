"""What others may tell a node over MQTT: topics and payloads in, typed orders out. Everything else is refused."""

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from edgepose.alerts import Acknowledgement
from edgepose.ports import Incoming
from edgepose.wire import Topics

MOST_BYTES = 1024
BIRTH = "online"
"""What Home Assistant says on <discovery>/status when it has come up."""


@dataclass(frozen=True)
class Switch:
    """Switch a camera on or off."""

    camera: str
    on: bool


@dataclass(frozen=True)
class Acknowledge:
    """An alert has been seen to."""

    name: str
    """The id of an alert, or a camera for all that stand there."""
    ack: Acknowledgement


@dataclass(frozen=True)
class Repeat:
    """Somebody new is there, who wants to hear all state again."""


Order = Switch | Acknowledge | Repeat


class RefusedError(Exception):
    """A message that is no order; its text says why."""


class AckMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """<prefix>/<node>/alert/<id>/ack/set."""

    by: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    verdict: Literal["true", "false"] | bool
    """Whether the alert was right."""


def filters(topics: Topics, discovery_prefix: str | None) -> tuple[str, ...]:
    """What to subscribe to."""
    mine = (topics.of_node("+/enabled/set"), topics.of_node("alert/+/ack/set"))
    return mine if discovery_prefix is None else (*mine, f"{discovery_prefix}/status")


def concerns(topics: Topics, discovery_prefix: str | None, topic: str) -> bool:
    """Whether messages on a topic may be orders."""
    mine = topic.startswith(topics.of_node("")) and topic.endswith("/set")
    return mine or topic == f"{discovery_prefix}/status"


def order(topics: Topics, discovery_prefix: str | None, message: Incoming) -> Order | None:
    """What a message orders; None where it is none of our business. Raises RefusedError."""
    if discovery_prefix is not None and message.topic == f"{discovery_prefix}/status":
        return Repeat() if message.payload.strip() == BIRTH.encode() and not message.retain else None
    leaf = message.topic.removeprefix(topics.of_node("")).split("/")
    match leaf:
        case [camera, "enabled", "set"]:
            _check(message)
            return Switch(camera, _on(message.payload))
        case ["alert", name, "ack", "set"]:
            _check(message)
            return Acknowledge(name, _ack(message.payload))
    return None


def _check(message: Incoming) -> None:
    if message.retain:
        # It would be carried out again with every connection, long after somebody has decided otherwise.
        raise RefusedError("it is retained; commands have to be published without retain")
    if len(message.payload) > MOST_BYTES:
        raise RefusedError(f"{len(message.payload)} bytes are more than a command takes")


def _on(payload: bytes) -> bool:
    word = payload.strip().upper()
    if word not in (b"ON", b"OFF"):
        raise RefusedError(f"expected ON or OFF, got {_shown(payload)}")
    return word == b"ON"


def _ack(payload: bytes) -> Acknowledgement:
    try:
        given = msgspec.json.decode(payload, type=AckMessage)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise RefusedError(f'expected {{"by":"…","verdict":"true"|"false"}}, got {_shown(payload)} ({exc})') from exc
    return Acknowledgement(given.by, str(given.verdict).lower())


def _shown(payload: bytes) -> str:
    """A payload fit for the log: short, and nothing in it that a terminal could obey."""
    return ascii(payload[:40].decode(errors="replace")) + ("…" if len(payload) > 40 else "")
