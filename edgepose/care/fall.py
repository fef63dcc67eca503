"""`fall`: somebody comes down fast and stays down.

A body that falls is fastest just above the ground; one that is let down slows there. So what counts is how far the
shoulders come down within half a second that ends near the ground, in statures. A hard fall is faster than anybody
lies down or sits on the floor, and is confirmed as soon as the person has stayed down for a moment. A softer one may be
meant: it is confirmed when the person then lies still, or has not got up after some seconds.
"""

import math
from collections import defaultdict

from edgepose.care.bearing import GROUND_HIPS, Bearing
from edgepose.care.descent import BODY_KEYPOINTS, Descent
from edgepose.care.events import CareEvent, Case, Naming, Phase
from edgepose.care.settings import Fall
from edgepose.care.view import Seen, View
from edgepose.stance import LOW_LEVEL, Posture

KIND = "fall"
_IMPACT_S = 1.0
"""What is seen within so long after somebody is near the ground is still the fall."""
_TOPPLED = 0.55
"""Somebody who comes down slowly with the torso still more upright than this is sitting down."""
_RISEN_S = 0.5
"""A suspicion is dropped once the person is upright for so long."""
_GLIMPSE_S, _SIGHTS = 1.0, 2
"""Somebody seen so lately is watched; whoever has been seen so often since has been seen to come down."""
_UNSEEN_S = 2.0
"""Out of sight for so long since a hard fall, or since a fast one that left them flat, they count as lying still."""
_BLIND_S = 1.0
"""A longer gap between frames is the camera's, not the person's."""
_EXPIRE_S = 15.0
_SLOW_SHARE = 0.6
"""A slow fall must come down this share of its way within half a second."""
_AWAY_SHARE = 0.6
"""Whoever falls along the line of sight comes down this share of the usual way at least."""
_STILL_AT_END_S, _SAT_AT_END_S = 3.0, 1.5
"""Somebody who is not flat counts as fallen at the end of a clip after so long without moving; with the hips on the
ground the sooner."""
_SLIDE_S = 8.0
"""Whoever sat and lies on the ground within so long has slid from the chair."""
_SAT_DROP = 0.34
"""Whoever drops on their seat comes down so far within half a second."""
_SEATED = 0.06
"""Hips that have come down by less than this since somebody sat upright are still on the seat: they bend down."""
_CALM, _WAITED = 2.0, 2.0
"""Whoever came down hard and moves so many times faster than lying still may be getting up again, and whoever is hardly
seen may be bending down: they are waited for so many times longer."""
_SETTLE_S = 2.5
"""Whoever moves for longer after coming down has come down to do something."""
_NEAR = 0.9
"""Statures: somebody found lying so near to one who fell is the same person."""


class FallRule:
    """Watches everybody for falls."""

    def __init__(self, naming: Naming, settings: Fall | None = None) -> None:
        self._naming = naming
        self._settings = settings or Fall()
        self._descents: defaultdict[int, Descent] = defaultdict(Descent)
        self._falls: list[_Fallen] = []
        self._now_s = math.inf

    def update(self, view: View) -> list[CareEvent]:
        """Suspicions, alerts and their ends."""
        events: list[CareEvent] = []
        if view.t_s - self._now_s > _BLIND_S:
            for fallen in self._falls:
                fallen.pause(view.t_s - self._now_s)
        self._now_s = view.t_s
        for seen in view.people:
            descent = self._descents[seen.id]
            if seen.visible:
                descent.add(seen, view.t_s)
            falling, sliding = self._falling(seen, descent), _sliding(seen, descent, view.t_s)
            if (falling or sliding) and not self._known(seen):
                fallen = _Fallen(self._naming, self._settings, seen, descent, view.t_s, slid=not falling)
                self._falls.append(fallen)
                events.append(fallen.suspected(view.t_s))
        for fallen in self._falls:
            events += fallen.update(view)
        self._falls = [fallen for fallen in self._falls if not fallen.case.over]
        for number in view.gone:
            self._descents.pop(number, None)
        return events

    def finish(self, t_s: float) -> list[CareEvent]:
        """At the end of a clip whoever is down counts as lying still."""
        return [event for fallen in self._falls for event in fallen.finish(t_s)]

    def acknowledge(self, event_id: str, by: str, verdict: bool | None, t_s: float) -> list[CareEvent]:
        """Keep the verdict with the event."""
        return [
            fallen.case.become(Phase.ACKED, t_s, by=by, verdict="" if verdict is None else str(verdict).lower())
            for fallen in self._falls
            if fallen.case.id == event_id and fallen.case.phase is Phase.CONFIRMED
        ]

    def _falling(self, seen: Seen, descent: Descent) -> bool:
        """Whether somebody has come down fast and is near the ground."""
        stance = seen.stance
        if not seen.visible or seen.resting or not stance.grounded or not stance.low:
            return False
        settings, share = self._settings, descent.share
        if descent.drop >= share * settings.drop:
            return True
        if stance.flat and stance.flattened >= settings.flattened and descent.drop >= _AWAY_SHARE * settings.drop:
            return True
        slowly = (
            descent.drop >= share * _SLOW_SHARE * settings.slow_drop and descent.long_drop >= share * settings.slow_drop
        )
        return slowly and not stance.uprightness > _TOPPLED

    def _known(self, seen: Seen) -> bool:
        return any(fallen.about(seen) for fallen in self._falls)


