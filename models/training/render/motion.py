"""Movement: key poses joined smoothly, and walking along a path without sliding feet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pose as posing
from body import Body
from pose import Array, Pose
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

RATE_HZ = 60
"""movements are sampled this often; pictures take every RATE_HZ / fps-th pose"""

ARM_HANGING = (0.10, 0.14, -0.95)
ELBOW_BACK = (-1.0, 0.35, -0.2)
SOLE_SINKS_M = 0.012
"""soles are soft: the standing foot is this much lower than the bare body's"""


def standing(body: Body, heading_deg: float = 0.0, at: tuple[float, float] = (0.0, 0.0)) -> Pose:
    """Upright, arms hanging, feet side by side under the hips."""
    wide = body.half_hip_m * 0.95
    ankle = ankle_m(body)
    local = Pose(
        pelvis=np.array([0.0, 0.0, ankle + body.leg_m * 0.992]),
        turn=posing.turn(),
        spine=np.array([2.0, 0.0, 0.0]),
        head=np.array([6.0, 0.0, 0.0]),
        ankles=np.array([[-0.03, wide, ankle], [-0.03, -wide, ankle]]),
        toes=np.array([[1.0, 0.14, 0.0], [1.0, -0.14, 0.0]]),
        knees=np.array([[1.0, 0.08, 0.0], [1.0, -0.08, 0.0]]),
        hands=np.array([ARM_HANGING, ARM_HANGING]),
        elbows=np.array([ELBOW_BACK, ELBOW_BACK]),
        holds=np.zeros((2, 3)),
        grip=np.zeros(2),
    )
    return local.placed(np.array([*at, 0.0]), heading_deg)


def ankle_m(body: Body) -> float:
    """Height of the ankle joint of a foot that stands on the floor, shoes on."""
    return body.sole_m + 0.007


def joined(keys: Sequence[tuple[float, Pose]], rate_hz: float = RATE_HZ) -> list[Pose]:
    """Poses from the first key's time to the last's, in monotone cubic arcs that never overshoot a key.

    A held place (`holds`) counts only where it is gripped, so a key without grip takes its neighbour's place.
    """
    times = np.array([t for t, _ in keys])
    rows = np.stack([p.vector() for p in _with_holds([p for _, p in keys])])
    for k in range(1, len(rows)):
        if rows[k, 3:7] @ rows[k - 1, 3:7] < 0:
            rows[k, 3:7] *= -1
    curve = PchipInterpolator(times, rows)
    count = round((times[-1] - times[0]) * rate_hz)
    return [Pose.of(curve(times[0] + k / rate_hz)) for k in range(count + 1)]


def _with_holds(poses: list[Pose]) -> list[Pose]:
    holds = np.stack([p.holds for p in poses])
    gripped = np.stack([p.grip for p in poses]) > 0
    for side in range(2):
        known = np.flatnonzero(gripped[:, side])
        for k in range(len(poses)):
            if len(known) and not gripped[k, side]:
                holds[k, side] = holds[known[np.argmin(np.abs(known - k))], side]
    return [replace(p, holds=h) for p, h in zip(poses, holds, strict=True)]


def blended(first: list[Pose], second: list[Pose], overlap: int) -> list[Pose]:
    """`first` then `second`, faded into each other over `overlap` poses."""
    overlap = min(overlap, len(first), len(second))
    mixed = []
    for k in range(overlap):
        share = (k + 1) / (overlap + 1)
        share = share * share * (3 - 2 * share)
        a, b = first[len(first) - overlap + k].vector(), second[k].vector()
        if a[3:7] @ b[3:7] < 0:
            b[3:7] *= -1
        mixed.append(Pose.of((1 - share) * a + share * b))
    return first[: len(first) - overlap] + mixed + second[overlap:]


@dataclass(frozen=True)
class Gait:
    """How somebody walks."""

    step_m: float
    steps_hz: float
    lift_m: float = 0.05
    arm_swing: float = 0.30
    lean_deg: float = 4.0
    wide: float = 0.85
    """distance between the feet, in hip widths"""
    start_s: float = 0.35
    """time to get going, and to stop"""


