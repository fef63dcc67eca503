"""The line that `systemctl status` shows: how the daemon is, in a few words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edgepose.wire import CameraStatus


@dataclass(frozen=True)
class Vitals:
    """What the daemon knows of itself at a moment."""

    t_s: float
    """Monotonic seconds."""
    frames: int
    """Processed since the session began."""
    cameras: Mapping[str, CameraStatus]
    broker: str | None
    """What keeps the broker away, None where it is connected."""


class StatusTeller:
    """Tells the status line now and then; how often it is asked to makes no difference."""

    def __init__(self, say: Callable[[str], None], every_s: float = 5.0) -> None:
        self._say = say
        self._every_s = every_s
        self._note = ""
        self._line = ""
        self._before: Vitals | None = None

    def remark(self, note: str) -> None:
        """Put a note before the line, such as that the last reload failed; an empty one takes it away."""
        self._note = note
        self._say(note + self._line)

    def tell(self, now: Vitals) -> None:
        """Say how things are, unless it was said a moment ago."""
        before = self._before or now
        if before is now or now.t_s - before.t_s >= self._every_s:
            self._before = now
            self._line = status_line(before, now)
            self._say(self._note + self._line)


def status_line(before: Vitals, now: Vitals) -> str:
    """For example `2 cameras online, 14.9 frames/s, broker connected`; the rate is that between the two moments."""
    passed_s = now.t_s - before.t_s
    rate = max(0, now.frames - before.frames) / passed_s if passed_s > 0 else 0.0
    return f"{_cameras(now.cameras)}, {rate:.1f} frames/s, {_broker(now.broker)}"


def _cameras(cameras: Mapping[str, CameraStatus]) -> str:
    away = [f"{name} {status}" for name, status in cameras.items() if status != "online"]
    if not away:
        return f"{_counted(len(cameras))} online"
    return f"{len(cameras) - len(away)} of {_counted(len(cameras))} online ({', '.join(away)})"


def _counted(number: int) -> str:
    return "1 camera" if number == 1 else f"{number} cameras"


def _broker(trouble: str | None) -> str:
    return "broker connected" if trouble is None else f"broker away ({trouble})" if trouble else "broker awaited"
