"""Turned squares of a picture in which a hand, a face or a foot is looked for.

Sizes come from body proportions: Drillis & Contini 1966, as printed in D. A. Winter, Biomechanics and Motor Control of
Human Movement, fig. 4.1 (hand 0.108 of the stature, forearm 0.146, foot 0.152, shank 0.246, head 0.130).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgepose import _crop
from edgepose.domain import ByteArray, FloatArray

_HAND, _FOREARM, _SHANK = 0.108, 0.146, 0.246
"""Shares of the stature."""
_HAND_SIDE = 1.5
"""Side of a hand's crop in hand lengths. On rendered hands the published network's points are off by 0.048 of that
length with 1.5, by 0.068 with 1.95 and by 0.083 with 2.1, where presence falls too."""
_FACE_SIDE = 1.55
"""Side of a face's crop, in ear-to-ear widths."""
_FACE_DOWN = 0.25
"""How far below the eyes its middle is, in the same widths; chosen on rendered ones, as the shares of nose and ears."""
_FOOT_SIDE = 1.4
"""Side of a foot's crop, in shanks: a foot is 0.62 of one, and comes nearer to the camera than the shank."""
_LEAST_ANKLE = 0.3
"""Confidence of an ankle at least; fainter ones often lie on the other leg."""
_ONE_ANKLE = 0.1
"""Shanks: ankles nearer to each other than so are one."""
_LEAST_PX = 12.0
"""A crop smaller than this shows nothing."""
_MOST_TAPS = 6
_PALM = [0, 5, 9, 13]
"""A hand's wrist and three of its knuckles."""
Point = Sequence[float]
"""x, y, confidence: plain numbers, which a few sums take much less time with than arrays."""
Points = Mapping[str, Point]
"""Keypoints by name; only those that were found."""


@dataclass(frozen=True)
class Crop:
    """A square of the picture."""

    x: float
    """Of its centre, pixels; the first pixel's centre is 0."""
    y: float
    side: float
    """Pixels."""
    angle: float = 0.0
    """Radians by which its upward direction is turned clockwise from the picture's."""
    mirrored: bool = False
    """Whether left and right are exchanged, so that a left foot looks like a right one."""

    def pixels(self, picture: ByteArray, size: int, scale: float = 1.0) -> ByteArray:
        """(size, size, 3) uint8 of the crop, black outside the picture.

        scale: how much smaller than the frame, which the crop is measured in, the picture is.
        """
        out = np.empty((size, size, 3), np.uint8)
        taps = min(_MOST_TAPS, max(1, round(self.side * scale / size)))
        _crop.cut(picture, self._affine(size, scale), taps, out)
        return out

    def to_frame(self, uv: FloatArray) -> FloatArray:
        """(…, 2) places in the crop, 0 to 1 from its top left corner, as pixels of the frame."""
        right, down = self._axes(self.side)
        corner = (self.x - 0.5 * (right[0] + down[0]), self.y - 0.5 * (right[1] + down[1]))
        xy: FloatArray = uv @ np.array((right, down), np.float32) + np.array(corner, np.float32)
        return xy.astype(np.float32, copy=False)

    def to_crop(self, xy: FloatArray) -> FloatArray:
        """(…, 2) pixels of the frame as places in the crop."""
        (a, b), (c, d) = self._axes(1 / self.side)
        away = xy - np.array((self.x, self.y), np.float32)
        uv: FloatArray = away @ np.array(((a, c), (b, d)), np.float32) + np.float32(0.5)
        return uv.astype(np.float32, copy=False)

    def moved(self, x: float, y: float) -> "Crop":
        """The same square somewhere else."""
        return replace(self, x=self.x + x, y=self.y + y)

    def _axes(self, length: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """Vectors of a length in the frame along which the crop's columns and rows count."""
        cosine, sine = length * math.cos(self.angle), length * math.sin(self.angle)
        return (-cosine, -sine) if self.mirrored else (cosine, sine), (-sine, cosine)

    def _affine(self, size: int, scale: float) -> NDArray[np.float64]:
        right, down = self._axes(self.side * scale / size)
        x, y = ((middle + 0.5) * scale - 0.5 for middle in (self.x, self.y))
        back = 0.5 - size / 2
        corner = (x + (right[0] + down[0]) * back, y + (right[1] + down[1]) * back)
        return np.array((right[0], down[0], corner[0], right[1], down[1], corner[1]))


def expected(name: str, points: Points, stature_px: float) -> Crop | None:
    """Where a part should be: `face`, `left_hand`, `right_foot` and so on; None where the body does not say."""
    side, _, part = name.partition("_")
    if part == "hand":
        return hand(points, side, stature_px)
    if part == "foot":
        return foot(points, side, stature_px)
    return face(points, stature_px)


def hand(points: Points, side: str, stature_px: float) -> Crop | None:
    """Where a hand should be: beyond the wrist, on the line from the elbow, left ones mirrored.

    None where these two were not found.
    """
    wrist, elbow = points.get(f"{side}_wrist"), points.get(f"{side}_elbow")
    if wrist is None or elbow is None:
        return None
    along = wrist[0] - elbow[0], wrist[1] - elbow[1]
    forearm = math.hypot(*along)
    # A forearm that points at the camera looks short; the hand need not.
    length = max(forearm * _HAND / _FOREARM, 0.9 * stature_px * _HAND)
    way = along[0] / max(forearm, 1e-6), along[1] / max(forearm, 1e-6)
    on = 0.5 * min(length, 1.5 * forearm * _HAND / _FOREARM)
    angle = math.atan2(way[0], -way[1])
    x, y = wrist[0] + on * way[0], wrist[1] + on * way[1]
    return _usable(Crop(x, y, _HAND_SIDE * length, angle, mirrored=side == "left"))


def hand_seen(keypoints: FloatArray, side: str) -> Crop | None:
    """The square around a hand (21, 3) that was found: upright along wrist to fingers, as its network has learned.

    After the crops of MediaPipe Hands (Zhang et al., 2020): the direction from the wrist to the knuckles is up.
    """
    (x, y), *knuckles = keypoints[_PALM, :2].tolist()
    way = _mean([knuckle[0] for knuckle in knuckles]) - x, _mean([knuckle[1] for knuckle in knuckles]) - y
    if math.hypot(*way) < 1e-3:
        return None
    return _around(keypoints[:, :2], math.atan2(way[0], -way[1]), 1.9, mirrored=side == "left")


def _around(xy: FloatArray, angle: float, wider: float, above: float = 0.0, *, mirrored: bool = False) -> Crop | None:
    """The square turned by an angle around all places, so many times as wide as they reach.

    above: how far they really reach up beyond their highest, in heights of theirs.
    """
    uv = Crop(0.0, 0.0, 1.0, angle).to_crop(xy)
    (left, top), (right, bottom) = uv.min(axis=0).tolist(), uv.max(axis=0).tolist()
    top -= above * (bottom - top)
    u, v = 0.5 * (left + right) - 0.5, 0.5 * (top + bottom) - 0.5
    cosine, sine = math.cos(angle), math.sin(angle)
    x, y = cosine * u - sine * v, sine * u + cosine * v
    return _usable(Crop(x, y, wider * max(right - left, bottom - top), angle, mirrored))


def face(points: Points, stature_px: float) -> Crop | None:
    """Where a face should be, from nose, eyes and ears; None for somebody who is seen from behind."""
    nose = points.get("nose")
    if nose is None:
        return None
    left_eye, right_eye = points.get("left_eye"), points.get("right_eye")
    left_ear, right_ear = points.get("left_ear"), points.get("right_ear")
    if left_eye is None and right_eye is None:
        return None
    angle = _roll(left_eye, right_eye)
    width = _face_width(left_eye, right_eye, left_ear, right_ear, nose)
    width = max(width, 0.6 * stature_px * 0.13) if stature_px else width
    x, y = _middle([eye for eye in (left_eye, right_eye) if eye is not None])
    cosine, sine = math.cos(angle), math.sin(angle)
    aside = 0.5 * (cosine * (nose[0] - x) + sine * (nose[1] - y))
    if left_ear is not None and right_ear is not None:
        ears = _middle([left_ear, right_ear])
        aside += 0.3 * (cosine * (ears[0] - x) + sine * (ears[1] - y))
    # Nose and ears tell how far a head is turned aside, but not how far down the face reaches: from below they lie
    # higher than the eyes.
    down = _FACE_DOWN * width
    return _usable(Crop(x + aside * cosine - down * sine, y + aside * sine + down * cosine, _FACE_SIDE * width, angle))


def _middle(points: Sequence[Point]) -> tuple[float, float]:
    return _mean([point[0] for point in points]), _mean([point[1] for point in points])


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def _roll(left_eye: Point | None, right_eye: Point | None) -> float:
    if left_eye is None or right_eye is None:
        return 0.0
    # A person's left eye is on the right of their face as we see it.
    return math.atan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0])


