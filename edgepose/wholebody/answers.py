"""From what a part's network answers to keypoints with honest confidences."""

import numpy as np
from numpy.typing import NDArray

from edgepose.domain import FloatArray
from edgepose.wholebody.crops import Crop

_LEAST = 0.1
"""What is less sure than this was not found."""
_REACH = 1
"""Cells around a heat map's peak that say where within its cell the point lies."""


def landmarks(points: FloatArray, presence: float, crop: Crop, size: tuple[int, int]) -> FloatArray:
    """(K, 3) in the frame from (2K,) x and y in shares of the crop's side, and the logit that the part is there.

    size: (width, height) of the frame; points outside it were not found. One confidence for the whole part: the
    network tells whether it sees a hand or a face at all, not each point of it.
    """
    confidence = 1.0 / (1.0 + float(np.exp(-presence)))
    xy = crop.to_frame(points.reshape(-1, 2))
    return _found(xy, np.full(len(xy), confidence, np.float32), size)


def peaks(heats: FloatArray, crop: Crop, size: tuple[int, int]) -> FloatArray:
    """(K, 3) in the frame from (H, W, K) heat maps over the crop: place and height of each map's peak."""
    height, width, count = heats.shape
    uv, tops = np.zeros((count, 2), np.float32), np.zeros(count, np.float32)
    for k in range(count):
        heat = heats[..., k]
        row, column = divmod(int(heat.argmax()), width)
        tops[k] = heat[row, column]
        y0, x0 = max(0, row - _REACH), max(0, column - _REACH)
        near = heat[y0 : row + _REACH + 1, x0 : column + _REACH + 1]
        weight = near / max(float(near.sum()), 1e-6)
        rows, columns = np.arange(y0, y0 + near.shape[0]), np.arange(x0, x0 + near.shape[1])
        uv[k] = (
            (float(weight.sum(0) @ columns) + 0.5) / width,
            (float(weight.sum(1) @ rows) + 0.5) / height,
        )
    return _found(crop.to_frame(uv), tops, size)


def _found(xy: FloatArray, confidence: NDArray[np.float32], size: tuple[int, int]) -> FloatArray:
    keypoints = np.column_stack([xy, np.clip(confidence, 0, 1)]).astype(np.float32)
    inside = ((xy > -0.5) & (xy < np.array(size) - 0.5)).all(axis=1)
    keypoints[~inside | (confidence < _LEAST)] = 0.0
    return keypoints
