"""MoveNet MultiPose with its own decoder, over several scales and turns: a teacher for unlabelled pictures.

The decoder is the one of the graph: a centre heat map gives people, a regression at each centre gives rough
keypoints, the heat map near them the place, an offset head the rest. Views of one picture are merged by
object keypoint similarity (OKS, the COCO keypoint measure).
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import keras
import numpy as np
import tensorflow as tf
from keras import layers

from .coco import ByteArray, FloatArray
from .layout import COCO17, STRIDE
from .tfjs_graph import Graph
from .trunk import build_trunk

_VIEWS = ((256, 0), (384, 0), (512, 0), (256, 1), (384, 1), (256, 3), (384, 3))
"""(input side, quarter turns) a picture is looked at in"""
_MIN_CENTRE = 0.12
_MAX_PEOPLE = 20
_SAME_PERSON_OKS = 0.25
_AGREEING_OKS = 0.6

Maps = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


@dataclass(frozen=True)
class TaughtPerson:
    """A person the teacher believes in."""

    score: float
    """0-1"""
    keypoints: FloatArray
    """(17, 3) x, y in pixels of the picture, confidence 0-1; COCO order"""
    views: int
    """how many of the looks found this person"""


class Teacher:
    """Labels pictures."""

    def __init__(self, graph: Graph) -> None:
        self._infer = _network(graph)

    def label(self, picture: ByteArray) -> list[TaughtPerson]:
        """People of an (H, W, 3) RGB picture, best first."""
        found: list[tuple[float, FloatArray]] = []
        for side, turns in _VIEWS:
            turned = np.ascontiguousarray(np.rot90(picture, turns))
            for centre, keypoints in self._look(turned, side):
                upright = _turn_back(keypoints, turns, picture.shape[0], picture.shape[1])
                found.append((centre * float(upright[:, 2].mean()) ** 0.5, upright))
        return _merge(sorted(found, key=lambda person: -person[0]))

    def _look(self, picture: ByteArray, side: int) -> list[tuple[float, FloatArray]]:
        scale = side / max(picture.shape[:2])
        height, width = (max(1, round(length * scale)) for length in picture.shape[:2])
        canvas = np.zeros((1, side, side, 3), np.float32)
        shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        canvas[0, :height, :width] = cv2.resize(picture, (width, height), interpolation=shrink)
        people = _decode(*self._infer(canvas))
        for _, keypoints in people:
            keypoints[:, :2] /= scale
        return people


def _network(graph: Graph) -> Callable[[FloatArray], Maps]:
    trunk = build_trunk(graph, batch=1)
    heads = trunk.heads
    model = keras.Model(
        trunk.image,
        [
            layers.Activation("sigmoid")(heads["kpt_heatmap_0"]),
            layers.Activation("sigmoid")(heads["center_0"]),
            heads["kpt_regress_0"],
            heads["kpt_offset_0"],
        ],
    )
    compiled = tf.function(lambda image: model(image, training=False))

    def infer(image: FloatArray) -> Maps:
        heats, centres, regress, offsets = (tensor.numpy()[0] for tensor in compiled(image))
        return heats, centres[..., 0], regress, offsets

    return infer


def _decode(
    heats: FloatArray, centres: FloatArray, regress: FloatArray, offsets: FloatArray
) -> list[tuple[float, FloatArray]]:
    """(centre score, (17, 3) x, y in input pixels and confidence) of each person."""
    peaks = (centres == cv2.dilate(centres, np.ones((5, 5), np.uint8))) & (centres > _MIN_CENTRE)
    rows, columns = np.nonzero(peaks)
    best = np.argsort(-centres[rows, columns])[:_MAX_PEOPLE]
    height, width = centres.shape
    grid_y, grid_x = np.mgrid[:height, :width].astype(np.float32)
    reach = max(2.0, 0.04 * float(np.sqrt(height * width)))
    people = []
    for row, column in zip(rows[best], columns[best], strict=True):
        keypoints = np.zeros((len(COCO17), 3), np.float32)
        rough = regress[row, column].reshape(-1, 2) + np.array([row, column])
        for k, (y, x) in enumerate(rough):
            near = np.exp(-((grid_y - y) ** 2 + (grid_x - x) ** 2) / (2 * reach * reach))
            at_y, at_x = divmod(int(np.argmax(heats[..., k] * near)), width)
            dy, dx = offsets[at_y, at_x].reshape(-1, 2)[k]
            keypoints[k] = (at_x + dx) * STRIDE, (at_y + dy) * STRIDE, heats[at_y, at_x, k]
        people.append((float(centres[row, column]), keypoints))
    return people


def _turn_back(keypoints: FloatArray, turns: int, height: int, width: int) -> FloatArray:
    """Keypoints found in a picture turned by `turns` quarters (numpy.rot90), in the upright picture."""
    x, y = keypoints[:, 0].copy(), keypoints[:, 1].copy()
    if turns == 1:
        keypoints[:, 0], keypoints[:, 1] = width - 1 - y, x
    elif turns == 3:
        keypoints[:, 0], keypoints[:, 1] = y, height - 1 - x
    return keypoints


def _oks(a: FloatArray, b: FloatArray) -> float:
    extent = max(float(np.ptp(a[:, :2], axis=0).max()), 20.0)
    squared = ((a[:, :2] - b[:, :2]) ** 2).sum(axis=1)
    return float(np.exp(-squared / (2 * (0.07 * extent) ** 2)).mean())


def _merge(found: list[tuple[float, FloatArray]]) -> list[TaughtPerson]:
    groups: list[tuple[float, list[FloatArray]]] = []
    for score, keypoints in found:
        same = next((group for _, group in groups if _oks(group[0], keypoints) > _SAME_PERSON_OKS), None)
        if same is None:
            groups.append((score, [keypoints]))
        else:
            same.append(keypoints)
    return [TaughtPerson(score, _average(group), len(group)) for score, group in groups]


def _average(group: list[FloatArray]) -> FloatArray:
    """Mean of the views that agree with the best one, weighted by squared confidence."""
    agreeing = np.stack([view for view in group if _oks(group[0], view) > _AGREEING_OKS])
    weights = agreeing[..., 2:] ** 2 + 1e-6
    merged = group[0].copy()
    merged[:, :2] = (agreeing[..., :2] * weights).sum(axis=0) / weights.sum(axis=0)
    merged[:, 2] = agreeing[..., 2].mean(axis=0)
    return merged
