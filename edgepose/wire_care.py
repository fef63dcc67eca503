"""Messages of care: events, the alerts that stand, and zones. Pure, like edgepose.wire."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from edgepose.clock import Stamp
from edgepose.domain import CareEvent, Phase
from edgepose.ports import Message
from edgepose.wire import DECIMALS, VERSION, Topics

EVENT_EXPIRY_S = 24 * 3600
MOST_EVIDENCE = 32
LONGEST_TEXT = 256

_encode = msgspec.json.Encoder().encode


class EventMessage(msgspec.Struct, frozen=True, kw_only=True):
    """<prefix>/<node>/<camera>/event, and …/alert/<kind> while it stands; `id` and `phase` together name a message."""

    v: int = VERSION
    id: str
    kind: str
    phase: Phase
    camera: str
    track_id: int | None = None
    zone: str | None = None
    t_start: float
    """When it began, seconds since 1970 UTC."""
    t_phase: float
    """When this phase began, seconds since 1970 UTC."""
    confidence: float
    evidence: dict[str, Any] = {}
    """What it was concluded from; of an acknowledgement `by` and `verdict` as well."""
    clock_synced: bool
    """Whether t_start and t_phase can be believed."""


class ZoneMessage(msgspec.Struct, frozen=True, kw_only=True):
    """<prefix>/<node>/<camera>/zone/<zone>/state."""

    v: int = VERSION
    occupied: bool
    people: int
    posture: str
    """Of everybody there, the one that matters most to a carer; empty where nobody is."""
    dwell_s: float
    """For how long there has been somebody without a break, 0 where nobody is."""
    ts: float
    clock_synced: bool


def event_message(happened: CareEvent, at: Callable[[float], Stamp]) -> EventMessage:
    """An event as it goes out; `at` puts seconds of Frame.t_s on the wall clock."""
    began, phase = at(happened.t_start), at(happened.t_phase)
    return EventMessage(
        id=happened.id,
        kind=happened.kind,
        phase=happened.phase,
        camera=happened.camera,
        track_id=happened.track_id,
        zone=happened.zone,
        t_start=round(began.ts, 3),
        t_phase=round(phase.ts, 3),
        confidence=round(min(max(happened.confidence, 0.0), 1.0), DECIMALS),
        evidence=_bounded(happened.evidence),
        clock_synced=phase.synced,
    )


def event(topics: Topics, message: EventMessage) -> Message:
    """A transition; kept until the broker has it, and good for a day."""
    return Message(topics.of_camera(message.camera, "event"), _encode(message), qos=1, expiry_s=EVENT_EXPIRY_S)


def alert(topics: Topics, camera: str, kind: str, standing: EventMessage | None) -> Message:
    """The alert of a kind that stands; empty, which clears what the broker retains, where none does."""
    payload = b"" if standing is None else _encode(standing)
    return Message(topics.of_camera(camera, f"alert/{kind}"), payload, qos=1, retain=True)


def zone_state(topics: Topics, camera: str, zone: str, state: ZoneMessage) -> Message:
    """Who is in a zone."""
    return Message(topics.of_camera(camera, f"zone/{zone}/state"), _encode(state), qos=1, retain=True)


def _bounded(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Evidence is numbers and words; so much of it that a message stays small."""
    return {
        name[:LONGEST_TEXT]: value[:LONGEST_TEXT] if isinstance(value, str) else value
        for name, value in list(evidence.items())[:MOST_EVIDENCE]
    }
