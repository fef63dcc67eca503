"""When the supervisor may be told that all is well: every camera has done its part, or is known not to be able to."""

import math
import threading
import time
from collections.abc import Callable, Iterable

from edgepose.ports import Heartbeat

LATE_S = 15.0
"""Longer than a frame takes anywhere."""


class Watch:
    """Feeds the supervisor's watchdog once every camera has completed a whole frame since it was fed last.

    A camera that is being opened, waited for or switched off is excused, for as long as it says beforehand; one that
    hangs in a frame, or takes longer to recover than it said, is not, and keeps the watchdog hungry. Nothing else
    counts, least of all the broker. Thread-safe.
    """

    def __init__(
        self, heartbeat: Heartbeat, cameras: Iterable[str], now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._heartbeat = heartbeat
        self._now_s = now_s
        self._lock = threading.Lock()
        self._cameras = frozenset(cameras)
        self._due = set(self._cameras)
        self._excused_until_s: dict[str, float] = {}
        self._fed_s = now_s()

    def of(self, camera: str) -> "Pulse":
        """What one camera tells."""
        return Pulse(self, camera)

    def frame(self, camera: str) -> None:
        """A camera has completed a whole frame."""
        with self._lock:
            self._due.discard(camera)
            self._excused_until_s.pop(camera, None)
            self._feed()

    def resting(self, camera: str, for_s: float) -> None:
        """A camera will have no frame for at most so many seconds, and knows why."""
        with self._lock:
            self._excused_until_s[camera] = self._now_s() + for_s
            self._feed()

    def tick(self) -> None:
        """To be called about once a second, for times when no camera has anything to tell."""
        with self._lock:
            self._feed()

    def late(self) -> tuple[str, ...]:
        """The cameras that have kept the watchdog hungry for longer than any healthy one does."""
        with self._lock:
            if self._now_s() - self._fed_s < LATE_S:
                return ()
            return tuple(sorted(self._due - self._excused()))

    def _feed(self) -> None:
        if self._due <= self._excused():
            self._due = set(self._cameras)
            self._fed_s = self._now_s()
            self._heartbeat.beat()

    def _excused(self) -> set[str]:
        now_s = self._now_s()
        return {camera for camera, until_s in self._excused_until_s.items() if now_s < until_s}


class Pulse:
    """One camera's end of a Watch."""

    def __init__(self, watch: Watch, camera: str) -> None:
        self._watch = watch
        self._camera = camera

    def frame(self) -> None:
        """A whole frame has been completed."""
        self._watch.frame(self._camera)

    def resting(self, for_s: float = math.inf) -> None:
        """There will be no frame for at most so many seconds."""
        self._watch.resting(self._camera, for_s)
