"""Keypoints in the order and the numbers that files want."""

import numpy as np

from edgepose.domain import FloatArray
from edgepose.errors import EdgeposeError
from edgepose.skeleton import LAYOUTS

_MIDPOINTS = {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("left_hip", "right_hip")}
"""Keypoints that OpenPose defines as the middle of two others, so that a layout without them can still give them."""


def to_layout(keypoints: FloatArray, source: str, target: str) -> FloatArray:
    """(K, 3) keypoints of one layout as (L, 3) of another, by name; 0, 0, 0 where the source has no such keypoint.

    A neck or mid-hip that the source layout lacks is put between both shoulders or hips, if both were found, with the
    smaller of their confidences. Layouts are keys of edgepose.skeleton.LAYOUTS; others raise EdgeposeError.
    """
    if source == target:
        return keypoints
    have = {name: keypoints[place] for place, name in enumerate(_names(source))}
    return np.stack([_one(name, have) for name in _names(target)])


def _one(name: str, have: dict[str, FloatArray]) -> FloatArray:
    if name in have:
        return have[name]
    ends = [have[end] for end in _MIDPOINTS.get(name, ()) if end in have]
    if len(ends) < 2 or min(end[2] for end in ends) <= 0:
        return np.zeros(3, np.float32)
    middle: FloatArray = np.mean(ends, axis=0, dtype=np.float32)
    middle[2] = min(end[2] for end in ends)
    return middle


def _names(layout: str) -> tuple[str, ...]:
    if layout not in LAYOUTS:
        raise EdgeposeError(f"no keypoint layout is called {layout!r}; there are {', '.join(LAYOUTS)}")
    return LAYOUTS[layout]


def triples(keypoints: FloatArray) -> list[list[float]]:
    """[[x, y, confidence], …] rounded to a hundredth of a pixel and a ten-thousandth of confidence."""
    exact = keypoints.astype(np.float64)
    exact[:, :2] = exact[:, :2].round(2)
    exact[:, 2] = exact[:, 2].round(4)
    rows: list[list[float]] = exact.tolist()
    return rows


def flat(keypoints: FloatArray) -> list[float]:
    """The same numbers in one row: x, y, confidence, x, y, confidence, …."""
    return [number for row in triples(keypoints) for number in row]
