"""How somebody's body is by and large since they came down.

Averages over half a second: one wrong frame makes nobody flat, nor upright.
"""

import math

from edgepose.care.descent import Descent
from edgepose.care.view import Seen
from edgepose.smoothing import averaged
from edgepose.stance import FLAT_HEIGHT, LOW_LEVEL, UP_TORSO

GROUND_HIPS = 0.17
"""Hips no higher than that are on the ground."""
_SPAN_S, _SQUAT_S = 0.5, 2.0
"""What the body is like is averaged over the first; whether it rests on the feet over the second as well."""
_HARDLY = 7.0
"""Of whom no more keypoints are seen, most is out of sight."""
_LEANS = 0.5
"""Somebody who crouches or sits on the ground holds the torso more upright than this."""
_LIES = 0.44
"""Whoever lies holds it less upright than this, averaged: from above a crouch looks nearly so."""
_SHOULDERS_DOWN = 0.12
"""Or has the shoulders so near the ground, however the torso looks along the line of sight."""
_LEVEL = 0.1
"""A torso no more upright than that is level or head first."""
_CROUCHES, _SQUATS = 0.5, 0.4
"""Whoever is folded over their feet for so much of the time, over either span, has come down on purpose."""
_ONE_FRAME = 0.5
"""Of the first frame's word on that, the share that counts: in the middle of a fall a body may look folded."""
_TOPPLE_S = 1.2
"""Whoever falls has toppled so soon; whoever sits down and then lies down has not."""
_TOOK_S = 1.6
"""Whoever takes longer from where they stood or sat until they are flat lies down on purpose."""
_DROPPED_S = 0.8
"""And whoever takes longer until their hips are on the ground sits down there on purpose."""


class Bearing:
    """One body since it came down."""

    def __init__(self, seen: Seen, descent: Descent, t_s: float) -> None:
        stance = seen.stance
        self._descent = descent
        self._down_s = t_s
        self._toppled_s = self._took_s = self._dropped_s = math.inf
        self._torso = 1.0 if math.isnan(stance.uprightness) else stance.uprightness
        self._height = stance.height
        self._shoulders = self._hips = math.nan
        self._crouch, self._squat = _ONE_FRAME * stance.crouched, 0.0
        self._keypoints = float(seen.keypoints)
        self.add(seen, t_s, 0.0)

    def add(self, seen: Seen, t_s: float, elapsed_s: float) -> None:
        """One more sight, so long after the one before."""
        stance, spans = seen.stance, elapsed_s / _SPAN_S
        self._keypoints = averaged(self._keypoints, seen.keypoints, spans)
        self._crouch = averaged(self._crouch, stance.crouched, spans)
        self._squat = averaged(self._squat, stance.crouched, elapsed_s / _SQUAT_S)
        self._torso = _following(self._torso, stance.uprightness, spans)
        known = not math.isnan(stance.height)
        self._height = _following(self._height, stance.height, spans) if known else math.nan
        self._hips = _following(self._hips, stance.hip_level, spans)
        # Legs that lie on the ground tell where the shoulders are that are out of view.
        hidden = math.isnan(stance.level) and stance.low
        self._shoulders = _following(self._shoulders, stance.hip_level if hidden else stance.level, spans)
        if stance.hip_level <= GROUND_HIPS and math.isinf(self._dropped_s):
            self._dropped_s = self._descent.took_s(t_s)
        if (stance.flat or stance.uprightness <= _LEANS) and math.isinf(self._toppled_s):
            self._toppled_s, self._took_s = t_s, self._descent.took_s(t_s)
        if self._torso > UP_TORSO and stance.uprightness > UP_TORSO:  # one wrong frame, or they have sat up since
            self._toppled_s = self._took_s = math.inf

    def pause(self, gap_s: float) -> None:
        """Let time in which the camera saw nothing not count."""
        self._down_s += gap_s
        self._toppled_s += gap_s

    @property
    def hardly_seen(self) -> bool:
        """Whether little of them is seen: they may be bending down."""
        return self._keypoints <= _HARDLY

    @property
    def crouches(self) -> bool:
        """Whether they are on their feet, folded: however still, they have most likely come down on purpose."""
        return self._crouch > _CROUCHES or self._squat > _SQUATS

    @property
    def bends(self) -> bool:
        """Whether the hips are still up."""
        return self._hips > LOW_LEVEL

    @property
    def toppled(self) -> bool:
        """Whether the torso is no longer upright, and came to be so in one go, rather than after sitting down first."""
        in_one_go = self._toppled_s - self._down_s <= _TOPPLE_S and self._took_s <= _TOOK_S
        lies = self._torso <= _LIES or self._shoulders <= _SHOULDERS_DOWN
        return in_one_go and lies and not self.crouches

    @property
    def flat(self) -> bool:
        """The same, and the body is flat as a whole, or too little of it is seen to tell."""
        return self.toppled and not self._height > FLAT_HEIGHT

    @property
    def plunged(self) -> bool:
        """The same, and the torso is level or head first, even while the legs are still up."""
        return self.toppled and self._torso <= _LEVEL

    @property
    def dropped(self) -> bool:
        """Whether the hips came down to the ground sooner than those of anybody who sits down there."""
        return self._dropped_s <= _DROPPED_S


def _following(before: float, now: float, spans: float) -> float:
    """An average of what is known now and then."""
    if math.isnan(now):
        return before
    return now if math.isnan(before) else averaged(before, now, spans)
