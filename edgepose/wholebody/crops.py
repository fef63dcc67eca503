"""Turned squares of a picture in which a hand, a face or a foot is looked for.

Sizes come from body proportions: Drillis & Contini 1966, as printed in D. A. Winter, Biomechanics and Motor Control of
Human Movement, fig. 4.1 (hand 0.108 of the stature, forearm 0.146, foot 0.152, shank 0.246, head 0.130).
"""

import math
from collections.abc import Mapping
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
_LEAST_ANKLE = 0.2
"""Confidence of an ankle at least; fainter ones often lie on the other leg."""
_ONE_ANKLE = 0.1
"""Shanks: ankles nearer to each other than so are one."""
_LEAST_PX = 12.0
"""A crop smaller than this shows nothing."""
_MOST_TAPS = 6
Points = Mapping[str, FloatArray]
"""Keypoints by name, each x, y, confidence; only those that were found."""


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
        away = (uv - np.float32(0.5)) * np.float32(self.side)
        right, down = self._axes()
        xy: FloatArray = away[..., :1] * right + away[..., 1:] * down + np.array((self.x, self.y), np.float32)
        return xy.astype(np.float32)

    def to_crop(self, xy: FloatArray) -> FloatArray:
        """(…, 2) pixels of the frame as places in the crop."""
        away = xy - np.array((self.x, self.y), np.float32)
        right, down = self._axes()
        uv = np.stack([away @ right, away @ down], axis=-1) / np.float32(self.side) + np.float32(0.5)
        return uv.astype(np.float32)

    def moved(self, x: float, y: float) -> "Crop":
        """The same square somewhere else."""
        return replace(self, x=self.x + x, y=self.y + y)

    def _axes(self) -> tuple[FloatArray, FloatArray]:
        """Unit vectors in the frame along which the crop's columns and rows count."""
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        flip = -1.0 if self.mirrored else 1.0
        return np.array((flip * cosine, flip * sine), np.float32), np.array((-sine, cosine), np.float32)

    def _affine(self, size: int, scale: float) -> NDArray[np.float64]:
        right, down = (axis.astype(np.float64) * self.side * scale / size for axis in self._axes())
        centre = np.array((self.x + 0.5, self.y + 0.5)) * scale - 0.5
        corner = centre + (right + down) * (0.5 - size / 2)
        return np.array((right[0], down[0], corner[0], right[1], down[1], corner[1]))


def hand(points: Points, side: str, stature_px: float) -> Crop | None:
    """Where a hand should be: beyond the wrist, on the line from the elbow, left ones mirrored.

    None where these two were not found.
    """
    wrist, elbow = points.get(f"{side}_wrist"), points.get(f"{side}_elbow")
    if wrist is None or elbow is None:
        return None
    along = wrist[:2] - elbow[:2]
    forearm = math.hypot(*along)
    # A forearm that points at the camera looks short; the hand need not.
    length = max(forearm * _HAND / _FOREARM, 0.9 * stature_px * _HAND)
    way = along / max(forearm, 1e-6)
    x, y = wrist[:2] + way * (0.5 * min(length, 1.5 * forearm * _HAND / _FOREARM))
    angle = math.atan2(way[0], -way[1])
    return _usable(Crop(float(x), float(y), _HAND_SIDE * length, angle, mirrored=side == "left"))


def hand_seen(keypoints: FloatArray, side: str) -> Crop | None:
    """The square around a hand (21, 3) that was found: upright along wrist to fingers, as its network has learned.

    After the crops of MediaPipe Hands (Zhang et al., 2020): the direction from the wrist to the knuckles is up.
    """
    xy = keypoints[:, :2]
    wrist, knuckles = xy[0], xy[[5, 9, 13]].mean(axis=0)
    way = knuckles - wrist
    length = math.hypot(*way)
    if length < 1e-3:
        return None
    angle = math.atan2(way[0], -way[1])
    upright = Crop(0.0, 0.0, 1.0, angle)
    uv = upright.to_crop(xy)
    low, high = uv.min(axis=0), uv.max(axis=0)
    x, y = upright.to_frame(0.5 * (low + high))
    return _usable(Crop(float(x), float(y), 1.9 * float((high - low).max()), angle, mirrored=side == "left"))


