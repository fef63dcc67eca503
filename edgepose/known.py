"""What the tracker remembers of a person, and what a frame changes of it, for everybody in the frame at once.

Whatever is done keypoint by keypoint, the compiled kernel of cython_ext/_bodies.pyx does: how bodies resemble people,
how people move, how tall they are, one-euro smoothing, and the box around what was seen of late.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edgepose._bodies import LIMITS, Bodies
from edgepose.anthropometry import groups, segments, sigmas
from edgepose.assembly import Body
from edgepose.smoothing import OneEuroSettings, averaged

Doubles = NDArray[np.float64]
Box = tuple[float, float, float, float]
Facts = tuple[float, float, float, float]
"""When somebody was seen last, their stature, velocity."""

_REACH = 0.4
"""Statures: nothing further away from all that is seen of somebody is a part of them."""
_APART_S = 0.4
"""Whoever was seen apart from everybody else for so long is a person of their own."""
_WEIGHED_S = 1.0
"""How much of a body is seen is averaged over so long."""
_RIVAL = 0.6
"""A body that fits somebody else so well, beside whom it is given to, may be a mixture of both, or the other's."""
_RESEMBLES = 0.5
"""More than a body's place alone is worth: its keypoints are where somebody's are expected."""
_CLEAR_S = 1.0
"""How somebody was before they met another counts so long; after that they have become who they are taken for."""
_PART_KEYPOINTS, _PART_S = 7, 0.8
"""So few keypoints that lie on somebody for so long are theirs, whosever they were before."""


class Known:
    """One person inside the tracker."""

    def __init__(self, number: int, body: Body, stature_px: float, t_s: float) -> None:
        self.id = number
        self.stature_px = stature_px
        self.first_s = self.seen_s = t_s
        self.confirmed = False
        self.weight = float(body.seen)
        self.apart_s = 0.0
        self.covered_since_s = math.inf
        self.keypoints = body.keypoints
        """(K, 3) as they are told, smoothed."""
        self.score = body.score
        self.velocity = (0.0, 0.0)
        """Of the body, pixels a second."""
        self.memory = _first_memory(body, t_s)
        """(K, 7) of each keypoint, as the kernel keeps it: where it was last, when that was, and its smoothing."""
        self.box = _box_of(body, LIMITS["margin"] * stature_px)
        self.mistakable = False
        """Whether the body that they were given last could as well be somebody else's."""
        self.clear = self.memory, self.facts
        """What was remembered when they were last surely seen: bodies of people who pass each other are mixtures."""
        self._company_s = t_s

    @property
    def facts(self) -> Facts:
        """As the kernel keeps them."""
        return self.seen_s, self.stature_px, *self.velocity

    def outweighs(self, other: "Known") -> bool:
        """Whether of two that lie on each other this is the one to keep."""
        return (self._was_apart, self.weight, -self.id) > (other._was_apart, other.weight, -other.id)

    @property
    def own(self) -> bool:
        """Whether this is surely a person of their own, and no part of somebody."""
        return self.confirmed and self._was_apart and self.weight > _PART_KEYPOINTS

    @property
    def _was_apart(self) -> bool:
        return self.apart_s >= _APART_S

    def covers(self, body: Body) -> bool:
        """Whether most keypoints of a body lie within this one."""
        left, top, right, bottom = self.box
        inside = sum([left <= x <= right and top <= y <= bottom and seen > 0 for x, y, seen in body.rows])
        return inside > 0.6 * body.seen

    def meets(self, other: "Known") -> bool:
        """Whether the other is so near that they could be a part of this one."""
        (left, top, right, bottom), there = self.box, other.box
        reach = _REACH * self.stature_px
        return (
            left - reach <= there[2]
            and there[0] <= right + reach
            and top - reach <= there[3]
            and there[1] <= bottom + reach
        )

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


