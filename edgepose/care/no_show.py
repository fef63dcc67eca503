"""`no_show`: nobody has been seen by the time of day at which somebody always has."""

from datetime import date, datetime, time

from edgepose.care.casebook import CaseBook
from edgepose.care.events import CareEvent, Naming
from edgepose.care.settings import NoShow
from edgepose.care.view import View

KIND = "no_show"
_SEEN = ("standing", "sitting", "bent")


class NoShowRule:
    """Waits for somebody to be up, every day."""

    def __init__(self, naming: Naming, settings: NoShow | None = None) -> None:
        self._settings = settings or NoShow()
        self._cases = CaseBook(naming, KIND, self._settings.repeat_s)
        self._shown: date | None = None
        self._watched: date | None = None

    def update(self, view: View) -> list[CareEvent]:
        """An alert a day at most, cleared when somebody shows up."""
        now = view.local_time
        if now is None:
            return []
        start, end = (time.fromisoformat(text) for text in self._settings.between.split("-"))
        today = now.date()
        if any(str(seen.stance.posture) in _SEEN for seen in view.visible) and now.time() >= start:
            self._shown = today
            return self._cases.clear("room", view.t_s, "somebody is up")
        if now.time() < start:
            self._watched = today  # a day that was not watched from its start can't be told about
        if now.time() < end or self._shown == today or self._watched != today:
            return []
        began_s = view.t_s - (now - datetime.combine(today, start, now.tzinfo)).total_seconds()
        return self._cases.suspect("room", began_s, view.t_s) + self._cases.confirm(
            "room", view.t_s, 0.7, {"since": start.isoformat("minutes")}
        )

    def acknowledge(self, event_id: str, by: str, verdict: bool | None, t_s: float) -> list[CareEvent]:
        """Somebody has taken an alert on."""
        return self._cases.acknowledge(event_id, by, verdict, t_s)