def _sliding(seen: Seen, descent: Descent, t_s: float) -> bool:
    """Whether somebody who sat a moment ago, and has not stood since, lies on the ground."""
    stance = seen.stance
    if not seen.visible or seen.resting or not stance.grounded or descent.stood_s > descent.sat_s:
        return False
    on_ground = stance.posture is Posture.ON_FLOOR and stance.flat and stance.hip_level <= GROUND_HIPS
    return on_ground and t_s - descent.sat_s <= _SLIDE_S


class _Fallen:
    """One person who may have fallen, from the suspicion to its end."""

    def __init__(self, naming: Naming, settings: Fall, seen: Seen, descent: Descent, t_s: float, *, slid: bool) -> None:
        zone = seen.zone_of(("floor", "bathroom", "door", "other"))
        self.case = Case(naming, KIND, descent.at_s, track_id=seen.id, zone=zone)
        self._settings = settings
        self._descent = descent
        self._slid = slid
        self._drop = descent.drop
        self._place = seen.place
        self._stance = seen.stance
        self._seen_s = self._down_s = t_s
        self._sights = 0
        self._body = seen.keypoints >= BODY_KEYPOINTS or t_s - descent.low_s <= _IMPACT_S
        self._still_since_s = self._up_since_s = math.inf
        self._bearing = Bearing(seen, descent, t_s)

    def about(self, seen: Seen) -> bool:
        """Whether this fall is of that person."""
        return self.case.track_id == seen.id

    def suspected(self, t_s: float) -> CareEvent:
        """The first that is told."""
        return self.case.become(Phase.SUSPECTED, t_s, 0.3 + self._drop / 2, **self._evidence())

    def update(self, view: View) -> list[CareEvent]:
        """What a frame adds to this fall."""
        t_s = view.t_s
        if view.cut and self.case.phase is Phase.SUSPECTED:
            return [self._out_of_scene(t_s)]
        seen = self._find(view)
        if seen is not None:
            self._look(seen, t_s)
        if t_s - self._up_since_s >= (self._settings.clear_s if self.case.alarming else _RISEN_S):
            return [self.case.become(Phase.CLEARED, t_s, reason="got up")]
        if self.case.phase is Phase.SUSPECTED:
            if seen is not None and seen.resting:
                return [self.case.become(Phase.CLEARED, t_s, reason="resting")]
            reason = self._certain(t_s)
            if reason:
                return [self._confirmed(t_s, reason)]
            if t_s - self._down_s > _EXPIRE_S:
                return [self.case.become(Phase.EXPIRED, t_s)]
        return self.case.repeat(t_s, self._settings.repeat_s)

    def finish(self, t_s: float) -> list[CareEvent]:
        """The clip's end counts as lying still."""
        hard = self._hard()
        needed_s = _SAT_AT_END_S if self._stance.hip_level <= GROUND_HIPS else _STILL_AT_END_S
        still = self._settled() and self._came_down() and t_s - self._still_since_s >= needed_s
        plunged = self._bearing.plunged and self._fast()
        fell = (self._bearing.flat or plunged or hard or still) and self._body and not self._seated()
        out_of_sight = math.isnan(self._stance.level) and (hard or self._bearing.flat)  # or as good as that
        down = (self._stance.down or out_of_sight) and fell and math.isinf(self._up_since_s)
        settled = hard or self._settled() or t_s - self._down_s <= _SETTLE_S
        if self.case.phase is Phase.SUSPECTED and down and settled:
            return [self._confirmed(t_s, "end of clip")]
        return []

    def pause(self, gap_s: float) -> None:
        """Let time in which the camera saw nothing not count."""
        self._seen_s += gap_s
        self._down_s += gap_s
        self._still_since_s += gap_s
        self._bearing.pause(gap_s)

    def _find(self, view: View) -> Seen | None:
        """The fallen person: by id, or whoever is found lying where they lie."""
        others: list[Seen] = []
        for seen in view.visible:
            if seen.id == self.case.track_id:
                return seen
            if seen.stance.low and seen.near(self._place, _NEAR) and seen.person.first_s >= self.case.t_start:
                others.append(seen)
        if others and view.t_s - self._seen_s > 0.5:
            self.case.track_id = others[0].id
            return others[0]
        return None

    def _look(self, seen: Seen, t_s: float) -> None:
        """Remember how the person is."""
        elapsed_s = t_s - self._seen_s
        self._sights += 1
        stance = self._stance = seen.stance
        self._place, self._seen_s = seen.place, t_s
        self._body = self._body or (stance.low and seen.keypoints >= BODY_KEYPOINTS)
        # What the impact leaves of a body is often only a head: now that it is known to fall, that counts as well.
        self._drop = max(self._drop, stance.drop if t_s - self._down_s <= _IMPACT_S else 0.0)
        self._bearing.add(seen, t_s, elapsed_s)
        still = stance.down and stance.speed <= self._settings.still_speed
        self._still_since_s = min(self._still_since_s, t_s) if still else math.inf
        self._up_since_s = min(self._up_since_s, t_s) if stance.up else math.inf

    def _out_of_scene(self, t_s: float) -> CareEvent:
        """What becomes of a suspicion once the person can't be seen any more."""
        if self._certain_unseen():
            return self._confirmed(t_s, "another scene")
        return self.case.become(Phase.EXPIRED, t_s, reason="another scene")

    def _certain(self, t_s: float) -> str:
        """Why it is certain now, or nothing."""
        settings, stance = self._settings, self._stance
        if not self._may_have_fallen():
            return ""
        hard = self._hard()
        down_s = t_s - self._down_s if stance.down else 0.0
        doubtful = stance.speed > _CALM * settings.still_speed or self._bearing.hardly_seen
        waited_s = settings.down_s * (_WAITED if doubtful else 1.0)
        still_s = t_s - self._still_since_s if stance.down and self._settled() else 0.0
        glimpsed = t_s - self._seen_s <= _GLIMPSE_S
        reasons = {
            "out of sight since": self._certain_unseen() and t_s - self._seen_s >= _UNSEEN_S,
            "stays down": hard and down_s >= waited_s,
            "lies still": self._bearing.flat and still_s >= settings.still_s and glimpsed,
            "stays where they came down": self._came_down() and still_s >= settings.still_upright_s and glimpsed,
            "has not got up": self._bearing.flat and down_s >= settings.latest_s and glimpsed,
            "has slid down": self._slid and stance.flat and down_s >= settings.latest_s,
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def _certain_unseen(self) -> bool:
        """Whether they fell hard, or fast and flat, so that not to see them any more doesn't speak against it."""
        fell = self._hard() or (self._fast() and self._bearing.flat)
        near_ground = self._stance.low or math.isnan(self._stance.level)
        return fell and near_ground and self._may_have_fallen() and not self._stance.hip_level > LOW_LEVEL

    def _may_have_fallen(self) -> bool:
        """Whether enough of them was seen, and they neither are up, nor bend down, nor sit where they sat."""
        seen = self._body and self._sights >= _SIGHTS
        return seen and math.isinf(self._up_since_s) and not self._seated() and not self._bearing.bends

    def _seated(self) -> bool:
        """Whether the hips are where they were when the person last sat, who has not stood since."""
        descent = self._descent
        return descent.sat_s > descent.stood_s and self._stance.hip_level > descent.seat_level - _SEATED

    def _came_down(self) -> bool:
        """Whether they came down as one does in a fall, and not to crouch."""
        dropped = self._bearing.dropped and self._drop >= _SAT_DROP
        return self._bearing.toppled or ((self._fast() or dropped) and not self._bearing.crouches)

    def _hard(self) -> bool:
        """Whether they came down faster than anybody lies down."""
        return self._drop >= self._settings.hard_drop

    def _fast(self) -> bool:
        """Whether they came down faster than anybody sits down on the ground or crouches."""
        return self._drop >= self._settings.upright_drop

    def _settled(self) -> bool:
        """Whether the person has been still since soon after coming down."""
        return self._still_since_s - self._down_s <= _SETTLE_S

    def _confirmed(self, t_s: float, reason: str) -> CareEvent:
        certainty = 0.6 + 0.4 * min(1.0, self._drop / (2 * self._settings.hard_drop))
        return self.case.become(Phase.CONFIRMED, t_s, certainty, reason=reason, **self._evidence())

    def _evidence(self) -> dict[str, object]:
        stance = self._stance
        told = {
            "drop": self._drop,
            "level": stance.level,
            "uprightness": stance.uprightness,
            "height": stance.height,
            "speed": stance.speed,
        }
        return {key: value for key, value in told.items() if not math.isnan(value)} | {"posture": str(stance.posture)}
