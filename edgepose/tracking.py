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

from edgepose.anthropometry import stature
from edgepose.assembly import Body, assembled, belongs, complementary, distinct, joined
from edgepose.assignment import assign
from edgepose.domain import Pose, Track
from edgepose.known import Known, advance, alike, kernel, note_mistakable
from edgepose.smoothing import OneEuroSettings


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
    earlier: tuple["Person", ...] = ()
    """As they were seen while tentative, oldest first; told once, in the frame that confirms them."""

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
    least_confidence: float = 0.1
    """A keypoint less sure than that was guessed from the others, and is not seen."""
    smoothing: OneEuroSettings | None = field(default_factory=OneEuroSettings)
    """None: keypoints as they are measured."""


_SAME = 0.2
"""Least similarity at which a pose is given to a person."""
_EARLIER_S = 1.5
"""How much of what was seen of somebody tentative is told later, at most: more than a fall takes."""
_CLEARLY = 1.3
"""A pose that fits one person so many times better than another is no claim of the other's."""


class Tracker:
    """Poses in, people with ids out. Serves one camera."""

    def __init__(self, layout: str, settings: TrackerSettings | None = None) -> None:
        """layout: keypoint order of the poses, a key of edgepose.skeleton.LAYOUTS."""
        self._layout = layout
        self._settings = settings or TrackerSettings()
        self._bodies = kernel(layout, self._settings.smoothing)
        self._people: list[Known] = []
        self._earlier: dict[int, list[Person]] = {}
        self._ids = count(1)
        self._now_s = -math.inf

    def update(self, poses: Sequence[Pose], t_s: float, *, cut: bool = False) -> tuple[Person, ...]:
        """Everybody as of this frame, by id: confirmed and lost people, and once those just gone; not tentative ones.

        t_s: seconds, monotonic; where it goes back, a clip has begun again and everybody is forgotten. cut: the camera
        shows another scene from this frame on, and everybody is forgotten as well.
        """
        gone = self._forget_all(t_s) if cut or t_s <= self._now_s else []
        self._now_s = t_s
        least = self._settings.least_confidence
        claimed, free = self._shared_out(Body.all_of(poses, least), t_s)
        advance(self._bodies, claimed, t_s)
        for person in claimed:
            person.confirmed = person.confirmed or t_s - person.first_s >= self._settings.confirm_s
        gone += self._drop_doubles(claimed, t_s)
        self._add_new(free, claimed, t_s)
        gone += self._give_up(t_s)
        told = tuple(self._told(person, t_s) for person in self._people if person.confirmed)
        self._remember_tentative(t_s)
        return tuple(gone) + told

    def _told(self, person: Known, t_s: float, state: TrackState | None = None) -> Person:
        """As the others may see it."""
        shown = state or (TrackState.CONFIRMED if person.seen_s >= t_s else TrackState.LOST)
        pose = Pose(person.keypoints, person.score)
        earlier = tuple(self._earlier.pop(person.id, ())) if person.confirmed else ()
        return Person(person.id, pose, shown, person.first_s, person.seen_s, person.stature_px, earlier)

    def _remember_tentative(self, t_s: float) -> None:
        """Keep how people are seen who may turn out to be somebody: a fall may begin before they are believed."""
        before = self._earlier
        self._earlier = {}
        for person in self._people:
            if not person.confirmed:
                sights = [sight for sight in before.get(person.id, ()) if sight.seen_s >= t_s - _EARLIER_S]
                if person.seen_s >= t_s:
                    sights.append(self._told(person, t_s, TrackState.TENTATIVE))
                self._earlier[person.id] = sights

    def _shared_out(self, bodies: Sequence[Body], t_s: float) -> tuple[dict[Known, Body], list[Body]]:
        """Each person's pose, made whole from its parts, and the poses that are nobody's."""
        if not bodies or not self._people:
            return {}, list(bodies)
        likeness = alike(self._bodies, self._people, bodies, t_s)
        claims = self._claims(bodies, likeness)
        note_mistakable(self._people, likeness, claims)
        whole = {self._people[row]: bodies[place] for row, place in claims.items()}
        free = []
        for place in sorted(set(range(len(bodies))) - set(claims.values()), key=lambda place: -bodies[place].seen):
            part = bodies[place]
            for row in np.argsort(-likeness[:, place]).tolist():
                person = self._people[row]
                if person in whole and belongs(whole[person], part, person.stature_px, self._layout):
                    whole[person] = joined(whole[person], part)
                    break
            else:
                free.append(part)
        return whole, free

    def _claims(self, bodies: Sequence[Body], likeness: NDArray[np.float64]) -> dict[int, int]:
        """For each person, by row, the column of the largest pose that fits, unless rather a part of somebody else."""
        sizes = np.array([min(1.0, (body.seen + 2) / 12) for body in bodies])
        worth = np.where(likeness >= _SAME, likeness * sizes, 0.0)
        pairs = _paired(worth)
        claims = dict(pairs)
        fits_best = likeness.argmax(axis=0).tolist()
        for row, place in pairs:
            better = fits_best[place]
            if better == row or better not in claims or likeness[better, place] < _CLEARLY * likeness[row, place]:
                continue
            if belongs(bodies[claims[better]], bodies[place], self._people[better].stature_px, self._layout):
                del claims[row]
        return claims

    def _add_new(self, free: Sequence[Body], claimed: dict[Known, Body], t_s: float) -> None:
        """Begin a tentative person for every body of some size that doesn't lie on somebody known."""
        for body in assembled(free, self._layout):
            height = stature(body.rows, self._layout)
            if body.seen < self._settings.min_keypoints or height is None:
                continue
            if any(
                person.covers(body) and not distinct(body, whole, person.stature_px)
                for person, whole in claimed.items()
            ):
                continue
            self._people.append(Known(next(self._ids), body, height, t_s))
            self._people[-1].confirmed = self._settings.confirm_s <= 0

    def _drop_doubles(self, claimed: dict[Known, Body], t_s: float) -> list[Person]:
        """Forget parts of somebody that pass for somebody: they have never been seen apart, or are a few keypoints."""
        doubles = set()
        for person, body in claimed.items():
            covered = any(
                other.outweighs(person) and other not in doubles and self._lies_on(body, other, whole)
                for other, whole in claimed.items()
                if other is not person and other.meets(person)
            )
            person.note_company(covered, t_s)
            if covered and person.is_double(t_s):
                doubles.add(person)
        return self._without(doubles, t_s)

    def _lies_on(self, body: Body, other: Known, whole: Body) -> bool:
        """Whether a body may be a part of somebody: within them, or what they lack."""
        if other.covers(body):
            return not distinct(body, whole, other.stature_px)
        return complementary(whole, body, other.stature_px, self._layout)

    def _give_up(self, t_s: float) -> list[Person]:
        """Forget those who were lost for too long."""
        limits = {True: self._settings.max_lost_s, False: self._settings.tentative_lost_s}
        return self._without({person for person in self._people if t_s - person.seen_s > limits[person.confirmed]}, t_s)

    def _forget_all(self, t_s: float) -> list[Person]:
        return self._without(set(self._people), t_s)

    def _without(self, over: set[Known], t_s: float) -> list[Person]:
        """Let go of some, and tell of those who were told of before, so that nobody else remembers them either."""
        gone = [
            self._told(person, t_s, TrackState.GONE) for person in self._people if person in over and person.confirmed
        ]
        self._people = [person for person in self._people if person not in over]
        return gone


def _paired(worth: NDArray[np.float64]) -> list[tuple[int, int]]:
    """(row, column) of the one-to-one pairs worth most together; those worth nothing are left out."""
    rows = np.flatnonzero(worth.any(axis=1))
    best = worth[rows].argmax(axis=1).tolist()
    if len(set(best)) == len(best):  # nobody's best is anybody else's: as nearly always, and surely the most
        return list(zip(rows.tolist(), best, strict=True))
    return [(row, place) for row, place in assign((1.0 - worth).tolist()) if worth[row, place] > 0]
