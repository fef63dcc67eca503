"""What the tracker remembers of a person, and what a frame changes of it, for everybody in the frame at once.

Arrays of several people are put together for each frame: a few operations over all cost what those over one do.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edgepose.anthropometry import statures, upright
from edgepose.assembly import Body
from edgepose.domain import FloatArray
from edgepose.smoothing import KeypointFilter, OneEuroSettings, smoothed

Doubles = NDArray[np.float64]
Box = tuple[float, float, float, float]

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
_REACH = 0.4
"""Statures: nothing further away from all that is seen of somebody is a part of them."""
_APART_S = 0.4
"""Whoever was seen apart from everybody else for so long is a person of their own."""
_PART_KEYPOINTS, _PART_S = 7, 0.8
"""So few keypoints that lie on somebody for so long are theirs, whosever they were before."""


class Known:
    """One person inside the tracker."""

    def __init__(
        self, number: int, body: Body, stature_px: float, t_s: float, smoothing: OneEuroSettings | None
    ) -> None:
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
        self.xy = body.keypoints[:, :2].astype(float)
        """(K, 2) where each was last, moved along with the body while it is hidden."""
        self.at_s = np.where(body.keypoints[:, 2] > 0, t_s, -math.inf)
        self.velocity = np.zeros(2)
        self.filter = KeypointFilter(len(body.rows), smoothing) if smoothing else None
        self.box: Box = (0.0, 0.0, 0.0, 0.0)
        self._company_s = t_s

    def outweighs(self, other: "Known") -> bool:
        """Whether of two that lie on each other this is the one to keep."""
        return (self.apart_s >= _APART_S, self.weight, -self.id) > (other.apart_s >= _APART_S, other.weight, -other.id)

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


def expected(people: Sequence[Known], t_s: float) -> tuple[Doubles, NDArray[np.bool_]]:
    """(N, K, 2) where everybody's keypoints should be by now, and (N, K) which of them are worth comparing.

    Those are the ones seen of late, before their person was lost.
    """
    seen_s = np.array([person.seen_s for person in people])
    coasted_s = _COAST_S * (1 - np.exp(-(t_s - seen_s) / _COAST_S))
    velocity = np.array([person.velocity for person in people]) * coasted_s[:, None]
    xy: Doubles = np.array([person.xy for person in people]) + velocity[:, None]
    fresh: NDArray[np.bool_] = np.array([person.at_s for person in people]) >= (seen_s - _REMEMBER_S)[:, None]
    return xy, fresh


def advance(claimed: Mapping[Known, Body], t_s: float, layout: str) -> None:
    """Take this frame's pose of everybody who has one."""
    if not claimed:
        return
    people, bodies = list(claimed), list(claimed.values())
    keypoints = np.array([body.keypoints for body in bodies])
    seen = keypoints[..., 2] > 0
    elapsed_s = np.maximum([t_s - person.seen_s for person in people], 1e-3)
    velocity = _velocities(people, keypoints, seen, elapsed_s)
    xy = np.array([person.xy for person in people])
    xy += (velocity * np.minimum(elapsed_s, _COAST_S)[:, None])[:, None]  # what is hidden moves with the rest
    xy[seen] = keypoints[seen, :2]
    at_s = np.where(seen, t_s, np.array([person.at_s for person in people]))
    sizes = _sizes(people, keypoints, elapsed_s, layout)
    boxes = _boxes(xy, at_s >= t_s - _REMEMBER_S, sizes)
    filters = [person.filter for person in people if person.filter]
    told = smoothed(filters, keypoints, t_s, sizes) if filters else keypoints
    for place, (person, body) in enumerate(zip(people, bodies, strict=True)):
        person.velocity, person.xy, person.at_s = velocity[place], xy[place], at_s[place]
        person.stature_px, person.box = float(sizes[place]), boxes[place]
        person.weight += (1 - math.exp(-elapsed_s[place])) * (body.seen - person.weight)
        person.seen_s, person.keypoints, person.score = t_s, told[place], body.score


def begin(people: Sequence[Known], t_s: float) -> None:
    """The first frame of people who are new."""
    if not people:
        return
    keypoints = np.array([person.keypoints for person in people])
    sizes = np.array([person.stature_px for person in people])
    filters = [person.filter for person in people if person.filter]
    if filters:
        smoothed(filters, keypoints, t_s, sizes)
    boxes = _boxes(keypoints[..., :2].astype(float), keypoints[..., 2] > 0, sizes)
    for person, box in zip(people, boxes, strict=True):
        person.box = box


def _velocities(people: Sequence[Known], keypoints: FloatArray, seen: NDArray[np.bool_], elapsed_s: Doubles) -> Doubles:
    """(N, 2) speeds of the bodies, from keypoints that were seen in both frames; medians of them."""
    before_s = np.array([person.seen_s for person in people])
    both = seen & (np.array([person.at_s for person in people]) >= before_s[:, None])
    count = both.sum(axis=1)
    steps = np.where(both[..., None], keypoints[..., :2] - np.array([person.xy for person in people]), np.inf)
    steps.sort(axis=1)
    step = steps[np.arange(len(people)), count // 2] / elapsed_s[:, None]
    velocity = np.array([person.velocity for person in people])
    weight = 1 - np.exp(-elapsed_s / _SPEED_S)
    faded = np.exp(-elapsed_s / _COAST_S)
    told: Doubles = np.where(
        (count > 0)[:, None],
        velocity + weight[:, None] * (np.where(np.isfinite(step), step, 0.0) - velocity),
        velocity * faded[:, None],
    )
    return told


def _sizes(people: Sequence[Known], keypoints: FloatArray, elapsed_s: Doubles, layout: str) -> Doubles:
    """(N,) statures, pixels: as they were, drawn towards what the bones say now."""
    before = np.array([person.stature_px for person in people])
    said = statures(keypoints, layout)
    follow_s = np.where(upright(keypoints, layout), _UPRIGHT_S, np.where(said > before, _GROW_S, _SHRINK_S))
    share = 1 - np.exp(-elapsed_s / follow_s)
    sizes: Doubles = before + share * (np.where(np.isnan(said), before, said) - before)
    return sizes


def _boxes(xy: Doubles, late: NDArray[np.bool_], sizes: Doubles) -> list[Box]:
    """Around the keypoints seen of late, a little larger."""
    sides = np.concatenate((xy, -xy), axis=2)  # the last one is minus the first of minus
    sides[~late] = np.inf
    first = (np.minimum.reduce(sides, axis=1) - _MARGIN * sizes[:, None]).tolist()
    return [(left, top, -right, -bottom) for left, top, right, bottom in first]
