"""`long_lie`: somebody lies on the floor, however they came there: a slow slide from a chair, a roll out of bed."""

from collections import defaultdict

from edgepose.care.casebook import CaseBook
from edgepose.care.events import CareEvent, Naming
from edgepose.care.presence import Lasting
from edgepose.care.settings import LongLie
from edgepose.care.view import Seen, View
from edgepose.stance import Posture

KIND = "long_lie"
_FORGIVE_S = 4.0
"""Missing or misjudged for so long, somebody who lies still lies."""


class LongLieRule:
    """Times everybody on the floor."""

    def __init__(self, naming: Naming, settings: LongLie | None = None) -> None:
        self._settings = settings or LongLie()
        self._cases = CaseBook(naming, KIND, self._settings.repeat_s)
        self._lying: defaultdict[int, Lasting] = defaultdict(lambda: Lasting(_FORGIVE_S))

    def update(self, view: View) -> list[CareEvent]:
        """Suspicions, alerts and their ends."""
        events: list[CareEvent] = []
        for seen in view.people:
            lying = self._lying[seen.id]
            lain_s = lying.update(seen.visible and _on_floor(seen), view.t_s)
            if lain_s >= self._settings.suspect_s:
                evidence = {"lain_s": lain_s, "posture": str(seen.stance.posture)}
                events += self._cases.suspect(
                    seen.id, lying.since_s, view.t_s, track_id=seen.id, zone=_zone(seen), evidence=evidence
                )
                if lain_s >= self._settings.confirm_s:
                    events += self._cases.confirm(seen.id, view.t_s, 0.9, evidence)
            elif seen.visible and seen.stance.up:
                events += self._cases.clear(seen.id, view.t_s, "got up")
        for number in view.gone:
            self._lying.pop(number, None)
            events += self._cases.expire(number, view.t_s, "out of sight")
        return events

    def acknowledge(self, event_id: str, by: str, verdict: bool | None, t_s: float) -> list[CareEvent]:
        """Somebody has taken an alert on."""
        return self._cases.acknowledge(event_id, by, verdict, t_s)


def _on_floor(seen: Seen) -> bool:
    return seen.stance.posture is Posture.ON_FLOOR and not seen.resting


def _zone(seen: Seen) -> str | None:
    return seen.zone_of(("floor", "bathroom", "door", "other"))
