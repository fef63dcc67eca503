"""Slipping, lying on the floor, getting up again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from body import Body
from motion import ELBOW_BACK, RATE_HZ, ankle_m, joined, standing
from pose import Array, Pose, mirrored, turn
from scipy.spatial.transform import Rotation

DOWN_S = 0.8
"""from the slip to lying"""
UP_S = 5.8
"""from lying to standing"""


def _frame_of(pose: Pose) -> tuple[Array, float]:
    """Place on the floor under the pelvis and the heading, as the person's own frame."""
    ahead = Rotation.from_quat(pose.turn).apply([1.0, 0.0, 0.0])
    return np.array([*pose.pelvis[:2], 0.0]), float(np.degrees(np.arctan2(ahead[1], ahead[0])))


def _pose(  # noqa: PLR0913
    pelvis: tuple[float, float, float], tilt: dict[str, float], ankles: list[tuple[float, float, float]],
    hands: list[tuple[float, float, float]], *, spine: tuple[float, float, float] = (0, 0, 0),
    head: tuple[float, float, float] = (0, 0, 0), toes: list[tuple[float, float, float]] | None = None,
    knees: list[tuple[float, float, float]] | None = None, elbows: list[tuple[float, float, float]] | None = None,
    holds: list[tuple[float, float, float]] | None = None, grip: tuple[float, float] = (0, 0),
) -> Pose:  # fmt: skip
    up = [(0.25, 0.1, 1.0), (0.25, -0.1, 1.0)]
    return Pose(
        np.array(pelvis, float), turn(**tilt), np.array(spine, float), np.array(head, float),
        np.array(ankles, float), np.array(toes or [(1, 0.15, 0), (1, -0.15, 0)], float),
        np.array(knees or up, float), np.array(hands, float), np.array(elbows or [ELBOW_BACK] * 2, float),
        np.array(holds or [(0, 0, 0)] * 2, float), np.array(grip, float),
    )  # fmt: skip


def slip_back(body: Body, before: Pose, first: Pose) -> list[Pose]:
    """A slip: the leading foot shoots ahead, she drops on her seat and back, arms thrown out."""
    origin, heading = _frame_of(first)
    a = ankle_m(body)
    out = [(1.0, 0.3, 0.5), (1.0, -0.3, 0.5)]
    slips = _pose(
        (0.08, 0.01, 0.80), {"pitch": -12}, [(0.52, 0.09, a + 0.03), (0.02, -0.10, a + 0.02)],
        [(0.45, 0.55, -0.45), (0.35, 0.62, -0.35)], spine=(14, 0, 6), head=(14, 0, 0),
        toes=[(1, 0.1, 0.3), (1, -0.15, -0.2)], knees=[(1, 0.1, 0.3), (1, -0.1, 0.1)],
    )  # fmt: skip
    drops = _pose(
        (0.06, 0.0, 0.47), {"pitch": -30, "roll": -6}, [(0.78, 0.12, a + 0.10), (0.42, -0.14, a)],
        [(0.35, 0.80, -0.05), (-0.05, 0.78, -0.40)], spine=(26, 0, 4), head=(20, 0, 0),
        toes=[(1, 0.15, 0.7), (1, -0.15, 0.1)], knees=[(1, 0.2, 0.7), (1, -0.3, 0.9)],
    )  # fmt: skip
    lands = _pose(
        (0.03, 0.0, 0.135), {"pitch": -48, "roll": -5}, [(0.72, 0.16, 0.22), (0.52, -0.20, a)],
        [(0.1, 0.80, -0.3), (-0.35, 0.68, -0.5)], spine=(30, 0, 0), head=(22, 0, 0),
        toes=[(0.8, 0.2, 0.9), (1, -0.2, 0.3)], knees=out,
    )  # fmt: skip
    flat = _pose(
        (0.0, 0.0, 0.12), {"pitch": -84}, [(0.74, 0.20, 0.16), (0.60, -0.24, a)],
        [(-0.02, 0.93, 0.05), (-0.04, 0.80, -0.42)], spine=(8, 0, 0), head=(16, 0, 0),
        toes=[(0.5, 0.3, 0.9), (0.9, -0.3, 0.5)], knees=[(0.3, 0.3, 1), (0.2, -0.35, 1)],
    )  # fmt: skip
    bounce = _lying(knee=0.62, head_turn=8)
    local = [(0.15, slips), (0.37, drops), (0.54, lands), (0.78, flat), (1.15, bounce), (1.7, _lying())]
    lead = 4 / RATE_HZ
    return joined([(-lead, before), (0.0, first), *((t, p.placed(origin, heading)) for t, p in local)])


