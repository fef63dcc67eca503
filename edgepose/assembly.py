"""Parts of one body into one pose: networks lose a limb's field more easily than its ends, most of all of people lying.

A part joins a body where it brings keypoints that the body lacks, agrees on those that both have, and lies so that no
bone would be longer than the person is tall.
"""

import math
from collections.abc import Sequence

import numpy as np

from edgepose.anthropometry import Rows, segments, stature
from edgepose.domain import FloatArray, Pose

_AGREE = 0.12
"""Of the stature: keypoints of one name closer than this are the same."""
_STRETCH = 1.35
"""A bone may be so much longer than its share of the stature, which is known roughly."""
_REACH = 0.30
"""Of the stature: how far a part without a common bone may lie from the body."""
_MANY = 6
"""Keypoints in common that tell two people apart."""
_CLASHES = 0.34
"""Of the common keypoints, at most so many may disagree."""


class Body:
    """A pose on the way to being whole."""

    def __init__(self, rows: Rows, score: float, keypoints: FloatArray | None = None) -> None:
        """rows: x, y, confidence of each keypoint; keypoints: the same as (K, 3) float32, where it is there already."""
        self.rows = rows
        self.score = score
        self.keypoints: FloatArray = np.array(rows, np.float32) if keypoints is None else keypoints
        self.seen = sum([seen > 0 for _, _, seen in rows])
        """How many keypoints."""

    @classmethod
    def all_of(cls, poses: Sequence[Pose], least: float = 0.0) -> list["Body"]:
        """Poses as they came; keypoints less sure than `least` are guesses, not seen; whole poses of them are none."""
        if not poses:
            return []
        keypoints = np.array([pose.keypoints for pose in poses], np.float32)
        confidence = keypoints[..., 2]
        guessed = (confidence < least) & (confidence > 0)
        if guessed.any():
            keypoints[guessed] = 0.0
        whole = zip(keypoints.tolist(), poses, keypoints, strict=True)
        bodies = [cls(rows, pose.score, of_one) for rows, pose, of_one in whole]
        return [body for body in bodies if body.seen]

    def pose(self) -> Pose:
        """Back into a pose."""
        return Pose(self.keypoints, self.score)


def belongs(body: Body, part: Body, stature_px: float, layout: str) -> bool:
    """Whether a part is of the same person as a body."""
    both = [(a, b) for a, b in zip(body.rows, part.rows, strict=True) if a[2] > 0 and b[2] > 0]
    apart = sum(_distance(a, b) > _AGREE * stature_px for a, b in both)
    if both and apart > _CLASHES * len(both):
        return False
    if len(both) - apart >= 2:
        return True
    lengths = [
        _distance(a, b) / (share * stature_px)
        for first, second, share in segments(layout)
        for a, b in ((body.rows[first], part.rows[second]), (part.rows[first], body.rows[second]))
        if a[2] > 0 and b[2] > 0
    ]
    if lengths:
        return min(lengths) <= _STRETCH and max(lengths) <= 1.3 * _STRETCH
    return _gap(body.rows, part.rows) <= _REACH * stature_px


def distinct(body: Body, other: Body, stature_px: float) -> bool:
    """Whether two bodies are surely two people: many keypoints in common, and most of them elsewhere."""
    gaps = [_distance(a, b) for a, b in zip(body.rows, other.rows, strict=True) if a[2] > 0 and b[2] > 0]
    return len(gaps) >= _MANY and sum(gap > _AGREE * stature_px for gap in gaps) > 0.7 * len(gaps)


def complementary(body: Body, part: Body, stature_px: float, layout: str) -> bool:
    """Whether two bodies have no keypoint in common and fit together as one."""
    common = any(a[2] > 0 and b[2] > 0 for a, b in zip(body.rows, part.rows, strict=True))
    return not common and belongs(body, part, stature_px, layout)


def joined(body: Body, part: Body) -> Body:
    """Both as one; of a keypoint that both have, the surer one."""
    rows = [a if a[2] >= b[2] else b for a, b in zip(body.rows, part.rows, strict=True)]
    return Body(rows, max(body.score, part.score))


def assembled(parts: Sequence[Body], layout: str) -> list[Body]:
    """Parts that no known person claims, joined among themselves; largest first."""
    bodies: list[Body] = []
    for part in sorted(parts, key=lambda part: (part.seen, part.score), reverse=True):
        for place, body in enumerate(bodies):
            height = stature(body.rows, layout)
            if height is not None and belongs(body, part, height, layout):
                bodies[place] = joined(body, part)
                break
        else:
            bodies.append(part)
    return bodies


def _gap(body: Rows, part: Rows) -> float:
    """Smallest distance between a keypoint of the one and one of the other, pixels."""
    return min(_distance(a, b) for a in body if a[2] > 0 for b in part if b[2] > 0)


def _distance(a: Sequence[float], b: Sequence[float]) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])
