"""How often a thing is worth a message. Time is given, in seconds."""

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
        self._last_s = -math.inf
        self._due_s = -math.inf
        self._was_empty = False

    def admits(self, people: int, t_s: float) -> bool:
        """Whether the frame of `t_s` with so many people is to be published; time running backwards starts afresh."""
        if t_s < self._last_s:  # a clip that begins again
            self._forget()
        if t_s < self._due_s or (not people and self._was_empty and t_s - self._last_s < self._keep_alive_s):
            return False
        # Slots lie on a grid, so that of 15 frames a second 10 pass, not every second one; a pause starts a new grid.
        late_s = t_s - self._due_s
        self._due_s = (self._due_s if late_s < self._period_s else t_s) + self._period_s
        self._last_s, self._was_empty = t_s, not people
        return True


class ChangeGate:
    """Decides when a state is worth saying: when it changes, and every `every_s` while it doesn't."""

    def __init__(self, every_s: float = 60.0) -> None:
        self._every_s = every_s
        self._last_s = -math.inf
        self._state: object = None

    def admits(self, state: object, t_s: float) -> bool:
        """Whether `state`, as it is at `t_s`, is to be published; time running backwards starts afresh."""
        if self._last_s <= t_s < self._last_s + self._every_s and state == self._state:
            return False
        self._last_s, self._state = t_s, state
        return True