def _lying(knee: float = 0.70, head_turn: float = 22.0, head_bow: float = 2.0, belly: float = 0.0) -> Pose:
    """On her back, feet ahead.

    `knee`: metres from hip to right foot (less: the knee is higher); `belly`: right hand on the belly, 0 to 1.
    """
    return _pose(
        (0.0, 0.0, 0.118), {"pitch": -89}, [(0.765, 0.17, 0.085), (knee, -0.22, 0.095)],
        [(-0.03, 0.86, 0.18), (-0.03 + 0.28 * belly, 0.62 - 0.32 * belly, -0.66 + 0.14 * belly)],
        spine=(1, 0, 0), head=(head_bow, 0, head_turn),
        toes=[(0.35, 0.45, 0.85), (0.75, -0.3, 0.6)], knees=[(0.1, 0.45, 1), (0.1, -0.30, 1)],
        elbows=[(-0.35, 0.4, -0.9), (-0.25, 1.0, 0.1)],
    )  # fmt: skip


def lie(first: Pose, length_s: float) -> list[Pose]:
    """Lying: small movements of head, arm and leg."""
    origin, heading = _lying_frame(first)
    keys = [
        (0.0, _lying()), (1.8, _lying(head_turn=20)), (2.9, _lying(head_turn=-16)),
        (4.6, _lying(head_turn=-18)), (5.8, _lying(head_turn=4, head_bow=12, belly=1)),
        (6.8, _lying(head_turn=10, belly=1)), (8.2, _lying(knee=0.55, head_turn=14, belly=1)),
        (9.6, _lying(knee=0.57, head_turn=12, belly=1)), (10.8, _lying(knee=0.62, head_turn=28, belly=1)),
        (length_s, _lying(knee=0.60, head_turn=24, belly=0.9)),
    ]  # fmt: skip
    return joined([(t, p.placed(origin, heading)) for t, p in keys])


def _lying_frame(pose: Pose) -> tuple[Array, float]:
    """The frame in which `_lying` was placed: the body's long axis points backwards along it."""
    up = Rotation.from_quat(pose.turn).apply([0.0, 0.0, 1.0])
    return np.array([*pose.pelvis[:2], 0.0]), float(np.degrees(np.arctan2(-up[1], -up[0])))


