"""How a person holds themselves at one time, and what that was judged by; edgepose.posture judges it.

Lengths are in statures, levels above the ground on which the person last stood.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

_NAN = math.nan


class Posture(StrEnum):
    """What a person does with their body."""

    STANDING = "standing"
    SITTING = "sitting"
    BENT = "bent"
    LYING = "lying"
    """Flat, on something above the ground or where the ground is not known."""
    ON_FLOOR = "on_floor"
    """Flat, or sitting, on the ground."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Stance:
    """One person's body in one frame; lengths in statures, not-a-number where it can't be told."""

    posture: Posture
    confidence: float
    """0 to 1."""
    since_s: float
    """When the posture was taken up."""
    level: float = _NAN
    """Of the shoulders above the ground: 0.8 standing, 0.55 sitting, 0.1 on the ground."""
    hip_level: float = _NAN
    uprightness: float = _NAN
    """Of the torso in the picture: 1 upright, 0 level, below 0 head down."""
    height: float = _NAN
    """Of what is seen of the body, head to feet."""
    drop: float = 0.0
    """How much further down the shoulders are than at most half a second ago; of somebody who was only seen lying, and
    falls out of bed, the whole body."""
    long_drop: float = 0.0
    """The same within 1.2 seconds."""
    flattened: float = 0.0
    """How much less of the picture's height the body takes, legs and all, than at most 1.2 seconds ago."""
    speed: float = _NAN
    """Of the body in the picture, statures a second, over half a second."""
    crouched: bool = False
    """Whether the body is folded over the feet and so rests on them."""
    grounded: bool = False
    """Whether the levels can be relied on: the ground is known, from standing on it or falling onto it, and more than a
    head is seen."""

    @property
    def low(self) -> bool:
        """Whether the body is as near the ground as that of somebody on it, lying or sitting."""
        if math.isnan(self.level):
            return self.hip_level <= LEGS_HIPS and self.height <= LEGS_HEIGHT
        if self.level <= LOW_LEVEL or (self.level <= SAT_LEVEL and self.hip_level <= SAT_HIPS):
            return True
        return self.level <= AWAY_LEVEL and self.height <= AWAY_HEIGHT and self.uprightness <= AWAY_TORSO

    @property
    def down(self) -> bool:
        """Whether somebody who was low still is, with some slack, or out of what can be measured."""
        return self.low or (self.level <= SAT_LEVEL and not self.uprightness > UP_TORSO)

    @property
    def flat(self) -> bool:
        """Whether the body is spread out rather than upright."""
        return is_flat(self.height, self.uprightness)

    @property
    def up(self) -> bool:
        """Whether the person is surely no longer down."""
        return self.level >= UP_LEVEL and self.uprightness >= UP_TORSO


LOW_LEVEL = 0.42
"""Seen from a camera high on the wall, somebody lying away from it has the shoulders so far above the feet."""
SAT_LEVEL, SAT_HIPS = 0.52, 0.18
"""A little higher are the shoulders of somebody who sits on the floor, whose hips tell."""
AWAY_LEVEL, AWAY_HEIGHT, AWAY_TORSO = 0.60, 0.40, 0.35
"""And higher still those of somebody who lies away from a camera that looks down steeply: then the body takes little of
the picture's height, which that of somebody bent over does not."""
LEGS_HIPS, LEGS_HEIGHT = 0.12, 0.25
"""Where the upper body is out of view, legs tell that lie on the ground from the hips to the feet."""
FLAT_HEIGHT, FLAT_TORSO = 0.46, 0.42
UP_LEVEL, UP_TORSO = 0.50, 0.60
NOTHING = Stance(Posture.UNKNOWN, 0.0, _NAN)


def is_flat(height: float, uprightness: float) -> bool:
    """Whether a body of such a height and such a torso is spread out; what is unknown doesn't speak against it."""
    return (math.isnan(height) or height <= FLAT_HEIGHT) and not uprightness > FLAT_TORSO
