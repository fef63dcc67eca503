"""From what a part's network answers to keypoints with honest confidences."""

import math

import numpy as np

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
    logits = presence.tolist()
    sure = [_share(logit) for logit in (logits if 2 * len(logits) == len(points) else [min(logits)])]
    keypoints = np.zeros((len(points) // 2, 3), np.float32)
    if max(sure) < _LEAST:
        return keypoints
    keypoints[:, :2] = xy = crop.to_frame(points.reshape(-1, 2))
    keypoints[:, 2] = sure
    outside = (xy <= -0.5) | (xy >= np.array((size[0] - 0.5, size[1] - 0.5), np.float32))
    keypoints[outside.any(axis=1) | (keypoints[:, 2] < _LEAST)] = 0.0
    return keypoints


def _share(logit: float) -> float:
    """A logit as a probability."""
    return 1.0 / (1.0 + math.exp(-logit)) if logit > 0 else math.exp(logit) / (1.0 + math.exp(logit))
