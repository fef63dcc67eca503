"""What edgepose._bodies does with keypoints, one body and one step after another: slow and obvious."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from edgepose.anthropometry import centre, groups, sigmas, stature
from edgepose.smoothing import OneEuroSettings

COAST_S, REMEMBER_S = 0.35, 1.5


@dataclass
class Remembered:
    """One person; the columns and facts of the kernel under their names."""

    xy: np.ndarray
    at_s: np.ndarray
    smooth: np.ndarray
    speed: np.ndarray
    seen_s: float
    stature_px: float
    velocity: np.ndarray

    @classmethod
    def of(cls, memory: np.ndarray, facts: np.ndarray) -> "Remembered":
        xy, at_s, smooth, speed = np.split(memory, (2, 3, 5), axis=1)
        return cls(xy.copy(), at_s[:, 0].copy(), smooth.copy(), speed.copy(), facts[0], facts[1], facts[2:].copy())

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        return (
            np.column_stack((self.xy, self.at_s, self.smooth, self.speed)),
            np.array((self.seen_s, self.stature_px, *self.velocity)),
        )


def alike(person: Remembered, found: np.ndarray, t_s: float, layout: str) -> float:
    """How well a (K, 3) body fits somebody."""
    unseen_s = t_s - person.seen_s
    known = person.xy + person.velocity * COAST_S * (1 - math.exp(-unseen_s / COAST_S))
    fresh, there = person.at_s >= person.seen_s - REMEMBER_S, found[:, 2] > 0
    both = fresh & there
    gap = np.linalg.norm(known - found[:, :2], axis=1)
    shares = []
    for drift_per_s in (0.2, 1.0):
        drift = min(0.03 + drift_per_s * unseen_s, 0.7)
        spread = person.stature_px * np.hypot(0.8 * np.array(sigmas(layout)), drift)
        each = np.exp(-((gap / spread) ** 2) / 2)[both]
        shares.append(each.mean() * min(len(each), 4) / 4 if len(each) else 0.0)
    middles = [
        xy[seen].mean(axis=0) if seen.any() else np.zeros(2) for xy, seen in ((known, fresh), (found[:, :2], there))
    ]
    reach = person.stature_px * (0.1 + drift)
    near = math.exp(-((math.dist(*middles) / reach) ** 2) / 2)
    return max(sum(shares) / 2, 0.5 * near * min(there.sum() / 8, 1))


def advance(
    person: Remembered, found: np.ndarray, t_s: float, layout: str, smoothing: OneEuroSettings | None
) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """Take a (K, 3) body; gives what is told of it and the box around it."""
    elapsed_s = max(t_s - person.seen_s, 1e-3)
    seen = found[:, 2] > 0
    _follow(person, found, seen, elapsed_s)
    _grow(person, found, elapsed_s, layout)
    told = found.copy()
    if smoothing:
        for k in range(len(found)):
            told[k, :2] = _smoothed(person, k, found[k, :2], t_s, smoothing) if seen[k] else 0.0
    person.xy = np.where(seen[:, None], found[:, :2], person.xy + person.velocity * min(elapsed_s, COAST_S))
    person.at_s = np.where(seen, t_s, person.at_s)
    person.seen_s = t_s
    late = person.xy[person.at_s >= t_s - REMEMBER_S]
    margin = 0.06 * person.stature_px
    (left, top), (right, bottom) = late.min(axis=0) - margin, late.max(axis=0) + margin
    return told, (left, top, right, bottom)


def _follow(person: Remembered, found: np.ndarray, seen: np.ndarray, elapsed_s: float) -> None:
    both = seen & (person.at_s >= person.seen_s)
    if both.any():
        steps = np.sort(found[both, :2] - person.xy[both], axis=0)
        share = 1 - math.exp(-elapsed_s / 0.15)
        person.velocity = person.velocity + share * (steps[len(steps) // 2] / elapsed_s - person.velocity)
    else:
        person.velocity = person.velocity * math.exp(-elapsed_s / COAST_S)


def _grow(person: Remembered, found: np.ndarray, elapsed_s: float, layout: str) -> None:
    said = stature(found.tolist(), layout)
    if said is None:
        return
    follow_s = 0.5 if _upright(found, layout) else 2.0 if said > person.stature_px else 10.0
    person.stature_px += (1 - math.exp(-elapsed_s / follow_s)) * (said - person.stature_px)


def _upright(found: np.ndarray, layout: str) -> bool:
    middles = [centre(found.tolist(), groups(layout)[level]) for level in ("shoulders", "hips", "knees")]
    if None in middles:
        return False
    pairs = pairwise(middles)
    return all(below[1] - above[1] > 2 * abs(below[0] - above[0]) for above, below in pairs)


def _smoothed(person: Remembered, k: int, xy: np.ndarray, t_s: float, settings: OneEuroSettings) -> np.ndarray:
    elapsed_s = t_s - person.at_s[k]
    if elapsed_s > settings.forget_s:
        person.smooth[k], person.speed[k] = xy, 0.0
        return xy
    elapsed_s = max(elapsed_s, 1e-3)
    moved = xy - person.smooth[k]
    person.speed[k] += _weight(settings.speed_cutoff_hz, elapsed_s) * (moved / elapsed_s - person.speed[k])
    speed = np.linalg.norm(person.speed[k]) / max(person.stature_px, 1.0)
    person.smooth[k] += _weight(settings.min_cutoff_hz + settings.beta_hz * speed, elapsed_s) * moved
    return person.smooth[k].copy()


def _weight(cutoff_hz: float, elapsed_s: float) -> float:
    turned = 2 * math.pi * cutoff_hz * elapsed_s
    return turned / (1 + turned)
