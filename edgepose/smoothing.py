"""Keypoints without their jitter: a one-euro filter over all keypoints of everybody in a frame at once.

Source: Casiez, Roussel & Vogel, "1€ Filter", CHI 2012. Speeds are taken in statures a second, so that a person far
from the camera is smoothed as one close to it, at any resolution and frame rate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgepose.domain import FloatArray

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class OneEuroSettings:
    """How much is smoothed."""

    min_cutoff_hz: float = 1.5
    """Of a keypoint at rest: lower is calmer and later."""
    beta_hz: float = 6.0
    """How much the cut-off rises with each stature a second of speed."""
    speed_cutoff_hz: float = 1.5
    forget_s: float = 0.4
    """A keypoint unseen for so long starts afresh where it comes back."""


class KeypointFilter:
    """What is remembered of the keypoints of one person."""

    def __init__(self, count: int, settings: OneEuroSettings | None = None) -> None:
        """count: keypoints of the layout."""
        self.settings = settings or OneEuroSettings()
        self.xy = np.zeros((count, 2))
        self.speed = np.zeros((count, 2))
        self.seen_s = np.full(count, -math.inf)

    def update(self, keypoints: FloatArray, t_s: float, stature_px: float) -> FloatArray:
        """(K, 3) smoothed, from (K, 3) measured, at a time after the last one; unseen keypoints stay 0, 0, 0."""
        smooth: FloatArray = smoothed([self], keypoints[None], t_s, np.array([stature_px]))[0]
        return smooth


def smoothed(filters: Sequence[KeypointFilter], keypoints: FloatArray, t_s: float, statures_px: Doubles) -> FloatArray:
    """(N, K, 3) smoothed, from (N, K, 3) measured, of people with one filter each and the same settings."""
    settings = filters[0].settings
    seen = keypoints[..., 2] > 0
    last_s = np.array([one.seen_s for one in filters])
    old_xy, old_speed = np.array([one.xy for one in filters]), np.array([one.speed for one in filters])
    elapsed_s = t_s - last_s
    known = seen & (elapsed_s <= settings.forget_s)
    elapsed_s = np.maximum(np.where(known, elapsed_s, 1.0), 1e-3)[..., None]
    moved = keypoints[..., :2] - old_xy
    speed = old_speed + _weight(settings.speed_cutoff_hz, elapsed_s) * (moved / elapsed_s - old_speed)
    magnitude = np.sqrt(np.einsum("nkd,nkd->nk", speed, speed)) / np.maximum(statures_px, 1.0)[:, None]
    moved *= _weight(settings.min_cutoff_hz + settings.beta_hz * magnitude[..., None], elapsed_s)
    kept, born = known[..., None], (seen & ~known)[..., None]
    xy = old_xy + np.where(kept, moved, 0.0)
    speed = np.where(kept, speed, old_speed)
    if born.any():
        xy, speed = np.where(born, keypoints[..., :2], xy), np.where(born, 0.0, speed)
    last_s = np.where(seen, t_s, last_s)
    for place, one in enumerate(filters):
        one.xy, one.speed, one.seen_s = xy[place], speed[place], last_s[place]
    out = keypoints.astype(np.float32)
    out[..., :2] = np.where(seen[..., None], xy, 0.0)
    return out


def _weight(cutoff_hz: float | Doubles, elapsed_s: Doubles) -> Doubles:
    """Weight of the newest value in a first-order low-pass."""
    turned = 2 * math.pi * cutoff_hz * elapsed_s
    weight: Doubles = turned / (1 + turned)
    return weight
