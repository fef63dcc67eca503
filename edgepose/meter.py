"""How fast one camera's frames are completed, and how late."""

import threading
from collections import deque

WINDOW_S = 10.0
MOST_FRAMES = 600
"""Remembered: 10 s of 60 frames a second."""


class Meter:
    """Counts frames. Thread-safe; time is given, in monotonic seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: deque[tuple[float, float]] = deque(maxlen=MOST_FRAMES)

    def frame(self, captured_s: float, now_s: float) -> None:
        """A frame taken at `captured_s` has been completed and handed over for publishing."""
        with self._lock:
            self._recent.append((now_s, 1e3 * max(0.0, now_s - captured_s)))

    def fps(self, now_s: float) -> float:
        """Frames a second over the last 10 s."""
        times = [at_s for at_s, _ in self._within(now_s)]
        if len(times) < 2 or times[-1] <= times[0]:
            return 0.0
        # Where frames have stopped coming the time since the last one counts too.
        passed_s = max(times[-1] - times[0], (now_s - times[0]) * (len(times) - 1) / len(times))
        return (len(times) - 1) / passed_s

    def latency_ms(self, now_s: float) -> tuple[float, float]:
        """Capture to hand-over over the last 10 s: the middle and the 95th percentile; zeros where no frame came."""
        millis = sorted(ms for _, ms in self._within(now_s))
        if not millis:
            return 0.0, 0.0
        return millis[len(millis) // 2], millis[min(len(millis) - 1, round(0.95 * len(millis)))]

    def _within(self, now_s: float) -> list[tuple[float, float]]:
        with self._lock:
            return [entry for entry in self._recent if now_s - entry[0] <= WINDOW_S]
