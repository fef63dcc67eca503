"""What one camera has to say of each frame: the rules of when, over the words of edgepose.wire."""

from edgepose import wire
from edgepose.cadence import ChangeGate, PoseGate
from edgepose.clock import WallClock
from edgepose.config import Camera, PoseMessages
from edgepose.domain import FrameResult
from edgepose.formats import openpose_json
from edgepose.machine_id import boot
from edgepose.ports import Message
from edgepose.zones import ZoneMap


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

    def messages(self, result: FrameResult) -> list[Message]:
        """The messages that this frame is worth, in the order they should go out."""
        people, t_s = len(result.tracks), result.frame.t_s
        stamp = self._clock.stamp(result.frame.mono_ns)
        messages = []
        if self._pose_gate.admits(people, t_s):
            zones = self._zones.of(result)
            messages.append(wire.pose(self._topics, self._name, result, stamp=stamp, boot=boot(), zones=zones))
            if self._openpose:
                messages.append(wire.openpose(self._topics, self._name, openpose_json.encode(result).encode()))
        if self._count_gate.admits(people, t_s):
            messages.append(wire.occupancy(self._topics, self._name, people, stamp))
        return messages
