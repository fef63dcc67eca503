"""Keypoints in the order that files want."""

from collections.abc import Iterator

import numpy as np

from edgepose.domain import FloatArray, Pose
from edgepose.errors import EdgeposeError
from edgepose.skeleton import FEET6_NAMES, LAYOUTS

_MIDPOINTS = {
    "neck": ("left_shoulder", "right_shoulder"),
    "mid_hip": ("left_hip", "right_hip"),
    "chest": ("neck", "mid_hip"),
}
"""Keypoints that OpenPose defines as the middle of two others, so that a layout without them can still give them."""
_CROWN = 1.54
"""The crown is so many times as far from the neck as the eyes and ears are: shoulders stand at 0.818 of the stature,
eyes at 0.936 (Drillis & Contini, Body Segment Parameters, 1966)."""
_Known = dict[str, FloatArray]


def to_layout(keypoints: FloatArray, source: str, target: str) -> FloatArray:
    """(K, 3) keypoints of one layout as (L, 3) of another, by name; 0, 0, 0 where the source has no such keypoint.

    A neck, mid-hip or chest that the source layout lacks is put between the two keypoints that it lies between, if
    both were found, and a head (the crown) beyond eyes or ears, with the smallest of their confidences. Layouts are
    keys of edgepose.skeleton.LAYOUTS; others raise EdgeposeError.
    """
    if source == target:
        return keypoints
    have = {name: keypoints[place] for place, name in enumerate(_names(source))}
    return np.stack([_one(name, have) for name in _names(target)])


def body(pose: Pose, source: str, target: str) -> FloatArray:
    """The same of a pose, with its feet where both it and the layout have them."""
    if source == target or pose.parts.feet is None:
        return to_layout(pose.keypoints, source, target)
    have = {name: pose.keypoints[place] for place, name in enumerate(_names(source))}
    have |= dict(zip(FEET6_NAMES, pose.parts.feet, strict=True))
    return np.stack([_one(name, have) for name in _names(target)])


def _one(name: str, have: _Known) -> FloatArray:
    if name in have:
        return have[name]
    ends = [_one(end, have) for end in _MIDPOINTS.get(name, ())]
    if name == "head":
        return _crown(have)
    if not ends or min(end[2] for end in ends) <= 0:
        return np.zeros(3, np.float32)
    middle: FloatArray = np.mean(ends, axis=0, dtype=np.float32)
    middle[2] = min(end[2] for end in ends)
    return middle


def _crown(have: _Known) -> FloatArray:
    neck = _one("neck", have)
    level = next((seen for part in ("ear", "eye") if (seen := list(_sides(part, have)))), [])
    if not level or neck[2] <= 0:
        return np.zeros(3, np.float32)
    crown: FloatArray = neck + np.float32(_CROWN) * (np.mean(level, axis=0, dtype=np.float32) - neck)
    crown[2] = min(neck[2], *(point[2] for point in level))
    return crown


def _sides(part: str, have: _Known) -> Iterator[FloatArray]:
    for side in ("left", "right"):
        point = have.get(f"{side}_{part}")
        if point is not None and point[2] > 0:
            yield point


def _names(layout: str) -> tuple[str, ...]:
    if layout not in LAYOUTS:
        raise EdgeposeError(f"no keypoint layout is called {layout!r}; there are {', '.join(LAYOUTS)}")
    return LAYOUTS[layout]
