"""How far a body that lies comes down as a whole: it falls out of bed, wherever the ground may be.

Nobody who has only been seen lying tells where the ground is. But a mattress holds whoever lies on it: shoulders and
hips that sink together, and fast, have left it, and where they come to rest the ground can't be far below.
"""

import math
from collections import deque

_WITHIN_S, _STEADY_S = 0.5, 0.2
"""What is measured within the first is averaged over the second."""

Point = tuple[float, float]


class Sinking:
    """The way of one body's middle down the picture, while it lies."""

    def __init__(self) -> None:
        self._raw: deque[tuple[float, float]] = deque()
        self._seen: deque[tuple[float, float, bool]] = deque()

    def add(self, points: dict[str, Point], flat: bool, t_s: float) -> float:
        """Pixels that a body, flat then and now, came down within half a second; 0 where it can't be told."""
        if not ("shoulders" in points and "hips" in points):
            return 0.0
        self._raw.append((t_s, (points["shoulders"][1] + points["hips"][1]) / 2))
        while self._raw[0][0] < t_s - _STEADY_S:
            self._raw.popleft()
        middle = math.fsum(y for _, y in self._raw) / len(self._raw)
        self._seen.append((t_s, middle, flat))
        while self._seen[0][0] < t_s - _WITHIN_S - 1e-6:
            self._seen.popleft()
        return max([middle - then for _, then, lay in self._seen if lay], default=0.0) if flat else 0.0
