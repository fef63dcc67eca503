"""How long something has been so: the state that rules about lying, resting and absence share."""

import math


class Lasting:
    """Since when a condition holds; short interruptions don't count."""

    def __init__(self, forgive_s: float = 0.0) -> None:
        """forgive_s: the condition may fail for so long without having ended."""
        self._forgive_s = forgive_s
        self.since_s = math.inf
        """When it began to hold; infinite while it doesn't."""
        self._held_s = -math.inf

    def update(self, holds: bool, t_s: float) -> float:
        """For how long it has held, seconds; 0 where it doesn't."""
        if holds:
            self.since_s = min(self.since_s, t_s)
            self._held_s = t_s
        elif t_s - self._held_s > self._forgive_s:
            self.since_s = math.inf
        return max(0.0, t_s - self.since_s)

    def reset(self) -> None:
        """It holds no longer."""
        self.since_s, self._held_s = math.inf, -math.inf
