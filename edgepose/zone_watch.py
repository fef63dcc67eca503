"""How long each zone has had somebody in it. Time is given, in seconds; where it goes back, a clip begins again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HOLD_S = 2.0
"""A zone counts as occupied for so long after the last frame that showed somebody there: detections flicker."""


@dataclass(frozen=True)
class ZoneUse:
    """One zone at one moment."""

    people: int
    """0 where nobody has been there for HOLD_S."""
    dwell_s: float
    """For how long there has been somebody without a break."""


class ZoneWatch:
    """One zone of one camera."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._last_s = 0.0
        self._people = 0

    def update(self, people: int, t_s: float) -> ZoneUse:
        """What the zone is like with so many people in it at `t_s`."""
        if self._since_s is not None and (t_s < self._last_s or (not people and t_s - self._last_s > HOLD_S)):
            self._since_s = None
        if people:
            self._since_s = t_s if self._since_s is None else self._since_s
            self._last_s, self._people = t_s, people
        return ZoneUse(0, 0.0) if self._since_s is None else ZoneUse(self._people, t_s - self._since_s)


class ZoneWatches:
    """All zones of one camera."""

    def __init__(self, zones: Iterable[str]) -> None:
        self._watches = {name: ZoneWatch() for name in zones}

    def update(self, zones_of_people: Sequence[Sequence[str]], t_s: float) -> dict[str, ZoneUse]:
        """Every zone, given the zones that each person is in."""
        return {
            name: watch.update(sum(name in zones for zones in zones_of_people), t_s)
            for name, watch in self._watches.items()
        }