def get_up(body: Body, lying: Pose) -> list[Pose]:
    """Onto the side, up on an arm, hands and knees, one foot forward, upright."""
    origin, heading = _lying_frame(lying)
    a = ankle_m(body)
    # written as a roll to her left (y is left, feet towards x), then mirrored: the camera is on her right
    side = _pose(
        (0.02, 0.06, 0.15), {"pitch": -86, "twist": 70}, [(0.60, 0.16, 0.085), (0.50, 0.24, 0.17)],
        [(0.55, 0.35, 0.25), (0.60, 0.05, -0.25)], spine=(14, 0, 10), head=(8, 0, 5),
        toes=[(0.8, 0.5, 0.0), (0.8, 0.5, -0.1)], knees=[(0.2, 1, 0.05), (0.3, 1, 0.2)],
        elbows=[(0.3, -0.8, 0.2), (-0.3, 0.8, 0.2)], holds=[(-0.42, 0.62, 0.06), (0, 0, 0)], grip=(1.0, 0.0),
    )  # fmt: skip
    propped = _pose(
        (0.03, 0.10, 0.15), {"pitch": -52, "twist": 62, "roll": 10}, [(0.42, 0.42, 0.09), (0.46, 0.28, 0.12)],
        [(0.3, 0.4, -0.6), (0.4, 0.2, -0.6)], spine=(16, 8, 10), head=(-14, -6, 0),
        toes=[(0.7, -0.6, -0.2), (0.8, -0.5, -0.2)], knees=[(0.2, 1, 0.1), (0.35, 1, 0.35)],
        elbows=[(-0.4, 0.7, -0.3), (-0.4, 0.8, 0)],
        holds=[(-0.34, 0.30, 0.06), (-0.22, 0.46, 0.06)], grip=(1.0, 0.9),
    )  # fmt: skip
    # from here on she faces to the left of how she lay
    face = 90.0
    fours = _pose(
        (0.05, 0.18, 0.44), {"heading": face, "pitch": 68}, [(-0.05, -0.20, 0.105), (0.18, -0.20, 0.105)],
        [(0.8, 0.1, 0.2), (0.8, 0.1, 0.2)], spine=(6, 0, 0), head=(-48, 0, 0),
        toes=[(-0.05, -1.0, -0.45), (0.05, -1.0, -0.45)], knees=[(0, 0.9, -0.5), (0, 0.9, -0.5)],
        elbows=[(-0.2, 0.9, -0.3)] * 2, holds=[(-0.14, 0.64, 0.07), (0.24, 0.66, 0.07)], grip=(1.0, 1.0),
    )  # fmt: skip
    kneel = _pose(
        (0.06, 0.12, 0.53), {"heading": face, "pitch": 30}, [(-0.05, -0.20, 0.15), (0.17, 0.40, a)],
        [(0.4, 0.2, -0.6), (0.4, 0.2, -0.6)], spine=(14, 0, 0), head=(-26, 0, 0),
        toes=[(-0.05, -0.75, -0.65), (0.1, 1.0, 0)], knees=[(0, 0.9, -0.3), (0.1, 1.0, 0.8)],
        elbows=[(-0.5, 0.8, 0)] * 2, holds=[(-0.05, 0.42, 0.40), (0.17, 0.46, 0.56)], grip=(0.4, 1.0),
    )  # fmt: skip
    push = _pose(
        (0.08, 0.26, 0.68), {"heading": face, "pitch": 40}, [(-0.02, 0.06, 0.16), (0.17, 0.40, a)],
        [(0.4, 0.2, -0.7), (0.4, 0.2, -0.6)], spine=(14, 0, 0), head=(-28, 0, 0),
        toes=[(-0.05, 0.8, -0.6), (0.1, 1.0, 0)], knees=[(0, 1, 0.1), (0.1, 1.0, 0.5)],
        elbows=[(-0.5, 0.8, 0)] * 2, holds=[(-0.05, 0.5, 0.50), (0.17, 0.50, 0.60)], grip=(0.3, 1.0),
    )  # fmt: skip
    stood = standing(body, face, (0.07, 0.40))
    stoop = replace(
        stood, pelvis=stood.pelvis - [0, 0.06, 0.07], turn=turn(face, 22),
        spine=np.array([10.0, 0, 0]), head=np.array([-16.0, 0, 0]),
        hands=np.array([[0.35, 0.2, -0.8], [0.35, 0.15, -0.75]]),
    )  # fmt: skip
    poses = (side, propped, fours, kneel, push, stoop, stood)
    placed = [mirrored(p).placed(origin, heading) for p in poses]
    times = [0.9, 1.8, 2.8, 3.8, 4.4, 5.0, UP_S]
    look = replace(placed[-1], head=np.array([6.0, 0.0, 20.0]))
    return joined([(0.0, lying), *zip(times, placed, strict=True), (UP_S + 0.8, look), (UP_S + 1.6, placed[-1])])
