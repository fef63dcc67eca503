"""`inactivity`: somebody who is up in the day does not move at all; who sleeps in bed or on a sofa may."""

from collections import defaultdict

from edgepose.care.casebook import CaseBook
from edgepose.care.events import CareEvent, Naming
from edgepose.care.presence import Lasting
from edgepose.care.quiet_hours import within
from edgepose.care.settings import Inactivity
from edgepose.care.view import Seen, View

KIND = "inactivity"
_FORGIVE_S = 5.0


class InactivityRule:
    """Times everybody who doesn't move."""

    def __init__(self, naming: Naming, settings: Inactivity | None = None) -> None:
        self._settings = settings or Inactivity()
        self._cases = CaseBook(naming, KIND, self._settings.repeat_s)
        self._still: defaultdict[int, Lasting] = defaultdict(lambda: Lasting(_FORGIVE_S))

    def update(self, view: View) -> list[CareEvent]:
        """Suspicions at half of the time, alerts, and their ends with the first movement."""
        events: list[CareEvent] = []
        limit_s = self._settings.after_s
        awake = not within(self._settings.quiet_hours, view.local_time)
        for seen in view.visible:
            still = self._still[seen.id]
            still_s = still.update(awake and self._motionless(seen), view.t_s)
            if still_s >= limit_s / 2:
                evidence = {"still_s": still_s, "posture": str(seen.stance.posture)}
                events += self._cases.suspect(seen.id, still.since_s, view.t_s, track_id=seen.id, evidence=evidence)
                if still_s >= limit_s:
                    events += self._cases.confirm(seen.id, view.t_s, 0.8, evidence)
            elif not still_s:
                events += self._cases.clear(seen.id, view.t_s, "moved")
        for number in view.gone:
            self._still.pop(number, None)
            events += self._cases.expire(number, view.t_s, "out of sight")
        return events

    def acknowledge(self, event_id: str, by: str, verdict: bool | None, t_s: float) -> list[CareEvent]:
        """Somebody has taken an alert on."""
        return self._cases.acknowledge(event_id, by, verdict, t_s)

    def _motionless(self, seen: Seen) -> bool:
        in_bed = any(kind == "bed" for kind in seen.zones.values())
        return not in_bed and seen.stance.speed <= self._settings.still_speed
