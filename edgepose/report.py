"""What one camera has to say of each frame: the rules of when, over the words of edgepose.wire."""

from collections.abc import Sequence

from edgepose import wire, wire_care
from edgepose.cadence import ChangeGate, PoseGate
from edgepose.clock import Stamp, WallClock
from edgepose.config import Camera, PoseMessages
from edgepose.domain import FrameResult
from edgepose.formats import Form, openpose_json
from edgepose.machine_id import boot
from edgepose.ports import Message
from edgepose.wire_care import EventMessage, ZoneMessage
from edgepose.zone_watch import ZoneWatches
from edgepose.zones import ZoneMap

_TELLING = ("on_floor", "lying", "bent", "sitting", "standing", wire.UNKNOWN)
"""Postures, the one that matters most to a carer first."""


_FORM = Form(tracked=True)


class CameraReport:
    """Frames of one camera in, messages out; remembers only what was last said."""

    def __init__(
        self,
        topics: wire.Topics,
        name: str,
        camera: Camera,
        settings: PoseMessages,
        clock: WallClock | None = None,
    ) -> None:
        self._topics = topics
        self._name = name
        self._zones = ZoneMap(camera.zones)
        self._openpose = settings.openpose
        self._clock = clock or WallClock()
        self._pose_gate = PoseGate(max_hz=settings.max_hz, keep_alive_s=settings.keep_alive_s)
        self._count_gate = ChangeGate()
        self._posture = ""
        self._zone_postures: dict[str, str] = {}
        self._watches = ZoneWatches(camera.zones)
        self._zone_gates = {name: ChangeGate() for name in camera.zones}

    def messages(self, result: FrameResult) -> list[Message]:
        """The messages that this frame is worth, in the order they should go out."""
        people, t_s = len(result.tracks), result.frame.t_s
        stamp = self._clock.stamp(result.frame.mono_ns)
        messages = []
        zones = self._zones.of(result)
        if self._pose_gate.admits(people, t_s):
            messages.append(wire.pose(self._topics, self._name, result, stamp=stamp, boot=boot(), zones=zones))
            if self._openpose:
                document = openpose_json.encode(result, form=_FORM).encode()
                messages.append(wire.openpose(self._topics, self._name, document))
        postures = [result.postures.get(track.id, wire.UNKNOWN) for track in result.tracks]
        if postures or not result.count:  # of somebody who is hidden for a moment, the last word stands
            self._posture = _most_telling(postures)
        if self._count_gate.admits((result.count, self._posture), t_s):
            messages.append(wire.occupancy(self._topics, self._name, result.count, stamp, posture=self._posture))
        return messages + self._zone_states(zones, postures, t_s, stamp)

    def events(self, result: FrameResult) -> list[EventMessage]:
        """What the care rules have concluded with this frame, on the wall clock."""
        frame = result.frame

        def at(t_s: float) -> Stamp:
            return self._clock.stamp(frame.mono_ns - round((frame.t_s - t_s) * 1e9))

        return [wire_care.event_message(event, at) for event in result.events]

    def _zone_states(
        self, zones: Sequence[Sequence[str]], postures: Sequence[str], t_s: float, stamp: Stamp
    ) -> list[Message]:
        messages = []
        for name, use in self._watches.update(zones, t_s).items():
            inside = [posture for posture, places in zip(postures, zones, strict=True) if name in places]
            if inside or not use.people:
                self._zone_postures[name] = _most_telling(inside)
            posture = self._zone_postures.get(name, "")
            if self._zone_gates[name].admits((use.people, posture), t_s):
                state = ZoneMessage(
                    occupied=use.people > 0,
                    people=use.people,
                    posture=posture,
                    dwell_s=round(use.dwell_s, 1),
                    ts=round(stamp.ts, 3),
                    clock_synced=stamp.synced,
                )
                messages.append(wire_care.zone_state(self._topics, self._name, name, state))
        return messages


def _most_telling(postures: Sequence[str]) -> str:
    """Of several people's postures, the one that matters most to a carer; empty where nobody is."""
    return min(postures, key=_TELLING.index, default="")
