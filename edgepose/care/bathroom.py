"""`bathroom_overstay`: somebody has gone into the bathroom and has not come out.

The zone marks the bathroom, or its door where the camera doesn't look inside: who is last seen there, and then by
nobody, is inside.
"""

from edgepose.care.casebook import CaseBook
from edgepose.care.events import CareEvent, Naming
from edgepose.care.settings import BathroomOverstay
from edgepose.care.view import View

KIND = "bathroom_overstay"
_SEEN_OUT_S = 2.0


class BathroomRule:
    """Times each bathroom."""

    def __init__(self, naming: Naming, bathrooms: tuple[str, ...], settings: BathroomOverstay | None = None) -> None:
        """bathrooms: names of the zones."""
        self._settings = settings or BathroomOverstay()
        self._bathrooms = bathrooms
        self._cases = CaseBook(naming, KIND, self._settings.repeat_s)
        self._entered_s: dict[str, float] = {}
        self._out_since_s: dict[str, float] = {}

    def update(self, view: View) -> list[CareEvent]:
        """Suspicions at three quarters of the time, alerts, and their end when somebody is seen outside."""
        events: list[CareEvent] = []
        for name in self._bathrooms:
            inside = any(name in seen.zones for seen in view.visible)
            outside = any(name not in seen.zones for seen in view.visible)
            if inside:
                self._entered_s.setdefault(name, view.t_s)
                self._out_since_s.pop(name, None)
            elif outside:
                since_s = self._out_since_s.setdefault(name, view.t_s)
                if view.t_s - since_s >= _SEEN_OUT_S:
                    self._entered_s.pop(name, None)
                    events += self._cases.clear(name, view.t_s, "came out")
            else:
                self._out_since_s.pop(name, None)
            events += self._stay(name, view.t_s)
        return events

    def acknowledge(self, event_id: str, by: str, verdict: bool | None, t_s: float) -> list[CareEvent]:
        """Somebody has taken an alert on."""
        return self._cases.acknowledge(event_id, by, verdict, t_s)

    def _stay(self, name: str, t_s: float) -> list[CareEvent]:
        entered_s = self._entered_s.get(name)
        if entered_s is None:
            return []
        stay_s, events = t_s - entered_s, []
        if stay_s >= 0.75 * self._settings.after_s:
            events += self._cases.suspect(name, entered_s, t_s, zone=name, evidence={"stay_s": stay_s})
        if stay_s >= self._settings.after_s:
            events += self._cases.confirm(name, t_s, 0.9, {"stay_s": stay_s})
        return events
