"""Keypoints without their jitter: a one-euro filter over all keypoints of one person.

Source: Casiez, Roussel & Vogel, "1€ Filter", CHI 2012. Speeds are taken in statures a second, so that a person far
from the camera is smoothed as one close to it, at any resolution and frame rate.
"""

import math
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
    """Smooths the keypoints of one person."""

    def __init__(self, count: int, settings: OneEuroSettings | None = None) -> None:
        """count: keypoints of the layout."""
        self._settings = settings or OneEuroSettings()
        self._xy = np.zeros((count, 2))
        self._speed = np.zeros((count, 2))
        self._seen_s = np.full(count, -math.inf)

    def update(self, keypoints: FloatArray, t_s: float, stature_px: float) -> FloatArray:
        """(K, 3) smoothed, from (K, 3) measured, at a time after the last one; unseen keypoints stay 0, 0, 0."""
        settings = self._settings
        seen = keypoints[:, 2] > 0
        elapsed_s = t_s - self._seen_s
        known = seen & (elapsed_s <= settings.forget_s)
        if not known.all():
            born = seen & ~known
            self._xy[born], self._speed[born] = keypoints[born, :2], 0.0
            elapsed_s = np.where(known, elapsed_s, 1.0)
        elapsed_s = np.maximum(elapsed_s, 1e-3)[:, None]
        moved = keypoints[:, :2] - self._xy
        speed = self._speed + _weight(settings.speed_cutoff_hz, elapsed_s) * (moved / elapsed_s - self._speed)
        magnitude = np.sqrt(np.einsum("kd,kd->k", speed, speed))[:, None] / max(stature_px, 1.0)
        moved *= _weight(settings.min_cutoff_hz + settings.beta_hz * magnitude, elapsed_s)
        kept = known[:, None]
        self._speed = np.where(kept, speed, self._speed)
        self._xy += np.where(kept, moved, 0.0)
        self._seen_s[seen] = t_s
        out = keypoints.astype(np.float32)
        out[seen, :2] = self._xy[seen]
        return out


def _weight(cutoff_hz: float | Doubles, elapsed_s: Doubles) -> Doubles:
    """Weight of the newest value in a first-order low-pass."""
    turned = 2 * math.pi * cutoff_hz * elapsed_s
    weight: Doubles = turned / (1 + turned)
    return weight
