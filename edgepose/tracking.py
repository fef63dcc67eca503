"""People keep their ids: poses of each frame are given to those whose keypoints and motion they fit.

Everything is counted in seconds and statures, so that 5 frames a second of a far person give what 30 of a near one do.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

import numpy as np
from numpy.typing import NDArray

from edgepose import similarity
from edgepose.anthropometry import Rows, sigmas, stature, upright
from edgepose.assembly import Body, assembled, belongs, complementary, distinct, joined
from edgepose.assignment import assign
from edgepose.domain import Pose, Track
from edgepose.smoothing import KeypointFilter, OneEuroSettings


class TrackState(StrEnum):
    """How sure it is that somebody is there."""

    TENTATIVE = "tentative"
    """Just found; may be a coat."""
    CONFIRMED = "confirmed"
    """Seen in this frame, and long enough before."""
    LOST = "lost"
    """Not seen in this frame; the id is kept."""
    GONE = "gone"
    """Told once, when the id is given up."""


@dataclass(frozen=True)
class Person(Track):
    """A person over time, as of one frame."""

    state: TrackState
    first_s: float
    """When they were first seen."""
    seen_s: float
    """When they were last seen."""
    stature_px: float
    """How tall they would stand at their place in the picture, pixels."""

    @property
    def visible(self) -> bool:
        """Whether the pose is of this very frame."""
        return self.state is TrackState.CONFIRMED


@dataclass(frozen=True)
class TrackerSettings:
    """When somebody is somebody."""

    confirm_s: float = 0.25
    """Somebody new is believed after so long."""
    tentative_lost_s: float = 0.35
    """Somebody new who is missing for so long was nobody."""
    max_lost_s: float = 8.0
    """An id waits so long for its person."""
    min_keypoints: int = 5
    """Of somebody new."""
    smoothing: OneEuroSettings | None = field(default_factory=OneEuroSettings)
    """None: keypoints as they are measured."""


_SAME = 0.2
"""Least similarity at which a pose is given to a person."""
_BODY_KEYPOINTS = 8
"""A pose of fewer keypoints is the less anybody the fewer they are, where only its place speaks for it."""
_CLEARLY = 1.3
"""A pose that fits one person so many times better than another is no claim of the other's."""
_DRIFT, _DRIFT_PER_S, _FALL_PER_S, _DRIFT_MOST = 0.03, 0.2, 1.0, 0.7
"""How far keypoints may lie from where they are expected: at once; with each second unseen, in steady motion and in a
fall; at most. In statures."""
_COAST_S = 0.35
"""A person out of sight is expected to slow down within this time."""
_REMEMBER_S = 1.5
"""A keypoint counts for recognising its person so long after it was seen."""
_UPRIGHT_S, _GROW_S, _SHRINK_S = 0.5, 2.0, 10.0
"""How fast the stature follows: that of an upright person soon, else slowly, since lying bones are foreshortened."""
_SPEED_S = 0.15
"""Over which the speed of a body is averaged."""


_MARGIN = 0.06
"""Of the stature: what lies so far outside the box around somebody's keypoints still lies on them."""
_APART_S = 0.4
"""Whoever was seen apart from everybody else for so long is a person of their own."""
_PART_KEYPOINTS, _PART_S = 7, 0.8
"""So few keypoints that lie on somebody for so long are theirs, whosever they were before."""


