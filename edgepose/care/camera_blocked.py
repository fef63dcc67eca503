"""`camera_blocked`: the picture has gone dark or even, as under a cloth, a hand, or with the lens unplugged.

A room at night is dark as well, but gets so slowly, or by a switch that leaves some light; what is covered is even.
"""

from edgepose.care.casebook import CaseBook
from edgepose.care.events import CareEvent, Naming
from edgepose.care.presence import Lasting
from edgepose.care.settings import CameraBlocked
from edgepose.care.view import View

KIND = "camera_blocked"


class CameraBlockedRule:
    """Watches the picture as a whole."""

    def __init__(self, naming: Naming, settings: CameraBlocked | None = None) -> None:
        self._settings = settings or CameraBlocked()
        self._cases = CaseBook(naming, KIND)
        self._even, self._clear = Lasting(), Lasting()

    def update(self, view: View) -> list[CareEvent]:
        """A suspicion at once, an alert in time, and its end with the first structure seen."""
        if view.picture is None:
            return []
        even = view.picture.spread <= self._settings.spread
        even_s = self._even.update(even and not view.visible, view.t_s)
        if self._clear.update(not even, view.t_s) >= 1.0:
            return self._cases.clear("camera", view.t_s, "the room is seen again")
        events: list[CareEvent] = []
        evidence = {"brightness": view.picture.mean, "spread": view.picture.spread}
        if even_s >= 0.5 * self._settings.after_s:
            events += self._cases.suspect("camera", self._even.since_s, view.t_s, evidence=evidence)
        if even_s >= self._settings.after_s:
            events += self._cases.confirm("camera", view.t_s, 0.9, evidence)
        return events

    def acknowledge(self, event_id: str, by: str, verdict: bool | None, t_s: float) -> list[CareEvent]:
        """Somebody has taken an alert on."""
        return self._cases.acknowledge(event_id, by, verdict, t_s)
