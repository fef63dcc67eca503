"""What the crops want to know of a person's body."""

import numpy as np

from edgepose.anthropometry import stature
from edgepose.completion import GUESS_LIMIT
from edgepose.domain import FloatArray, Pose, Track
from edgepose.skeleton import LAYOUTS
from edgepose.wholebody.crops import Points

_GUESSED = float(np.float32(GUESS_LIMIT))
_ANCHORS = {
    "left_hand": "left_wrist", "right_hand": "right_wrist", "face": "nose", "left_foot": "left_ankle",
    "right_foot": "right_ankle",
}  # fmt: skip
"""The keypoint of the body that each part moves along with."""


def points_of(pose: Pose, layout: str) -> Points:
    """The keypoints that were found, by name."""
    rows = zip(LAYOUTS[layout], pose.rows, strict=True)
    return {name: row for name, row in rows if row[2] > _GUESSED}


def stature_of(track: Track, layout: str) -> float:
    """How tall the person would stand, pixels: as the tracker knows it, else as the pose tells; 0 where nobody can."""
    known = getattr(track, "stature_px", None)
    return float(known or stature(track.pose.rows, layout) or 0.0)


def anchor_of(name: str, points: Points) -> FloatArray:
    """(2,) where the keypoint is that a part moves along with."""
    return np.array(points[_ANCHORS[name]][:2], np.float32)
