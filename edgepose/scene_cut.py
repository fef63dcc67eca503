"""Whether the camera suddenly shows another scene: a clip cut to the next one, a camera that was turned or exchanged.

Nobody walks over a cut, so whoever was followed is let go of; else somebody who stands would seem to fall into the
place of somebody who lies. A light that is switched changes how bright the picture is, but hardly what is in it: so
what counts is the correlation of two pictures, not their difference.
"""

import numpy as np
from numpy.typing import NDArray

from edgepose.domain import ByteArray

_ALIKE = 0.5
"""Least correlation of two pictures of one scene; somebody who fills half of the view leaves more."""
_EVEN = 4.0
"""Standard deviation under which a picture holds nothing to compare, as of a covered camera or a dark room."""


class SceneCut:
    """Compares each picture of one camera with the one before."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def update(self, glance: ByteArray | None) -> bool:
        """Whether this (h, w) grey picture is of another scene than the last that held anything; None: not known."""
        if glance is None:
            return False
        now = glance.astype(np.float32).ravel()
        now -= now.mean()
        length = float(np.sqrt(now @ now))
        if length < _EVEN * np.sqrt(now.size):
            return False
        now /= length
        before, self._before = self._before, now
        return before is not None and (before.size != now.size or float(before @ now) < _ALIKE)