def _face_width(
    left_eye: Point | None,
    right_eye: Point | None,
    left_ear: Point | None,
    right_ear: Point | None,
    nose: Point,
) -> float:
    """Ear to ear as if seen from the front, from whatever pair is seen: every foreshortened length only tells less."""
    said = [0.0]
    if left_eye is not None and right_eye is not None:
        said.append(_apart(left_eye, right_eye) * 2.35)
    if left_ear is not None and right_ear is not None:
        said.append(_apart(left_ear, right_ear))
    for ear, eye in ((left_ear, left_eye), (right_ear, right_eye)):
        if ear is not None:
            said.append(_apart(ear, nose) * 1.15)
        if ear is not None and eye is not None:
            said.append(_apart(ear, eye) * 1.35)
    return max(said)


def _apart(a: Point, b: Point) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])


def face_seen(keypoints: FloatArray) -> Crop | None:
    """The square around a face (70, 3) that was found, upright by its eyes."""
    right, left = keypoints[36:48, :2].reshape(2, 6, 2).mean(axis=1).tolist()
    # The 68 points end at the brows; the network's mesh goes on to the hair.
    return _around(keypoints[:68, :2], math.atan2(left[1] - right[1], left[0] - right[0]), 1.5, above=0.25)


def foot(points: Points, side: str, stature_px: float) -> Crop | None:
    """Where a foot should be: around the ankle, with the shank from above; left ones mirrored.

    None where the ankle is hardly seen, or both ankles lie in one place: they are one then, and can't be told apart.
    """
    ankle, knee = points.get(f"{side}_ankle"), points.get(f"{side}_knee")
    if ankle is None or knee is None or ankle[2] < _LEAST_ANKLE:
        return None
    along = ankle[0] - knee[0], ankle[1] - knee[1]
    shank = math.hypot(*along)
    length = max(shank, 0.8 * stature_px * _SHANK)
    other = points.get("right_ankle" if side == "left" else "left_ankle")
    if other is not None and _apart(other, ankle) < _ONE_ANKLE * length:
        return None
    way = along[0] / max(shank, 1e-6), along[1] / max(shank, 1e-6)
    on = 0.12 * length
    angle = math.atan2(-way[0], way[1])
    return _usable(
        Crop(ankle[0] + on * way[0], ankle[1] + on * way[1], _FOOT_SIDE * length, angle, mirrored=side == "left")
    )


def _usable(crop: Crop) -> Crop | None:
    return crop if crop.side >= _LEAST_PX and math.isfinite(crop.x + crop.y + crop.side + crop.angle) else None
