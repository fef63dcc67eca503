"""PoseNet's multi-pose decoding, after the paper: people grow from their surest keypoints along a tree of limbs.

G. Papandreou et al., "PersonLab: Person Pose Estimation and Instance Segmentation with a Bottom-Up, Part-Based,
Geometric Embedding Model" (ECCV 2018), section 3.1, in the light form of D. Oved, "Real-time Human Pose Estimation in
the Browser with TensorFlow.js" (2018): local maxima of the heat maps in place of Hough voting. A mid-range offset leads
from a keypoint to its neighbour, the short-range offset there to the exact place. An instance counts what its keypoints
score where no surer instance has the same keypoint near.
"""

import heapq

import numpy as np

from ..coco import FloatArray
from ..layout import COCO17

STRIDE = 16
TREE = (
    ("nose", "left_eye"), ("left_eye", "left_ear"), ("nose", "right_eye"), ("right_eye", "right_ear"),
    ("nose", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("left_shoulder", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
    ("nose", "right_shoulder"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("right_shoulder", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
)  # fmt: skip
"""Limb e has the mid-range offsets from its first to its second end in channel e, and back in channel e + 32."""

_EDGES = tuple((COCO17.index(a), COCO17.index(b)) for a, b in TREE)
_MIN_ROOT = 0.1
_SAME_PX = 20.0
_REFINEMENTS = 2

Person = tuple[float, FloatArray]
"""(score, (17, 3) x, y in pixels of the input and confidence)."""


def decode(heat_logits: FloatArray, short: FloatArray, mid: FloatArray, most: int = 20) -> list[Person]:
    """People in the maps: logits (H, W, 17), offsets in pixels (H, W, 34) y first then x, (H, W, 64), surest first."""
    heats = 1 / (1 + np.exp(-heat_logits.astype(np.float64)))
    shorts = short.reshape(*short.shape[:2], 2, len(COCO17)).transpose(3, 0, 1, 2).astype(np.float64)
    mids = mid.reshape(*mid.shape[:2], 2, 2, len(TREE)).transpose(2, 4, 0, 1, 3).astype(np.float64)
    poses: list[FloatArray] = []
    found: list[Person] = []
    for _, keypoint, row, column in _roots(heats):
        at = np.array([row, column]) * STRIDE + shorts[keypoint, row, column]
        if any(np.hypot(*(pose[keypoint, :2] - at)) < _SAME_PX for pose in poses):
            continue
        pose = _grown(keypoint, at, heats, shorts, mids)
        score = _score(pose, poses)
        poses.append(pose)
        found.append((score, pose[:, [1, 0, 2]].astype(np.float32)))
        if len(poses) == most:
            break
    return sorted(found, key=lambda person: -person[0])


def _roots(heats: FloatArray) -> list[tuple[float, int, int, int]]:
    """(-score, keypoint, row, column) of local maxima of 3 x 3 cells, surest first."""
    padded = np.pad(heats, ((1, 1), (1, 1), (0, 0)), constant_values=-1.0)
    height, width = heats.shape[:2]
    around = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    rows, columns, keypoints = np.nonzero((heats >= np.max(around, axis=0)) & (heats > _MIN_ROOT))
    roots = [(-float(heats[r, c, k]), int(k), int(r), int(c)) for r, c, k in zip(rows, columns, keypoints, strict=True)]
    heapq.heapify(roots)
    return [heapq.heappop(roots) for _ in range(len(roots))]


def _grown(keypoint: int, at: FloatArray, heats: FloatArray, shorts: FloatArray, mids: FloatArray) -> FloatArray:
    """(17, 3) y, x in pixels and score, along the tree from one keypoint."""
    pose = np.zeros((len(COCO17), 3))
    known = {keypoint}
    pose[keypoint] = *at, _sampled(heats[..., keypoint], at)
    while len(known) < len(COCO17):
        for edge, (a, b) in enumerate(_EDGES):
            for direction, source, target in ((0, a, b), (1, b, a)):
                if source not in known or target in known:
                    continue
                there = pose[source, :2] + _sampled(mids[direction, edge], pose[source, :2])
                for _ in range(_REFINEMENTS):
                    there = there + _sampled(shorts[target], there)
                pose[target] = *there, _sampled(heats[..., target], there)
                known.add(target)
    return pose


def _sampled(field: FloatArray, at: FloatArray) -> FloatArray:
    """The field at a place in pixels (y, x), bilinear between cells."""
    high = np.array(field.shape[:2]) - 1
    place = np.clip(at / STRIDE, 0, high)
    low = np.minimum(place.astype(int), np.maximum(high - 1, 0))
    (y, x), (fy, fx) = low, place - low
    up, right = min(y + 1, high[0]), min(x + 1, high[1])
    top = field[y, x] * (1 - fx) + field[y, right] * fx
    bottom = field[up, x] * (1 - fx) + field[up, right] * fx
    return top * (1 - fy) + bottom * fy


def _score(pose: FloatArray, others: list[FloatArray]) -> float:
    """Mean over all keypoints of what is not another instance's already."""
    own = np.ones(len(pose), bool)
    for other in others:
        own &= np.hypot(*(other[:, :2] - pose[:, :2]).T) > _SAME_PX
    return float((pose[:, 2] * own).sum()) / len(pose)