def face(points: Points, stature_px: float) -> Crop | None:
    """Where a face should be, from nose, eyes and ears; None for somebody who is seen from behind."""
    nose = points.get("nose")
    if nose is None:
        return None
    pairs = [(points.get(f"left_{part}"), points.get(f"right_{part}")) for part in ("eye", "ear")]
    (left_eye, right_eye), (left_ear, right_ear) = pairs
    if left_eye is None and right_eye is None:
        return None
    angle = _roll(left_eye, right_eye)
    width = _face_width(left_eye, right_eye, left_ear, right_ear, nose)
    width = max(width, 0.6 * stature_px * 0.13) if stature_px else width
    eyes = np.mean([eye[:2] for eye in (left_eye, right_eye) if eye is not None], axis=0)
    across = np.array((math.cos(angle), math.sin(angle)))
    down = np.array((-across[1], across[0]))
    aside = 0.5 * across @ (nose[:2] - eyes)
    if left_ear is not None and right_ear is not None:
        aside += 0.3 * across @ (0.5 * (left_ear[:2] + right_ear[:2]) - eyes)
    # Nose and ears tell how far a head is turned aside, but not how far down the face reaches: from below they lie
    # higher than the eyes.
    x, y = eyes + aside * across + _FACE_DOWN * width * down
    return _usable(Crop(float(x), float(y), _FACE_SIDE * width, angle))


def _roll(left_eye: FloatArray | None, right_eye: FloatArray | None) -> float:
    if left_eye is None or right_eye is None:
        return 0.0
    across = left_eye[:2] - right_eye[:2]  # a person's left eye is on the right of their face as we see it
    return math.atan2(across[1], across[0])


def _face_width(
    left_eye: FloatArray | None,
    right_eye: FloatArray | None,
    left_ear: FloatArray | None,
    right_ear: FloatArray | None,
    nose: FloatArray,
) -> float:
    """Ear to ear as if seen from the front, from whatever pair is seen: every foreshortened length only tells less."""
    said = [0.0]
    if left_eye is not None and right_eye is not None:
        said.append(math.dist(left_eye[:2], right_eye[:2]) * 2.35)
    if left_ear is not None and right_ear is not None:
        said.append(math.dist(left_ear[:2], right_ear[:2]))
    for ear, eye in ((left_ear, left_eye), (right_ear, right_eye)):
        if ear is not None:
            said.append(math.dist(ear[:2], nose[:2]) * 1.15)
        if ear is not None and eye is not None:
            said.append(math.dist(ear[:2], eye[:2]) * 1.35)
    return max(said)


def face_seen(keypoints: FloatArray) -> Crop | None:
    """The square around a face (70, 3) that was found, upright by its eyes."""
    xy = keypoints[:68, :2]
    right, left = xy[36:42].mean(axis=0), xy[42:48].mean(axis=0)
    across = left - right
    angle = math.atan2(across[1], across[0])
    upright = Crop(0.0, 0.0, 1.0, angle)
    uv = upright.to_crop(xy)
    low, high = uv.min(axis=0), uv.max(axis=0)
    # The 68 points end at the brows; the network's mesh goes on to the hair.
    low[1] -= 0.25 * (high[1] - low[1])
    x, y = upright.to_frame(0.5 * (low + high))
    return _usable(Crop(float(x), float(y), 1.5 * float((high - low).max()), angle))


def foot(points: Points, side: str, stature_px: float) -> Crop | None:
    """Where a foot should be: around the ankle, with the shank from above; left ones mirrored.

    None where the ankle is hardly seen, or both ankles lie in one place: they are one then, and can't be told apart.
    """
    ankle, knee = points.get(f"{side}_ankle"), points.get(f"{side}_knee")
    if ankle is None or knee is None or ankle[2] < _LEAST_ANKLE:
        return None
    along = ankle[:2] - knee[:2]
    shank = math.hypot(*along)
    length = max(shank, 0.8 * stature_px * _SHANK)
    other = points.get("right_ankle" if side == "left" else "left_ankle")
    if other is not None and math.hypot(*(other[:2] - ankle[:2])) < _ONE_ANKLE * length:
        return None
    way = along / max(shank, 1e-6)
    x, y = ankle[:2] + way * 0.12 * length
    angle = math.atan2(-way[0], way[1])
    return _usable(Crop(float(x), float(y), _FOOT_SIDE * length, angle, mirrored=side == "left"))


def _usable(crop: Crop) -> Crop | None:
    return crop if crop.side >= _LEAST_PX and math.isfinite(crop.x + crop.y + crop.side + crop.angle) else None
