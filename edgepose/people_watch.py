"""From the poses of each frame to people with ids, postures and care events: what one camera knows over time."""

import queue
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from edgepose.care.engine import Care, counted
from edgepose.care.rules import rules_of
from edgepose.care.settings import Care as CareSettings
from edgepose.care.settings import Tracking
from edgepose.care.view import PictureStats
from edgepose.clock import WallClock
from edgepose.config import Zone
from edgepose.domain import Frame, FrameResult
from edgepose.scene_cut import SceneCut
from edgepose.tracking import Person, Tracker, TrackState
from edgepose.tracking_settings import tracker_settings

PRESENT_S = 2.0
"""Somebody not seen for less than this is still counted as there: detections flicker."""
LOOK_EVERY_S = 1.0
"""How often the picture as a whole is looked at, for a covered camera."""
_SMALL = (32, 24)
_BELIEVED = (TrackState.CONFIRMED, TrackState.LOST)


class PeopleWatch:
    """What follows over time from the poses of one camera's frames. Serves one thread, but for acknowledge()."""

    def __init__(
        self,
        *,
        camera: str,
        layout: str,
        zones: Mapping[str, Zone],
        tracking: Tracking,
        care: CareSettings,
        clock: WallClock,
    ) -> None:
        self._clock = clock
        self._tracker = Tracker(layout, tracker_settings(tracking))
        self._scene = SceneCut()
        places = {name: (zone.kind, zone.polygon) for name, zone in zones.items()}
        # Ids are never used again, also not by the next run, which counts from one as well.
        naming = counted(camera, uuid.uuid4().hex[:8])
        self._care = Care(rules_of(care, naming, places, layout), layout, places)
        self._acknowledged: queue.SimpleQueue[tuple[str, str, bool]] = queue.SimpleQueue()
        self._looked_s: float | None = None

    def acknowledge(self, event_id: str, by: str, verdict: bool) -> None:
        """Somebody has taken an alert on, so that its rule stops repeating it. May be called from another thread."""
        self._acknowledged.put((event_id, by, verdict))

    def __call__(self, result: FrameResult) -> FrameResult:
        """The same with everybody who is surely there, their postures, and what the care rules conclude."""
        frame = result.frame
        t_s = frame.t_s
        while not self._acknowledged.empty():
            # That it was acknowledged is told where the acknowledgement came in; here the rule only learns of it.
            self._care.acknowledge(*self._acknowledged.get(), t_s)
        cut = self._scene.update(result.glance)
        people = self._tracker.update([track.pose for track in result.tracks], t_s, cut=cut)
        events = self._care.update(
            people, t_s, size=result.size, local_time=self._local_time(frame), picture=self._stats(frame), cut=cut
        )
        return replace(
            result,
            tracks=tuple(person for person in people if person.visible),
            detected=len(result.tracks),
            present=sum(_is_present(person, t_s) for person in people),
            postures={id_: str(stance.posture) for id_, stance in self._care.stances.items()},
            events=tuple(events),
        )

    def _local_time(self, frame: Frame) -> datetime | None:
        """Wall-clock time, where it can be believed."""
        stamp = self._clock.stamp(frame.mono_ns)
        return datetime.fromtimestamp(stamp.ts).astimezone() if stamp.synced else None

    def _stats(self, frame: Frame) -> PictureStats | None:
        if self._looked_s is not None and 0 <= frame.t_s - self._looked_s < LOOK_EVERY_S:
            return None
        self._looked_s = frame.t_s
        small = frame.picture.rgb(*_SMALL)
        return PictureStats(mean=float(small.mean()), spread=float(small.std()))


def _is_present(person: Person, t_s: float) -> bool:
    return person.state in _BELIEVED and t_s - person.seen_s < PRESENT_S