class Tracker:
    """Poses in, people with ids out. Serves one camera."""

    def __init__(self, layout: str, settings: TrackerSettings | None = None) -> None:
        """layout: keypoint order of the poses, a key of edgepose.skeleton.LAYOUTS."""
        self._layout = layout
        self._settings = settings or TrackerSettings()
        self._sigmas = 2 * np.array(sigmas(layout))
        self._people: list[_Known] = []
        self._ids = count(1)
        self._now_s = -math.inf

    def update(self, poses: Sequence[Pose], t_s: float) -> tuple[Person, ...]:
        """Everybody as of this frame, by id: confirmed and lost people, and once those just gone; not tentative ones.

        t_s: seconds, monotonic; where it goes back, a clip has begun again and everybody is forgotten.
        """
        gone = self._forget_all(t_s) if t_s <= self._now_s else []
        self._now_s = t_s
        claimed, free = self._shared_out([Body.of(pose) for pose in poses], t_s)
        for person in self._people:
            person.advance(claimed.get(person), t_s)
        gone += self._drop_doubles(claimed, t_s)
        self._add_new(free, claimed, t_s)
        gone += self._give_up(t_s)
        return tuple(gone) + tuple(person.value(t_s) for person in self._people if person.confirmed)

    def _shared_out(self, bodies: Sequence[Body], t_s: float) -> tuple[dict["_Known", Body], list[Body]]:
        """Each person's pose, made whole from its parts, and the poses that are nobody's."""
        if not bodies or not self._people:
            return {}, list(bodies)
        alike = self._similarity(bodies, t_s)
        claimed = self._claims(bodies, alike)
        taken = {place for place, _ in claimed.values()}
        whole = {person: body for person, (_, body) in claimed.items()}
        free = []
        for place in sorted(set(range(len(bodies))) - taken, key=lambda place: -bodies[place].seen):
            part = bodies[place]
            for row in np.argsort(-alike[:, place]).tolist():
                person = self._people[row]
                if person in whole and belongs(whole[person], part, person.stature_px, self._layout):
                    whole[person] = joined(whole[person], part)
                    break
            else:
                free.append(part)
        return whole, free

    def _claims(self, bodies: Sequence[Body], alike: NDArray[np.float64]) -> dict["_Known", tuple[int, Body]]:
        """For each person the largest pose that fits, unless it is rather a part of somebody else."""
        sizes = np.array([min(1.0, (body.seen + 2) / 12) for body in bodies])
        worth = np.where(alike >= _SAME, alike * sizes, 0.0)
        pairs = [(row, place) for row, place in assign((1.0 - worth).tolist()) if alike[row, place] >= _SAME]
        claims = dict(pairs)
        for row, place in pairs:
            better = int(alike[:, place].argmax())
            if better == row or better not in claims or alike[better, place] < _CLEARLY * alike[row, place]:
                continue
            if belongs(bodies[claims[better]], bodies[place], self._people[better].stature_px, self._layout):
                del claims[row]
        return {self._people[row]: (place, bodies[place]) for row, place in claims.items()}

    def _similarity(self, bodies: Sequence[Body], t_s: float) -> NDArray[np.float64]:
        """(T, P): the better of keypoints alike and, at a discount, bodies at the expected place.

        Keypoints count half where they lie as near as steady motion brings them, half where a fall could.
        """
        found = np.array([body.rows for body in bodies])
        found_xy, found_seen = found[..., :2], found[..., 2] > 0
        known_xy = np.stack([person.expected(t_s) for person in self._people])
        known_seen = np.stack([person.remembered(t_s) for person in self._people])
        statures = np.array([person.stature_px for person in self._people])
        unseen_s = np.array([t_s - person.seen_s for person in self._people])
        gap, common = similarity.gaps(known_xy, known_seen, found_xy, found_seen)
        steady = np.minimum(_DRIFT + _DRIFT_PER_S * unseen_s, _DRIFT_MOST)
        sudden = np.minimum(_DRIFT + _FALL_PER_S * unseen_s, _DRIFT_MOST)
        alike = 0.5 * sum(
            similarity.alike(gap, common, statures[:, None] * np.hypot(0.4 * self._sigmas, drift[:, None]))
            for drift in (steady, sudden)
        )
        place = similarity.near(
            similarity.centres(known_xy, known_seen),
            similarity.centres(found_xy, found_seen),
            statures * (0.1 + sudden),
        )
        sizes = np.minimum(found_seen.sum(axis=1) / _BODY_KEYPOINTS, 1.0)
        both: NDArray[np.float64] = np.maximum(alike, 0.5 * place * sizes)
        return both

    def _add_new(self, free: Sequence[Body], claimed: dict["_Known", Body], t_s: float) -> None:
        """Begin a tentative person for every body of some size that doesn't lie on somebody known."""
        for body in assembled(free, self._layout):
            height = stature(body.rows, self._layout)
            if body.seen < self._settings.min_keypoints or height is None:
                continue
            if any(
                person.covers(body.rows) and not distinct(body, whole, person.stature_px)
                for person, whole in claimed.items()
            ):
                continue
            self._people.append(_Known(next(self._ids), body, height, t_s, self._layout, self._settings))

    def _drop_doubles(self, claimed: dict["_Known", Body], t_s: float) -> list[Person]:
        """Forget parts of somebody that pass for somebody: they have never been seen apart, or are a few keypoints."""
        doubles = set()
        for person, body in claimed.items():
            covered = any(
                other.outweighs(person) and other not in doubles and self._lies_on(body, other, whole)
                for other, whole in claimed.items()
                if other is not person
            )
            person.note_company(covered, t_s)
            if covered and person.is_double(t_s):
                doubles.add(person)
        return self._without(doubles, t_s)

    def _lies_on(self, body: Body, other: "_Known", whole: Body) -> bool:
        """Whether a body may be a part of somebody: within them, or what they lack."""
        if other.covers(body.rows):
            return not distinct(body, whole, other.stature_px)
        return complementary(whole, body, other.stature_px, self._layout)

    def _give_up(self, t_s: float) -> list[Person]:
        """Forget those who were lost for too long."""
        limits = {True: self._settings.max_lost_s, False: self._settings.tentative_lost_s}
        return self._without({person for person in self._people if t_s - person.seen_s > limits[person.confirmed]}, t_s)

    def _forget_all(self, t_s: float) -> list[Person]:
        return self._without(set(self._people), t_s)

    def _without(self, over: set["_Known"], t_s: float) -> list[Person]:
        """Let go of some, and tell of those who were told of before, so that nobody else remembers them either."""
        gone = [person.value(t_s, TrackState.GONE) for person in self._people if person in over and person.confirmed]
        self._people = [person for person in self._people if person not in over]
        return gone


