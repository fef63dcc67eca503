"""Which alerts stand: events in, messages out. Survives a restart, since somebody on the floor does too."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from edgepose import wire_care
from edgepose.clock import Stamp
from edgepose.domain import Phase
from edgepose.ports import Message
from edgepose.wire import Topics
from edgepose.wire_care import EventMessage

log = logging.getLogger(__name__)

FILE = "alerts.json"
MOST = 100
"""Alerts that stand at once; the oldest makes way, so that a rule gone wild can't fill memory and disk."""


Send = Callable[[Message], None]


class Files(Protocol):
    """Where it is kept: state_folder.StateFolder, or nothing at all."""

    def read(self, name: str) -> bytes | None:
        """What was written last."""

    def write(self, name: str, data: bytes) -> None:
        """Put `data` in its place."""


class NoFiles:
    """Files for those who keep nothing."""

    def read(self, name: str) -> bytes | None:  # noqa: ARG002
        """Nothing."""
        return None

    def write(self, name: str, data: bytes) -> None:
        """Forget it."""


@dataclass(frozen=True)
class Acknowledgement:
    """Somebody has seen to an alert."""

    by: str
    verdict: str
    """`true` where the alert was right, else `false`."""


class Alerts:
    """Every confirmed event stands until it is cleared, acknowledged or expires. Thread-safe.

    A camera may have several of one kind, of several people: the topic of the kind shows the one confirmed last.
    """

    def __init__(self, files: Files) -> None:
        """Take up what stood when the last process ended; the rules of this one can't clear it, people can."""
        self._lock = threading.Lock()
        self._files = files
        self._standing = _decoded(files.read(FILE))

    def catch_up(self, waiting: Iterable[EventMessage]) -> None:
        """Take up events that wait for the broker, in order: a crash may have come between keeping one and its alert.

        They are the end of all that happened, so going through them again changes nothing where none is missing.
        """
        with self._lock:
            before = dict(self._standing)
            for event in waiting:
                self._follow(event)
            if before != self._standing:
                self._files.write(FILE, msgspec.json.encode(list(self._standing.values())))

    def standing(self) -> tuple[EventMessage, ...]:
        """All of them, in the order of their confirmation."""
        with self._lock:
            return tuple(self._standing.values())

    def take(self, topics: Topics, event: EventMessage, send: Send) -> None:
        """Send the event, and what it changes of the alerts."""
        with self._lock:  # sent inside, so that of two threads the one that comes last also says the last word
            if "repeat" in event.evidence and event.id not in self._standing:
                return  # a reminder of what was acknowledged while its rule was busy with a frame
            before = dict(self._standing)
            self._follow(event)
            send(wire_care.event(topics, event))  # first: what a crash in between costs, catch_up() makes good
            if before != self._standing:
                self._files.write(FILE, msgspec.json.encode(list(self._standing.values())))
            for place in _changed(before, self._standing):
                send(self._message(topics, *place))

    def acknowledge(
        self, topics: Topics, name: str, ack: Acknowledgement, stamp: Stamp, send: Send
    ) -> list[EventMessage]:
        """Send an acknowledgement; the alerts that it was for, as acknowledged.

        `name` is the id of an alert, or a camera for all that stand there.
        """
        said = {"by": ack.by, "verdict": ack.verdict}
        acknowledged = [
            _later(event, Phase.ACKED, stamp, {**event.evidence, **said})
            for event in self.standing()
            if name in (event.id, event.camera)
        ]
        for event in acknowledged:
            self.take(topics, event, send)
        return acknowledged

    def repeat(self, topics: Topics, places: Iterable[tuple[str, str]], send: Send) -> None:
        """Send what is retained for (camera, kind) places, and for all others where an alert stands."""
        with self._lock:
            stands = {(event.camera, event.kind) for event in self._standing.values()}
            for place in sorted({*places, *stands}):
                send(self._message(topics, *place))

    def retire(self, topics: Topics, cameras: Iterable[str], stamp: Stamp, send: Send) -> None:
        """Let the alerts of cameras that left the configuration expire."""
        kept = set(cameras)
        for event in self.standing():
            if event.camera not in kept:
                self.take(topics, _later(event, Phase.EXPIRED, stamp, dict(event.evidence)), send)

    def expire(self, topics: Topics, kind: str, stamp: Stamp, send: Send) -> None:
        """Let all alerts of a kind expire."""
        for event in self.standing():
            if event.kind == kind:
                self.take(topics, _later(event, Phase.EXPIRED, stamp, dict(event.evidence)), send)

    def _follow(self, event: EventMessage) -> None:
        self._standing.pop(event.id, None)
        if event.phase is Phase.CONFIRMED:
            self._standing[event.id] = event
            while len(self._standing) > MOST:
                self._standing.pop(next(iter(self._standing)))

    def _message(self, topics: Topics, camera: str, kind: str) -> Message:
        shown = None
        for event in self._standing.values():
            if (event.camera, event.kind) == (camera, kind):
                shown = event
        return wire_care.alert(topics, camera, kind, shown)


def _later(event: EventMessage, phase: Phase, stamp: Stamp, evidence: dict[str, Any]) -> EventMessage:
    return msgspec.structs.replace(
        event, phase=phase, t_phase=round(stamp.ts, 3), clock_synced=stamp.synced, evidence=evidence
    )


def _changed(before: Mapping[str, EventMessage], after: Mapping[str, EventMessage]) -> list[tuple[str, str]]:
    """The (camera, kind) places whose alerts are not the same any more."""
    events = [*before.values(), *after.values()]
    places = {(event.camera, event.kind) for event in events if before.get(event.id) != after.get(event.id)}
    return sorted(places)


def _decoded(data: bytes | None) -> dict[str, EventMessage]:
    if data is None:
        return {}
    try:
        return {event.id: event for event in msgspec.json.decode(data, type=list[EventMessage])}
    except msgspec.DecodeError as exc:
        log.warning("%s of an earlier run can't be read (%s); alerts that stood then are not known any more", FILE, exc)
        return {}
