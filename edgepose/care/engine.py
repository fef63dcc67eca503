"""All rules of one camera, in order, over the same view of each frame."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count

from edgepose.anthropometry import centre, groups
from edgepose.care.events import CareEvent, Naming
from edgepose.care.view import Concluding, PictureStats, Point, Rule, Seen, View
from edgepose.posture import PostureFilter
from edgepose.stance import NOTHING, Stance
from edgepose.tracking import Person, TrackState
from edgepose.zones import Corners, contains

Zones = Mapping[str, tuple[str, Corners]]
"""Kind and polygon (normalised 0 to 1) by name."""


class Care:
    """People over time in, care events out. Serves one camera."""

    def __init__(self, rules: Sequence[Rule], layout: str, zones: Zones | None = None) -> None:
        """layout: keypoint order of the poses."""
        self._rules = rules
        self._layout = layout
        self._zones = zones or {}
        self._postures = PostureFilter(layout)
        self.stances: Mapping[int, Stance] = {}
        """Of everybody in the last frame, by id."""

    def update(
        self,
        people: Sequence[Person],
        t_s: float,
        *,
        size: tuple[int, int],
        local_time: datetime | None = None,
        picture: PictureStats | None = None,
        cut: bool = False,
    ) -> list[CareEvent]:
        """What this frame adds.

        size: width and height of the frame that the poses are in, pixels. cut: the camera shows another scene from
        this frame on, so that nobody who was followed will be seen again.
        """
        self.stances = self._postures.update(people, t_s)
        view = View(
            t_s=t_s,
            people=tuple(self._seen(person, size) for person in people if person.state is not TrackState.GONE),
            gone=frozenset(person.id for person in people if person.state is TrackState.GONE),
            local_time=local_time,
            picture=picture,
            cut=cut,
        )
        return [event for rule in self._rules for event in rule.update(view)]

    def finish(self, t_s: float) -> list[CareEvent]:
        """What is to be said at the end of a clip."""
        return [event for rule in self._rules if isinstance(rule, Concluding) for event in rule.finish(t_s)]

    def acknowledge(self, event_id: str, by: str, verdict: bool | None, t_s: float) -> list[CareEvent]:
        """Somebody has taken an alert on; nothing where there is none of that id."""
        return [event for rule in self._rules for event in rule.acknowledge(event_id, by, verdict, t_s)]

    def _seen(self, person: Person, size: tuple[int, int]) -> Seen:
        rows = person.pose.rows
        places = groups(self._layout)
        levels = (centre(rows, places[level]) for level in ("hips", "shoulders", "head", "knees", "ankles"))
        middle = next((point for point in levels if point is not None), (0.0, 0.0))
        zones: Mapping[str, str] = {}
        if self._zones:
            feet = centre(rows, places["ankles"])
            zones = self._zones_at([middle] if feet is None else [middle, feet], size)
        return Seen(person, self.stances.get(person.id, NOTHING), middle, zones)

    def _zones_at(self, points: Sequence[Point], size: tuple[int, int]) -> dict[str, str]:
        width, height = size
        return {
            name: kind
            for name, (kind, polygon) in self._zones.items()
            if any(contains(polygon, (x + 0.5) / width, (y + 0.5) / height) for x, y in points)
        }


def counted(camera: str, prefix: str = "") -> Naming:
    """Ids that count up: prefix, camera, kind, number. The prefix keeps runs of a daemon apart."""
    numbers = count(1)
    stem = f"{prefix}-{camera}" if prefix else camera
    return Naming(camera, lambda kind: f"{stem}-{kind}-{next(numbers)}")
