"""How often a thing is worth a message. Time is given, in seconds; where it runs backwards, a clip has begun again."""

import math


class PoseGate:
    """Decides which frames of one camera become a pose message.

    People: every frame, or at most `max_hz`. Nobody: once when the room empties, then every `keep_alive_s`.
    """

    def __init__(self, *, max_hz: float | None = None, keep_alive_s: float = 10.0) -> None:
        self._period_s = 1 / max_hz if max_hz else 0.0
        self._keep_alive_s = keep_alive_s
        self._forget()

    def _forget(self) -> None:
        self._now_s = self._sent_s = self._due_s = -math.inf
        self._was_empty = False

    def admits(self, people: int, t_s: float) -> bool:
        """Whether the frame of `t_s` with so many people is to be published."""
        if t_s < self._now_s:
            self._forget()
        self._now_s = t_s
        # Slots lie on a grid, so that of 15 frames a second 10 pass, not every second one; a pause starts a new grid.
        # A frame may be a little early for its slot, as those of a camera that runs at this very rate are.
        late_s = t_s - self._due_s
        if late_s < -0.1 * self._period_s:
            return False
        if not people and self._was_empty and t_s - self._sent_s < self._keep_alive_s:
            return False
        self._due_s = (self._due_s if late_s < self._period_s else t_s) + self._period_s
        self._sent_s, self._was_empty = t_s, not people
        return True


class ChangeGate:
    """Decides when a state is worth saying: when it changes, and every `every_s` while it doesn't."""

    def __init__(self, every_s: float = 60.0) -> None:
        self._every_s = every_s
        self._now_s = self._said_s = -math.inf
        self._state: object = None

    def admits(self, state: object, t_s: float) -> bool:
        """Whether `state`, as it is at `t_s`, is to be published."""
        again = t_s < self._now_s
        self._now_s = t_s
        if not again and t_s < self._said_s + self._every_s and state == self._state:
            return False
        self._said_s, self._state = t_s, state
        return True
