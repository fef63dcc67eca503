"""`bed_exit` and `bed_absence`: somebody leaves their bed in quiet hours, and does not come back.

Who was in bed is remembered by the bed, not by an id: ids get lost under a blanket.
"""

import math

from edgepose.care.casebook import CaseBook
from edgepose.care.events import CareEvent, Naming
from edgepose.care.presence import Lasting
from edgepose.care.quiet_hours import within
from edgepose.care.settings import BedAbsence, BedExit
from edgepose.care.view import View

EXIT, ABSENCE = "bed_exit", "bed_absence"
_IN_BED_S = 20.0
"""Somebody who has been on a bed for so long is in bed; passing in front of it is shorter."""
_RETURN_S = 3.0
_STRANGER_S = 10.0
"""Somebody up who was not seen in the bed may be a visitor: then the bed must have been empty for so long."""


class _Bed:
    """Whether one bed is occupied."""

    def __init__(self) -> None:
        self.occupied = False
        self.left_s = math.inf
        self.sleepers: set[int] = set()
        """Ids of those who were seen in it."""
        self._in, self._out = Lasting(10.0), Lasting(0.5)

    def update(self, inside: bool, outside: bool, t_s: float, out_s: float) -> None:
        """inside, outside: whether somebody is in it, and somebody seen elsewhere, for out_s when it counts."""
        if self._in.update(inside, t_s) >= (_RETURN_S if self.left_s < math.inf else _IN_BED_S):
            self.occupied, self.left_s = True, math.inf
        # Nobody is seen leaving a bed who is only hidden by it: somebody must be seen elsewhere, and it empty.
        if self._out.update(outside and not inside, t_s) >= out_s and self.occupied:
            self.occupied, self.left_s = False, self._out.since_s
            self._in.reset()


class BedRule:
    """Watches the zones of kind bed, for either event."""

    def __init__(
        self, naming: Naming, beds: tuple[str, ...], leaving: BedExit | None, absence: BedAbsence | None
    ) -> None:
        """beds: names of the zones; leaving, absence: None where that event isn't wanted."""
        self._beds = {name: _Bed() for name in beds}
        self._leaving, self._absence = leaving, absence
        self._exits = CaseBook(naming, EXIT)
        self._absences = CaseBook(naming, ABSENCE)

    def update(self, view: View) -> list[CareEvent]:
        """Exits at once, absences in time, and returns."""
        events: list[CareEvent] = []
        out_s = self._leaving.out_s if self._leaving else 2.0
        for name, bed in self._beds.items():
            inside = [seen for seen in view.people if name in seen.zones]  # the lost as well: under a blanket
            outside = [seen for seen in view.visible if name not in seen.zones and seen.stance.up]
            left = any(seen.id in bed.sleepers for seen in outside)
            bed.sleepers = (bed.sleepers | {seen.id for seen in inside if seen.visible}) - view.gone
            bed.update(bool(inside), bool(outside), view.t_s, out_s if left else max(out_s, _STRANGER_S))
            if bed.occupied:
                events += self._exits.clear(name, view.t_s, "back in bed")
                events += self._absences.clear(name, view.t_s, "back in bed")
            elif bed.left_s < math.inf:
                track = outside[0].id if outside else None
                events += self._out(name, bed, view, track)
        return events

    def acknowledge(self, event_id: str, by: str, verdict: bool | None, t_s: float) -> list[CareEvent]:
        """Somebody has taken an alert on."""
        return [
            event for book in (self._exits, self._absences) for event in book.acknowledge(event_id, by, verdict, t_s)
        ]

    def _out(self, name: str, bed: _Bed, view: View, track: int | None) -> list[CareEvent]:
        events: list[CareEvent] = []
        away_s = view.t_s - bed.left_s
        leaving, absence = self._leaving, self._absence
        just_left = leaving is not None and name not in self._exits and away_s < max(leaving.out_s, _STRANGER_S) + 1.0
        if leaving and just_left and within(leaving.quiet_hours, view.local_time):
            events += self._exits.suspect(name, bed.left_s, view.t_s, track_id=track, zone=name)
            events += self._exits.confirm(name, view.t_s, 0.9, {"out_s": away_s})
        if absence and within(absence.quiet_hours, view.local_time):
            if away_s >= absence.suspect_s:
                events += self._absences.suspect(name, bed.left_s, view.t_s, track_id=track, zone=name)
            if away_s >= absence.confirm_s and name in self._absences:
                events += self._absences.confirm(name, view.t_s, 0.9, {"away_s": away_s})
        return events