class Path:
    """A way over the floor with the direction one faces at each place, turns on the spot included.

    Its length counts a turn as if it were way, TURN_M metres a radian.
    """

    TURN_M = 0.30

    def __init__(self, points: Sequence[tuple[float, float]], first_deg: float | None, last_deg: float | None) -> None:
        """A smooth curve through `points`.

        `first_deg` and `last_deg` are the directions faced before and after, where they differ from the curve's.
        """
        way = np.asarray(points, np.float64)
        knots = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
        fine = np.linspace(0, knots[-1], 400)
        xy = np.stack([_natural(knots, way[:, k])(fine) for k in range(2)], 1)
        tangent = np.gradient(xy, axis=0)
        heading = np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0]))
        if last_deg is not None:
            xy, heading = _turned_on_the_spot(xy, heading, math.radians(last_deg))
        if first_deg is not None:
            back, turned = _turned_on_the_spot(xy[::-1], heading[::-1], math.radians(first_deg))
            xy, heading = back[::-1], turned[::-1]
        moved = np.hypot(np.linalg.norm(np.diff(xy, axis=0), axis=1), self.TURN_M * np.abs(np.diff(heading)))
        self._at = np.concatenate([[0], np.cumsum(moved)])
        spread = len(xy) / max(self._at[-1], 0.1) * 0.12
        self._x, self._y = xy.T
        self._heading = gaussian_filter1d(heading, spread, mode="nearest")
        self.length_m = float(self._at[-1])

    def place(self, s: Array) -> tuple[Array, Array, Array]:
        """x, y and heading (radians) at lengths `s`."""
        return (
            np.interp(s, self._at, self._x),
            np.interp(s, self._at, self._y),
            np.interp(s, self._at, self._heading),
        )


def _natural(knots: Array, values: Array):  # type: ignore[no-untyped-def]
    from scipy.interpolate import CubicSpline

    return CubicSpline(knots, values, bc_type="natural")


def _turned_on_the_spot(xy: Array, heading: Array, goal: float) -> tuple[Array, Array]:
    rest = (goal - heading[-1] + math.pi) % (2 * math.pi) - math.pi
    count = max(2, int(abs(rest) * 60))
    return (
        np.concatenate([xy, np.repeat(xy[-1:], count, 0)]),
        np.concatenate([heading, heading[-1] + rest * np.linspace(0, 1, count)]),
    )


def walk(body: Body, path: Path, gait: Gait, rate_hz: float = RATE_HZ) -> list[Pose]:
    """Walking the whole path from standing to standing.

    Steps are numbered 0 … n; step k swings one foot during the phase k … k + 0.75 while the other stands, so a foot
    on the floor doesn't move. The body follows the middle of the feet.
    """
    count = max(2, round(path.length_m / gait.step_m))
    step = path.length_m / count
    phase = _phases(count + 1, gait, rate_hz)
    feet = np.stack([_foot_way(phase, side, count, step) for side in range(2)])
    away = np.stack([_since_swing(phase, side, count) for side in range(2)])
    middle = gaussian_filter1d(feet.mean(0), 0.22 / gait.steps_hz * rate_hz, mode="nearest")
    ankles, toes = _feet(body, path, gait, feet, away)
    pelvis = _pelvis(body, path, middle, ankles, phase, rate_hz)
    forward = gaussian_filter1d((feet[0] - feet[1]) / (2 * step), 0.08 * rate_hz, mode="nearest")
    heading = path.place(middle)[2]
    going = gaussian_filter1d(np.gradient(middle) * rate_hz / (gait.step_m * gait.steps_hz), 0.15 * rate_hz)
    poses = []
    for k in range(len(phase)):
        hands = [_swung_hand(-forward[k], gait), _swung_hand(forward[k], gait)]
        direction = np.array([math.cos(heading[k]), math.sin(heading[k]), 0.0])
        look = path.place(np.array([min(middle[k] + 0.7, path.length_m)]))[2][0] - heading[k]
        poses.append(
            Pose(
                pelvis=pelvis[k],
                turn=posing.turn(math.degrees(heading[k]) - 5 * forward[k], gait.lean_deg * float(going[k])),
                spine=np.array([2.0, 0.0, 9.0 * forward[k]]),
                head=np.array([8.0, 0.0, 0.5 * math.degrees(look)]),
                ankles=ankles[:, k],
                toes=toes[:, k],
                knees=direction + 0.35 * toes[:, k],
                hands=np.array(hands),
                elbows=np.array([ELBOW_BACK, ELBOW_BACK]),
                holds=np.zeros((2, 3)),
                grip=np.zeros(2),
            )
        )
    return poses


def _phases(steps: int, gait: Gait, rate_hz: float) -> Array:
    """Phase at each sample: a steady rate with an eased start and stop."""
    whole = steps / gait.steps_hz + gait.start_s
    t = np.arange(0, whole + 1 / rate_hz, 1 / rate_hz)
    ramp = gait.start_s
    speed = np.clip(np.minimum(t / ramp, (whole - t) / ramp), 0.05, 1)
    phase = np.cumsum(speed)
    return np.asarray((phase - phase[0]) / (phase[-1] - phase[0]) * steps)


