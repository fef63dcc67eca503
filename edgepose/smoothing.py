"""What is seen, without its jitter: averages over time, and what the one-euro filter of keypoints is set to.

The filter is in the kernel of edgepose.known. Source: Casiez, Roussel & Vogel, "1€ Filter", CHI 2012. Speeds are taken
in statures a second, so that a person far from the camera is smoothed as one close to it, at any resolution and frame
rate.
"""

import math
from dataclasses import dataclass


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


def averaged(before: float, now: float, spans: float) -> float:
    """An average that follows what is seen now; spans: how many times the span it is taken over has passed."""
    return before + (1 - math.exp(-spans)) * (now - before)
