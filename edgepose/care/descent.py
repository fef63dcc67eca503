"""How somebody has come down of late: how fast, from where, and within what time."""

import math
from collections import deque
from statistics import median

from edgepose.anthropometry import SHOULDER_LEVEL
from edgepose.care.view import Seen
from edgepose.stance import LOW_LEVEL, UP_TORSO, Posture, Stance

_PEAK_S = 1.0
"""The speed of coming down is remembered so long."""
_START_S = 3.0
"""Somebody comes down from the highest that the shoulders were within so long."""
_LEAST_START = 0.5
"""They are taken to start at this share of standing at least."""
_LEFT = 0.85
"""The way down begins where the shoulders were last at this share of where they started."""
BODY_KEYPOINTS = 5
"""A body near the ground shows so many; fewer may be anything that the network takes for a limb."""
_SAT_S = 2.0
"""Sitting for so long is sitting."""
_SEAT_S = 4.0
"""Where the hips are on the seat is a median over so long: they come down with somebody who slides from it."""


class Descent:
    """The way of one person's shoulders over the last seconds."""

    def __init__(self) -> None:
        self.low_s = -math.inf
        """When a body was last seen near the ground, with the hips down."""
        self.sat_s = self.stood_s = -math.inf
        """When they were last seen to sit, and to stand."""
        self.seat_level = math.nan
        """Of the hips above the ground when they last sat upright, statures."""
        self._seats: deque[tuple[float, float]] = deque()
        self._drops: deque[tuple[float, float, float]] = deque()
        self._levels: deque[tuple[float, float]] = deque()

    def add(self, seen: Seen, t_s: float) -> None:
        """One more frame."""
        stance = seen.stance
        if stance.low and stance.grounded and not stance.hip_level > LOW_LEVEL and seen.keypoints >= BODY_KEYPOINTS:
            self.low_s = t_s
        drops = (stance.drop, stance.long_drop) if stance.grounded else (0.0, 0.0)
        self._drops.append((t_s, *drops))
        while self._drops[0][0] < t_s - _PEAK_S:
            self._drops.popleft()
        if not math.isnan(stance.level):
            came_from = 0.0 if self._levels else stance.drop  # whose level is first known once they have come down
            self._levels.append((t_s, stance.level + came_from))
        while self._levels and self._levels[0][0] < t_s - _START_S:
            self._levels.popleft()
        if stance.posture is Posture.STANDING:
            self.stood_s = t_s
        elif stance.posture is Posture.SITTING:
            self._sit(stance, t_s)

    def _sit(self, stance: Stance, t_s: float) -> None:
        """Remember where they sit: the hips were there before they slid forward, or leant back."""
        if stance.uprightness >= UP_TORSO and not math.isnan(stance.hip_level):
            self._seats.append((t_s, stance.hip_level))
            while self._seats[0][0] < t_s - _SEAT_S:
                self._seats.popleft()
        if t_s - stance.since_s >= _SAT_S:
            self.sat_s = t_s
            self.seat_level = median([level for _, level in self._seats] or [math.nan])

    @property
    def share(self) -> float:
        """Of the speed of a fall from standing, that of one from where the shoulders were: they fall as far as that.

        A free fall from a height h ends with a speed in proportion to the square root of h.
        """
        start = self._start()
        return math.sqrt(min(max(start / SHOULDER_LEVEL, _LEAST_START), 1.0))

    @property
    def drop(self) -> float:
        """Statures within half a second."""
        return max([drop for _, drop, _ in self._drops], default=0.0)

    @property
    def long_drop(self) -> float:
        """Statures within 1.2 seconds."""
        return max([drop for _, _, drop in self._drops], default=0.0)

    @property
    def at_s(self) -> float:
        """When that was."""
        return max(self._drops, key=lambda entry: entry[1])[0]

    def took_s(self, t_s: float) -> float:
        """How long ago the shoulders left the height from which they came down."""
        left = _LEFT * self._start()
        return t_s - next((seen_s for seen_s, level in reversed(self._levels) if level >= left), t_s)

    def _start(self) -> float:
        return max([level for _, level in self._levels], default=SHOULDER_LEVEL)
