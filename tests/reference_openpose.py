"""OpenPose's rules of association, as its paper and its published defaults state them, for comparison of accuracy.

Cao et al., arXiv 1812.08008; defaults of the COCO model: maps enlarged eight times by a bicubic, peaks above 0.05,
ten samples a limb of which 95 % must exceed 0.05, a penalty for limbs longer than half the picture's height, at least
three keypoints a person and a mean score of at least 0.4. Written from that description; slow.
"""

from dataclasses import replace
from functools import cache

import numpy as np
from reference_association import CELL, Peak, Rules, group

UP = 8
RULES = Rules(
    sample_weights=tuple(round(256 * k / 9) for k in range(10)),
    min_passed=10,  # 95 % of ten
    middle=(),
    height_weight=0.0,
    length_penalty=True,
)
MIN_KEYPOINT = MIN_LIMB = 0.05
MIN_KEYPOINTS = 3
MIN_MEAN_SCORE = 0.4


def associate(heatmaps, pafs, skeleton):
    """(keypoints (P, K, 3) in grid cells, scores (P,)) of float maps in true units, whatever their mean scores."""
    peaks = [find_peaks(enlarge(heatmaps[:, :, channel])) for channel in skeleton.heat_channels]
    large = np.dstack([enlarge(pafs[:, :, channel]) for pair in skeleton.paf_channels for channel in pair])
    plain = replace(skeleton, paf_channels=tuple((2 * i, 2 * i + 1) for i in range(len(skeleton.limbs))))
    people, _ = group(peaks, large, plain, MIN_LIMB, (1.0, 0), RULES)
    keypoints, scores = [], []
    for person in people:
        row = np.zeros((len(skeleton.names), 3), np.float32)
        for k, i in person.items():
            peak = peaks[k][i]
            row[k] = (peak.x / CELL + 0.5) / UP - 0.5, (peak.y / CELL + 0.5) / UP - 0.5, peak.confidence
        if len(person) >= MIN_KEYPOINTS:
            keypoints.append(row)
            scores.append(row[:, 2].sum() / len(skeleton.names))
    order = np.argsort(scores)[::-1]
    return np.array(keypoints).reshape(-1, len(skeleton.names), 3)[order], np.array(scores)[order]


def sure(keypoints, scores):
    """Those people whose keypoints are confident enough on average."""
    means = keypoints[..., 2].sum(1) / np.maximum(1, (keypoints[..., 2] > 0).sum(1))
    return keypoints[means >= MIN_MEAN_SCORE], scores[means >= MIN_MEAN_SCORE]


def find_peaks(heat):
    """Cells above their four neighbours, at whole cells of the enlarged map."""
    inner = np.pad(heat, 1, constant_values=-np.inf)
    top = heat > MIN_KEYPOINT
    for dy, dx in ((0, 1), (1, 0), (1, 2), (2, 1)):
        other = inner[dy : dy + heat.shape[0], dx : dx + heat.shape[1]]
        top &= heat > other if (dy, dx) < (1, 1) else heat >= other
    confidence = np.minimum(heat, 1).astype(np.float32)
    return [Peak(int(x) * CELL, int(y) * CELL, heat[y, x], confidence[y, x], 0, 1.0) for y, x in np.argwhere(top)]


def enlarge(values):
    """Eight times larger by the cubic convolution of Keys (a = -0.75), edges repeated; float32."""
    high, wide = values.shape
    return taps(high) @ values.astype(np.float32) @ taps(wide).T


@cache
def taps(n):
    """(8n, n) float32: how much each of n values counts in each enlarged one."""
    at = (np.arange(n * UP) + 0.5) / UP - 0.5
    first = np.floor(at).astype(int)
    weights = np.zeros((n * UP, n))
    for tap in range(-1, 3):
        np.add.at(weights, (np.arange(n * UP), np.clip(first + tap, 0, n - 1)), cubic(np.abs(at - (first + tap))))
    return weights.astype(np.float32)


def cubic(distance, a=-0.75):
    """Keys's kernel, IEEE Trans. ASSP 29 (1981)."""
    near = (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    far = a * (distance**3 - 5 * distance**2 + 8 * distance - 4)
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0))
