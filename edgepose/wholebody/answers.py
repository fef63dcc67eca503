"""From what a part's network answers to keypoints with honest confidences."""

import numpy as np
from numpy.typing import NDArray

from edgepose.domain import FloatArray
from edgepose.wholebody.crops import Crop

_LEAST = 0.1
"""What is less sure than this was not found."""


def landmarks(points: FloatArray, presence: FloatArray, crop: Crop, size: tuple[int, int]) -> FloatArray:
    """(K, 3) in the frame from (2K,) x and y in shares of the crop's side, and the logits that they are there.

    presence: (K,) for each point, or fewer that must all hold for the whole part: of a face that it is one, of a hand
    also that it is the right one, as its crop shows it; where that is in doubt, the palm may be taken for the back and
    the thumb for the little finger. size: (width, height) of the frame; points outside it were not found.
    """
    xy = crop.to_frame(points.reshape(-1, 2))
    confidence = 1.0 / (1.0 + np.exp(-(presence if len(presence) == len(xy) else presence.min(keepdims=True))))
    return _found(xy, np.broadcast_to(confidence, len(xy)), size)


def _found(xy: FloatArray, confidence: NDArray[np.float32], size: tuple[int, int]) -> FloatArray:
    keypoints = np.column_stack([xy, np.clip(confidence, 0, 1)]).astype(np.float32)
    inside = ((xy > -0.5) & (xy < np.array(size) - 0.5)).all(axis=1)
    keypoints[~inside | (confidence < _LEAST)] = 0.0
    return keypoints