class _Known:
    """One person inside the tracker."""

    def __init__(
        self, number: int, body: Body, stature_px: float, t_s: float, layout: str, settings: TrackerSettings
    ) -> None:
        self.id = number
        self.stature_px = stature_px
        self.first_s = self.seen_s = t_s
        self.confirmed = settings.confirm_s <= 0
        self.weight = float(body.seen)
        self.apart_s = 0.0
        self.covered_since_s = math.inf
        self._company_s = t_s
        self._layout = layout
        self._settings = settings
        self._filter = KeypointFilter(len(body.rows), settings.smoothing) if settings.smoothing else None
        self._pose = body.pose()
        self._xy = self._pose.keypoints[:, :2].astype(float)
        self._at_s = np.where(self._pose.seen, t_s, -math.inf)
        self._velocity = np.zeros(2)
        self._box = self._grown_box(t_s)
        if self._filter:
            self._filter.update(self._pose.keypoints, t_s, stature_px)

    def expected(self, t_s: float) -> NDArray[np.float64]:
        """(K, 2) where the keypoints should be by now."""
        coasted_s = _COAST_S * (1 - math.exp(-(t_s - self.seen_s) / _COAST_S))
        moved: NDArray[np.float64] = self._xy + self._velocity * coasted_s
        return moved

    def remembered(self, t_s: float) -> NDArray[np.bool_]:
        """(K,) which of them are worth comparing: those seen of late, before the person was lost."""
        fresh: NDArray[np.bool_] = self._at_s >= min(self.seen_s, t_s) - _REMEMBER_S
        return fresh

    def outweighs(self, other: "_Known") -> bool:
        """Whether of two that lie on each other this is the one to keep."""
        return (self.apart_s >= _APART_S, self.weight, -self.id) > (other.apart_s >= _APART_S, other.weight, -other.id)

    def covers(self, rows: Rows) -> bool:
        """Whether most keypoints of a body lie within this one."""
        left, top, right, bottom = self._box
        mine = [row for row in rows if row[2] > 0]
        return sum(left <= row[0] <= right and top <= row[1] <= bottom for row in mine) > 0.6 * len(mine)

    def note_company(self, covered: bool, t_s: float) -> None:
        """Remember whether this one was seen apart from everybody else, and since when it is not."""
        if covered:
            self.covered_since_s = min(self.covered_since_s, t_s)
        else:
            self.apart_s += min(t_s - self._company_s, 0.2)
            self.covered_since_s = math.inf
        self._company_s = t_s

    def is_double(self, t_s: float) -> bool:
        """Whether this one, which lies on somebody, is a part of them."""
        if self.apart_s < _APART_S:
            return True
        return self.weight <= _PART_KEYPOINTS and t_s - self.covered_since_s >= _PART_S

    def advance(self, body: Body | None, t_s: float) -> None:
        """Take this frame's pose, or none."""
        if body is None:
            return
        elapsed_s = max(t_s - self.seen_s, 1e-3)
        pose = body.pose()
        seen = pose.seen
        self._move(pose, seen, elapsed_s)
        self._xy += self._velocity * min(elapsed_s, _COAST_S)  # what is hidden moves with the rest
        self._xy[seen] = pose.keypoints[seen, :2]
        self._at_s[seen] = t_s
        self._resize(body, elapsed_s)
        self._box = self._grown_box(t_s)
        self.weight += (1 - math.exp(-elapsed_s)) * (body.seen - self.weight)
        self.seen_s = t_s
        self.confirmed = self.confirmed or t_s - self.first_s >= self._settings.confirm_s
        if self._filter:
            pose = Pose(self._filter.update(pose.keypoints, t_s, self.stature_px), pose.score)
        self._pose = pose

    def value(self, t_s: float, state: TrackState | None = None) -> Person:
        """As the others may see it."""
        shown = state or (TrackState.CONFIRMED if self.seen_s >= t_s else TrackState.LOST)
        return Person(self.id, self._pose, shown, self.first_s, self.seen_s, self.stature_px)

    def _grown_box(self, t_s: float) -> tuple[float, float, float, float]:
        """Around the keypoints seen of late, a little larger."""
        late = self._xy[self._at_s >= t_s - _REMEMBER_S]
        margin = _MARGIN * self.stature_px
        (left, top), (right, bottom) = late.min(axis=0).tolist(), late.max(axis=0).tolist()
        return left - margin, top - margin, right + margin, bottom + margin

    def _move(self, pose: Pose, seen: NDArray[np.bool_], elapsed_s: float) -> None:
        """The speed of the body, from keypoints that were seen in both frames."""
        both = seen & (self._at_s >= self.seen_s)
        if both.any():
            steps = np.sort(pose.keypoints[both, :2] - self._xy[both], axis=0)
            step = steps[len(steps) // 2] / elapsed_s  # the median, in a quarter of np.median's time
            self._velocity += (1 - math.exp(-elapsed_s / _SPEED_S)) * (step - self._velocity)
        else:
            self._velocity *= math.exp(-elapsed_s / _COAST_S)

    def _resize(self, body: Body, elapsed_s: float) -> None:
        said = stature(body.rows, self._layout)
        if said is not None:
            follow_s = _GROW_S if said > self.stature_px else _SHRINK_S
            if upright(body.rows, self._layout):
                follow_s = _UPRIGHT_S
            self.stature_px += (1 - math.exp(-elapsed_s / follow_s)) * (said - self.stature_px)
