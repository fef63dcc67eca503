"""What was seen of each part of each person last, so that the next frame looks at the right place, and who is due."""

import math
from dataclasses import dataclass, field

import numpy as np

from edgepose.domain import FloatArray
from edgepose.wholebody.crops import Crop

Place = tuple[int, str]
"""A person's id and the name of one of their parts."""
_FADE_S = 0.4
"""What was not looked at again loses this share of e of its confidence in so many seconds."""
_KEEP_S = 1.0
"""After so long it is forgotten."""
_TRUST = 0.5
"""Confidence from which what was found tells where to look next."""


@dataclass(frozen=True)
class Seen:
    """A part as it was found."""

    keypoints: FloatArray
    t_s: float
    anchor: FloatArray
    """(2,) pixels: the body's keypoint that the part hangs on, at that time."""

    @property
    def sure(self) -> bool:
        """Whether it was found well enough to follow it."""
        return float(self.keypoints[:, 2].max()) >= _TRUST

    def by_now(self, t_s: float, anchor: FloatArray) -> FloatArray:
        """Moved along with the body, and less sure the older it is; zeros where it is too old."""
        age_s = t_s - self.t_s
        if not 0 <= age_s <= _KEEP_S:
            return np.zeros_like(self.keypoints)
        keypoints = self.keypoints.copy()
        found = keypoints[:, 2] > 0
        keypoints[found, :2] += anchor - self.anchor
        keypoints[found, 2] *= math.exp(-age_s / _FADE_S)
        return keypoints


@dataclass
class Memory:
    """Of one camera or clip."""

    _seen: dict[Place, Seen] = field(default_factory=dict)

    def get(self, place: Place) -> Seen | None:
        """What was seen there last."""
        return self._seen.get(place)

    def put(self, place: Place, seen: Seen) -> None:
        """Remember."""
        self._seen[place] = seen

    def forget_before(self, t_s: float) -> None:
        """Let go of what is too old, and of everything where time has gone back."""
        self._seen = {place: seen for place, seen in self._seen.items() if 0 <= t_s - seen.t_s <= _KEEP_S}


def follows(crop: Crop, tracked: Crop | None) -> Crop:
    """Where to look: around what was seen, if that is still about where the body says it should be."""
    if tracked is None:
        return crop
    near = math.hypot(tracked.x - crop.x, tracked.y - crop.y) < 0.45 * crop.side
    alike = 0.45 < tracked.side / crop.side < 1.9
    return tracked if near and alike else crop
