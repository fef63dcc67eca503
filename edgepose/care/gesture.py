"""`help_gesture`: both arms raised above the head and waved.

A wave is a hand that goes to and fro sideways, as seen from its shoulder; stretching or reaching up is not one.
"""

from collections import defaultdict, deque

from edgepose.anthropometry import groups
from edgepose.care.casebook import CaseBook
from edgepose.care.events import CareEvent, Naming
from edgepose.care.presence import Lasting
from edgepose.care.settings import HelpGesture
from edgepose.care.view import Seen, View
from edgepose.skeleton import LAYOUTS

KIND = "help_gesture"
_WINDOW_S = 3.0
_RAISED = 0.05
"""Statures that a wrist must be above the head."""


class GestureRule:
    """Watches everybody's hands."""

    def __init__(self, naming: Naming, layout: str, settings: HelpGesture | None = None) -> None:
        """layout: keypoint order of the poses."""
        self._settings = settings or HelpGesture()
        self._cases = CaseBook(naming, KIND, self._settings.repeat_s)
        names = LAYOUTS[layout]
        self._wrists = {
            side: (names.index(f"{side}_wrist"), names.index(f"{side}_shoulder")) for side in ("left", "right")
        }
        self._head = groups(layout)["head"]
        self._hands: defaultdict[int, _Hands] = defaultdict(_Hands)

    def update(self, view: View) -> list[CareEvent]:
        """Suspicions when both hands are up, alerts when they have been waved, and the end when they are down."""
        events: list[CareEvent] = []
        for seen in view.visible:
            hands = self._hands[seen.id]
            raised_s = hands.update(self._offsets(seen), view.t_s)
            if raised_s >= 0.5:
                waves = hands.waves(self._settings.swing)
                events += self._cases.suspect(seen.id, view.t_s - raised_s, view.t_s, track_id=seen.id, confidence=0.3)
                if raised_s >= self._settings.raised_s and waves >= self._settings.waves:
                    events += self._cases.confirm(seen.id, view.t_s, 0.85, {"waves": waves, "raised_s": raised_s})
            elif not raised_s:
                events += self._cases.clear(seen.id, view.t_s, "arms down")
        for number in view.gone:
            self._hands.pop(number, None)
            events += self._cases.expire(number, view.t_s, "out of sight")
        return events

    def acknowledge(self, event_id: str, by: str, verdict: bool | None, t_s: float) -> list[CareEvent]:
        """Somebody has taken an alert on."""
        return self._cases.acknowledge(event_id, by, verdict, t_s)

    def _offsets(self, seen: Seen) -> dict[str, float] | None:
        """How far each hand is beside its shoulder, in statures; None unless both are above the head."""
        rows = seen.person.pose.rows
        heads = [rows[place][1] for place in self._head if rows[place][2] > 0]
        if not heads or seen.stance.uprightness < 0.5:  # the hands of somebody lying are beyond the head, not above it
            return None
        limit = min(heads) - _RAISED * seen.person.stature_px
        offsets = {}
        for side, (wrist, shoulder) in self._wrists.items():
            hand, root = rows[wrist], rows[shoulder]
            if not (hand[2] > 0 and root[2] > 0 and hand[1] < limit):
                return None
            offsets[side] = (hand[0] - root[0]) / seen.person.stature_px
        return offsets


class _Hands:
    """The hands of one person over the last seconds."""

    def __init__(self) -> None:
        self._raised = Lasting(0.6)
        self._trail: deque[tuple[float, dict[str, float]]] = deque()

    def update(self, offsets: dict[str, float] | None, t_s: float) -> float:
        """For how long both have been raised."""
        if offsets is not None:
            self._trail.append((t_s, offsets))
        while self._trail and self._trail[0][0] < t_s - _WINDOW_S:
            self._trail.popleft()
        return self._raised.update(offsets is not None, t_s)

    def waves(self, swing: float) -> int:
        """How often the busier hand turned round after going at least `swing` statures one way."""
        return max(turns([offsets[side] for _, offsets in self._trail], swing) for side in ("left", "right"))


def turns(places: list[float], swing: float) -> int:
    """How often a sequence turns round, not counting ways shorter than `swing`."""
    count, direction = 0, 0
    furthest = places[0] if places else 0.0
    for place in places:
        ahead = (place - furthest) * (direction or 1)
        if direction == 0 and abs(ahead) >= swing:
            direction, furthest = (1 if ahead > 0 else -1), place
        elif direction and ahead > 0:
            furthest = place
        elif direction and -ahead >= swing:
            count, direction, furthest = count + 1, -direction, place
    return count