def kernel(layout: str, smoothing: OneEuroSettings | None) -> Bodies:
    """The kernel for bodies of a layout, which says where their bones are."""
    first, second, shares = zip(*segments(layout), strict=True)
    levels = np.zeros(len(sigmas(layout)), np.int32)
    for number, level in enumerate(("shoulders", "hips", "knees"), start=1):
        levels[list(groups(layout)[level])] = number
    bones = np.array((first, second), np.int32).T.copy()
    return Bodies(bones, np.array(shares), levels, np.array(sigmas(layout)), smoothing)


def alike(bodies: Bodies, people: Sequence[Known], found: Sequence[Body], t_s: float) -> Doubles:
    """(N, P) 0 to 1: how well found bodies fit people, by the better of their keypoints and their place.

    Source: the object keypoint similarity of COCO's keypoint evaluation, with a spread that grows with the time since
    somebody was seen. Whoever was mistakable of late is told by how they were and moved before, but for bodies that
    are like nobody's before: so they have moved otherwise since, as in a fall.
    """
    keypoints = np.array([body.keypoints for body in found])
    likeness = bodies.alike(_memory(people), _facts(people), keypoints, t_s)
    mixed = [row for row, person in enumerate(people) if person.mistakable]
    if mixed:
        memory, facts = (np.array(part) for part in zip(*(people[row].clear for row in mixed), strict=True))
        before = bodies.alike(memory, facts, keypoints, t_s)
        share = np.exp((facts[:, :1] - t_s) / _CLEAR_S) * (before.max(axis=0) > _RESEMBLES)
        likeness[mixed] += share * (before - likeness[mixed])
    return likeness


def note_mistakable(people: Sequence[Known], likeness: Doubles, claims: Mapping[int, int]) -> None:
    """Remember whose bodies could be somebody else's; claims: the columns of `likeness` by its rows, `people`."""
    fits: list[list[float]] = likeness.tolist()
    surely = [row for row, person in enumerate(people) if person.own]
    for row, place in claims.items():
        rivals = [other for other in surely if other != row]
        of_theirs = [fits[other][place] for other in rivals]
        of_them = [fits[row][claims[other]] for other in rivals if other in claims]
        people[row].mistakable = max(of_theirs + of_them, default=0.0) > _RIVAL * fits[row][place]


def advance(bodies: Bodies, claimed: Mapping[Known, Body], t_s: float) -> None:
    """Take this frame's pose of everybody who has one."""
    if not claimed:
        return
    memory, facts = _memory(claimed), _facts(claimed)
    told, boxes = bodies.advance(memory, facts, np.array([body.keypoints for body in claimed.values()]), t_s)
    after = zip(claimed.items(), memory, facts.tolist(), told, boxes.tolist(), strict=True)
    for (person, body), remembered, (_, stature_px, x, y), keypoints, box in after:
        person.memory, person.stature_px, person.velocity, person.box = remembered, stature_px, (x, y), tuple(box)
        elapsed_s = max(t_s - person.seen_s, 1e-3)
        person.weight = averaged(person.weight, body.seen, elapsed_s / _WEIGHED_S)
        person.seen_s, person.keypoints, person.score = t_s, keypoints, body.score
        if not person.mistakable:
            person.clear = person.memory, person.facts


def _memory(people: Iterable[Known]) -> Doubles:
    """(N, K, 7) of everybody."""
    return np.array([person.memory for person in people])


def _facts(people: Iterable[Known]) -> Doubles:
    """(N, 4) of everybody."""
    return np.array([person.facts for person in people])


def _first_memory(body: Body, t_s: float) -> Doubles:
    """(K, 7) of somebody seen for the first time: at rest where they are."""
    xy = body.keypoints[:, :2]
    at_s = np.where(body.keypoints[:, 2] > 0, t_s, -math.inf)
    return np.column_stack((xy, at_s, xy, np.zeros_like(xy))).astype(float)


def _box_of(body: Body, margin_px: float) -> Box:
    """Around the keypoints that are seen, a little larger."""
    seen = [row for row in body.rows if row[2] > 0]
    xs, ys = [row[0] for row in seen], [row[1] for row in seen]
    return min(xs) - margin_px, min(ys) - margin_px, max(xs) + margin_px, max(ys) + margin_px
