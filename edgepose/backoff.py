"""How long to wait before trying again."""

import random


class Backoff:
    """Waits that double, with jitter, until something has held for a while.

    Success alone doesn't bring the wait down: a broker that accepts and then kicks would be stormed. The jitter (half
    of the wait) keeps a building full of devices from coming back in one instant.
    """

    def __init__(
        self,
        *,
        first_s: float = 1.0,
        most_s: float = 60.0,
        stable_s: float = 30.0,
        rng: random.Random | None = None,
    ) -> None:
        """`stable_s`: what lasted so long counts as a success, and the waits begin at `first_s` again."""
        self._first_s = first_s
        self._most_s = most_s
        self._stable_s = stable_s
        self._rng = rng or random.Random()
        self._wait_s = first_s

    def next_wait(self, lasted_s: float = 0.0) -> float:
        """Seconds to wait after an attempt whose success, if any, lasted `lasted_s`."""
        if lasted_s >= self._stable_s:
            self._wait_s = self._first_s
        wait_s = self._wait_s * self._rng.uniform(0.5, 1.0)
        self._wait_s = min(self._wait_s * 2, self._most_s)
        return wait_s
