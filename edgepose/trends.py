"""What a day was like: minutes in each posture, times of getting up from a chair, night-time bed exits, cadence.

Counted from what rules and tracks say, for whoever is in the room; hours with several people are the sum of them. No
speed in metres: a camera that does not know its floor can't honestly tell one.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edgepose.domain import CareEvent, Phase
from edgepose.stance import Posture, Stance
from edgepose.tracking import Person

_LONGEST_STEP_S = 1.0
"""A gap between frames counts for at most so long."""
_SETTLED_S = 2.0
"""Sitting and standing count for a rise once each has lasted so long."""
_CADENCE_WINDOW_S = 4.0
_STRIDES = (0.6, 1.6)
"""Strides a second between which walking lies; outside it is something else, or noise."""


@dataclass(frozen=True)
class Trends:
    """One period."""

    t_start: float
    t_end: float
    """Seconds of the source."""
    minutes: Mapping[str, float]
    """By posture, and `out_of_view` for the time in which nobody was seen."""
    sit_to_stand: int
    night_bed_exits: int
    cadence_spm: float | None
    """Median steps a minute while walking across the view; None where there was too little of it."""


@dataclass
class _Walk:
    """The feet of one person over the last seconds."""

    feet: deque[tuple[float, float]] = field(default_factory=deque)
    told_s: float = -math.inf


class TrendCounter:
    """Counts over a period of one camera; give it every frame, and ask it when a period is over."""

    def __init__(self, ankles: tuple[int, int], period_s: float = 3600.0) -> None:
        """ankles: places of left and right in the keypoints."""
        self._ankles = ankles
        self._period_s = period_s
        self._start_s: float | None = None
        self._last_s = 0.0
        self._seconds: dict[str, float] = {}
        self._rises = self._exits = 0
        self._cadences: list[float] = []
        self._sat: dict[int, float] = {}
        self._walks: dict[int, _Walk] = {}

    def update(
        self, people: Sequence[Person], stances: Mapping[int, Stance], events: Sequence[CareEvent], t_s: float
    ) -> Trends | None:
        """Count a frame; the trends of a period with the first frame after its end."""
        if self._start_s is None or t_s < self._last_s:
            self._begin(t_s)
        over = self._summary(t_s) if t_s - (self._start_s or 0.0) >= self._period_s else None
        if over is not None:
            self._begin(t_s)
        step_s = min(t_s - self._last_s, _LONGEST_STEP_S)
        self._last_s = t_s
        visible = [person for person in people if person.visible]
        if not visible:
            self._add("out_of_view", step_s)
        for person in visible:
            stance = stances.get(person.id)
            if stance is not None:
                self._add(str(stance.posture), step_s)
                self._rise(person.id, stance, t_s)
                self._walk(person, stance, t_s)
        self._exits += sum(event.kind == "bed_exit" and event.phase is Phase.CONFIRMED for event in events)
        self._forget({person.id for person in people})
        return over

    def _begin(self, t_s: float) -> None:
        self._start_s = self._last_s = t_s
        self._seconds, self._cadences = {}, []
        self._rises = self._exits = 0

    def _summary(self, t_s: float) -> Trends:
        cadences = sorted(self._cadences)
        return Trends(
            t_start=self._start_s or 0.0,
            t_end=t_s,
            minutes={name: round(seconds / 60, 2) for name, seconds in sorted(self._seconds.items())},
            sit_to_stand=self._rises,
            night_bed_exits=self._exits,
            cadence_spm=round(cadences[len(cadences) // 2]) if len(cadences) >= 3 else None,
        )

    def _add(self, name: str, seconds: float) -> None:
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    def _rise(self, number: int, stance: Stance, t_s: float) -> None:
        """A person who has sat for a while and now has stood for a while has got up once."""
        lasted = t_s - stance.since_s >= _SETTLED_S
        if stance.posture is Posture.SITTING and lasted:
            self._sat[number] = t_s
        elif stance.posture is Posture.STANDING and lasted and number in self._sat:
            del self._sat[number]
            self._rises += 1
        elif stance.posture in (Posture.LYING, Posture.ON_FLOOR):
            self._sat.pop(number, None)

    def _walk(self, person: Person, stance: Stance, t_s: float) -> None:
        """A cadence for every few seconds of walking across the view, in which the feet pass each other."""
        left, right = (person.pose.keypoints[place] for place in self._ankles)
        walk = self._walks.setdefault(person.id, _Walk())
        if stance.posture is not Posture.STANDING or not stance.speed >= 0.25:
            walk.feet.clear()
        elif left[2] > 0 and right[2] > 0:
            walk.feet.append((t_s, float(left[0] - right[0]) / person.stature_px))
        while walk.feet and walk.feet[0][0] < t_s - _CADENCE_WINDOW_S:
            walk.feet.popleft()
        if walk.feet and t_s - walk.feet[0][0] >= 0.9 * _CADENCE_WINDOW_S and t_s - walk.told_s >= _CADENCE_WINDOW_S:
            walk.told_s = t_s
            strides = _strides_per_s(walk.feet)
            if strides is not None and _STRIDES[0] <= strides <= _STRIDES[1]:
                self._cadences.append(120 * strides)

    def _forget(self, present: set[int]) -> None:
        for state in (self._sat, self._walks):
            for number in set(state) - present:
                del state[number]


def _strides_per_s(feet: Sequence[tuple[float, float]]) -> float | None:
    """How often a second the left foot overtakes the right one; None where the feet are hardly apart."""
    gaps = [gap for _, gap in feet]
    swing = max(gaps) - min(gaps)
    if swing < 0.15:
        return None
    crossings, ahead = [], gaps[0] > 0
    for t_s, gap in feet:
        if abs(gap) > 0.2 * swing and (gap > 0) != ahead:
            ahead = gap > 0
            crossings.append(t_s)
    if len(crossings) < 3:
        return None
    return (len(crossings) - 1) / 2 / (crossings[-1] - crossings[0])
