"""MoveNet MultiPose's own decoder: a centre a person, a rough skeleton at it, the heat maps near that for the place.

After what Google published of it (R. Votel and N. Li, "Next-Generation Pose Detection with MoveNet and TensorFlow.js",
blog.tensorflow.org, May 2021) with the constants of the published graph: the weight of a heat map falls as
exp(-d² / (0.3 · shorter side)), outside of the person's box it is nothing, and a person's score is the mean of centre ·
keypoint over the keypoints above 0.127. The graph keeps 6 people; here more may be kept, as COCO counts 20.
"""

import cv2
import numpy as np

from ..coco import FloatArray
from ..layout import COCO17, STRIDE

HEADS = ("kpt_heatmap_0", "center_0", "kpt_regress_0", "kpt_offset_0", "box_scale_0", "box_offset_0")
"""What the decoder reads, in the order of its arguments."""

_REACH = 0.3
_SEEN = 0.127
_MIN_CENTRE = 0.05

Person = tuple[float, FloatArray]
"""(score, (17, 3) x, y in pixels of the input and confidence)."""


def decode(maps: dict[str, FloatArray], most: int = 20) -> list[Person]:
    """People in the raw (H, W, C) maps by head name, surest first."""
    heats, centres = _sigmoid(maps["kpt_heatmap_0"]), _sigmoid(maps["center_0"])[..., 0]
    height, width = centres.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    people = []
    for row, column in _peaks(centres, most):
        inside = _inside(
            maps["box_scale_0"][row, column], maps["box_offset_0"][row, column], row, column, rows, columns
        )
        rough = maps["kpt_regress_0"][row, column].reshape(-1, 2) + np.array([row, column])
        keypoints = np.zeros((len(COCO17), 3), np.float32)
        for k, (y, x) in enumerate(rough):
            near = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (_REACH * min(height, width))) * inside
            weighted = heats[..., k] * near
            at = np.unravel_index(int(weighted.argmax()), weighted.shape)
            dy, dx = maps["kpt_offset_0"][at].reshape(-1, 2)[k]
            keypoints[k] = (at[1] + dx) * STRIDE, (at[0] + dy) * STRIDE, weighted[at]
        people.append((_score(float(centres[row, column]), keypoints[:, 2]), keypoints))
    return sorted(people, key=lambda person: -person[0])


def _sigmoid(logits: FloatArray) -> FloatArray:
    return (1 / (1 + np.exp(-logits.astype(np.float32)))).astype(np.float32)


def _peaks(centres: FloatArray, most: int) -> list[tuple[int, int]]:
    highest = cv2.dilate(centres, np.ones((5, 5), np.uint8))
    rows, columns = np.nonzero((centres == highest) & (centres > _MIN_CENTRE))
    best = np.argsort(-centres[rows, columns])[:most]
    return [(int(rows[n]), int(columns[n])) for n in best]


def _inside(
    size: FloatArray, offset: FloatArray, row: int, column: int, rows: FloatArray, columns: FloatArray
) -> FloatArray:
    """1 within the person's box, 0 outside; (H, W)."""
    half_height, half_width = np.maximum(size, 0) / 2
    y, x = row + offset[0], column + offset[1]
    within = (rows >= y - half_height) & (rows < y + half_height)
    return (within & (columns >= x - half_width) & (columns < x + half_width)).astype(np.float32)


def _score(centre: float, confidences: FloatArray) -> float:
    seen = confidences[confidences > _SEEN]
    return centre * float(seen.sum()) / max(1, len(seen))