SWING = 0.75


def _swings(side: int, count: int) -> list[int]:
    return [k for k in range(count + 1) if k % 2 == side]


def _foot_way(phase: Array, side: int, count: int, step: float) -> Array:
    """Where along the path the foot is."""
    way = np.zeros_like(phase)
    before = 0.0
    for k in _swings(side, count):
        goal = min(k + 1, count) * step
        u = np.clip((phase - k) / SWING, 0, 1)
        eased = u - 0.8 * np.sin(2 * np.pi * u) / (2 * np.pi)
        way = np.where(phase >= k, before + (goal - before) * eased, way)
        before = goal
    return way


def _since_swing(phase: Array, side: int, count: int) -> Array:
    """Phase relative to the start of the nearest swing; below 0 shortly before it."""
    starts = np.array(_swings(side, count), np.float64)
    last = np.maximum(np.searchsorted(starts, phase, side="right") - 1, 0)
    since = phase - starts[last]
    following = starts[np.minimum(last + 1, len(starts) - 1)]
    until = phase - following
    use_next = (until < 0) & (until > -0.4) & (since > 1.0)
    return np.where(use_next, until, since)


def _feet(body: Body, path: Path, gait: Gait, feet: Array, since: Array) -> tuple[Array, Array]:
    """(2, T, 3) ankles and toe directions: the heel rises before the swing, the toes before landing."""
    ball = 0.13 / 1.63 * (body.leg_m / 0.787) * 1.63
    ankles, toes = np.zeros((2, feet.shape[1], 3)), np.zeros((2, feet.shape[1], 3))
    for side, sign in ((0, 1.0), (1, -1.0)):
        x, y, heading = path.place(feet[side])
        q = since[side]
        pitch = np.interp(q, [-0.4, -0.05, 0.15, 0.62, SWING, SWING + 0.16], [0, -26, -38, 16, 16, 0])
        pitch = np.radians(gaussian_filter1d(pitch, 1.5)) * np.clip(gait.step_m / 0.6, 0.4, 1)
        lift = gait.lift_m * np.sin(np.pi * np.clip(q / SWING, 0, 1)) ** 1.5
        splay = heading + sign * 0.12
        wide = sign * body.half_hip_m * gait.wide
        # a lowered toe turns about the ball of the foot, a raised one about the heel
        lever = np.where(pitch < 0, ball, -0.05)
        ahead = lever * (1 - np.cos(pitch)) - 0.03
        ankles[side] = np.stack(
            [
                x + np.cos(splay) * ahead - np.sin(heading) * wide,
                y + np.sin(splay) * ahead + np.cos(heading) * wide,
                ankle_m(body) + np.abs(lever * np.sin(pitch)) + lift,
            ],
            1,
        )
        toes[side] = np.stack([np.cos(splay) * np.cos(pitch), np.sin(splay) * np.cos(pitch), np.sin(pitch)], 1)
    return ankles, toes


def _pelvis(body: Body, path: Path, middle: Array, ankles: Array, phase: Array, rate_hz: float) -> Array:
    x, y, heading = path.place(middle)
    # the weight is over the standing foot: during step k (even: left swings) it is on the right
    sway = -0.022 * np.sin(np.pi * np.clip(phase, 0, None) + 0.3) * np.clip(np.minimum(phase, phase[-1] - phase), 0, 1)
    place = np.stack([x - np.sin(heading) * sway, y + np.cos(heading) * sway], 1)
    height = np.full(len(phase), ankle_m(body) + body.leg_m * 0.992)
    for side, sign in ((0, 1.0), (1, -1.0)):
        hip = place + sign * body.half_hip_m * np.stack([-np.sin(heading), np.cos(heading)], 1)
        flat = np.linalg.norm(hip - ankles[side, :, :2], axis=1)
        reach = ankles[side, :, 2] + np.sqrt(np.maximum((body.leg_m * 0.992) ** 2 - flat**2, 0.2))
        height = np.minimum(height, reach)
    low = -gaussian_filter1d(-height, 0.07 * rate_hz, mode="nearest")
    height = np.minimum(low, height + 0.01)
    return np.column_stack([place, gaussian_filter1d(height, 0.03 * rate_hz, mode="nearest")])


def _swung_hand(forward: float, gait: Gait) -> tuple[float, float, float]:
    angle = gait.arm_swing * 1.6 * forward + 0.10
    bend = 0.95 - 0.05 * max(forward, 0.0)
    return (bend * math.sin(angle), ARM_HANGING[1], -bend * math.cos(angle))
