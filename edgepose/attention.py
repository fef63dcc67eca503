"""Which frames are worth the network: all while somebody is there or something moves, else one now and then.

Time is given, in seconds; where it runs backwards, a clip has begun again.
"""

import math
import threading
from collections.abc import Iterator

from edgepose.config import LowPower
from edgepose.domain import Frame, FrameResult, Phase
from edgepose.motion import MotionGate, grey_cells
from edgepose.ports import Source

_LOOK_AGAIN_S = 1.0
"""After the network has found somebody whom the tracker does not yet believe in."""
_EARLY = 0.05
"""A frame may be so much of the period early, as those of a camera are whose rate is a multiple of it."""
_OPEN = (Phase.SUSPECTED, Phase.CONFIRMED)


class Attention:
    """Of one camera. Any thread may ask it, and any other tell it."""

    def __init__(self, settings: LowPower) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._open: set[str] = set()
        self._now_s: float = -math.inf
        self._looked_s: float = -math.inf
        self._until_s: float = -math.inf
        self._somebody = self._idle = False
        self._motion = MotionGate()

    @property
    def idle(self) -> bool:
        """Whether frames are left out now."""
        return self._idle

    def wants(self, frame: Frame) -> bool:
        """Whether this frame is to be looked at. A frame in which something moves always is."""
        if not self._settings.enabled:
            return True
        with self._lock:
            return self._wants(frame)

    def learned(self, result: FrameResult) -> None:
        """What came of a frame that was looked at."""
        with self._lock:
            for event in result.events:
                if event.phase in _OPEN:
                    self._open.add(event.id)
                else:
                    self._open.discard(event.id)
            self._somebody = bool(result.count or self._open)
            if result.detected:
                self._until_s = max(self._until_s, result.frame.t_s + _LOOK_AGAIN_S)

    def _wants(self, frame: Frame) -> bool:
        t_s = frame.t_s
        if t_s < self._now_s:
            self._begin()
        if self._now_s == -math.inf:
            self._until_s = t_s + self._settings.after_s
        self._now_s = t_s
        if self._somebody or self._motion.moved(grey_cells(frame.picture), t_s):
            self._until_s = t_s + self._settings.after_s
        self._idle = t_s > self._until_s
        if self._idle and t_s - self._looked_s < (1 - _EARLY) / self._settings.fps:
            return False
        self._looked_s = t_s
        return True

    def _begin(self) -> None:
        self._motion = MotionGate()
        self._now_s = self._looked_s = self._until_s = -math.inf
        self._somebody = False
        self._open.clear()
        self._idle = False


class Attentive:
    """A source of which only the frames are given that are worth the network."""

    def __init__(self, source: Source, attention: Attention) -> None:
        self.live = source.live
        self._source = source
        self._attention = attention

    def frames(self) -> Iterator[Frame]:
        """As the source's, without some."""
        for frame in self._source.frames():
            if self._attention.wants(frame):
                yield frame

    def close(self) -> None:
        """Close the source."""
        self._source.close()
