"""Sitting down in the armchair, resting there, rising."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scene
from body import Body
from motion import ankle_m, joined, standing
from pose import Array, Pose, turn

TOUCHES_S, LEAVES_S = 1.45, 0.8
"""when sitting down the seat is reached, and when rising it is left"""


def before() -> tuple[float, float]:
    """Where one stands to sit down."""
    angle = np.radians(scene.CHAIR_HEADING_DEG)
    return float(scene.CHAIR_AT[0] + 0.47 * np.cos(angle)), float(scene.CHAIR_AT[1] + 0.47 * np.sin(angle))


def _in_chair(pose: Pose) -> Pose:
    return pose.placed(np.asarray(scene.CHAIR_AT), scene.CHAIR_HEADING_DEG)


def _seated(body: Body, **changes: object) -> Pose:
    """Sitting in the armchair, hands on its arms; seen from the chair's middle, x ahead."""
    ankle = ankle_m(body)
    pose = Pose(
        pelvis=np.array([-0.05, 0.0, scene.SEAT_M + 0.125]),
        turn=turn(pitch=-14),
        spine=np.array([8.0, 0.0, 0.0]),
        head=np.array([10.0, 0.0, 0.0]),
        ankles=np.array([[0.45, 0.10, ankle], [0.45, -0.10, ankle]]),
        toes=np.array([[1.0, 0.16, 0.0], [1.0, -0.16, 0.0]]),
        knees=np.array([[1.0, 0.14, 0.6], [1.0, -0.14, 0.6]]),
        hands=np.array([[0.5, 0.1, -0.6]] * 2),
        elbows=np.array([[-0.7, 0.8, -0.5]] * 2),
        holds=np.array([[0.24, 0.35, 0.675], [0.24, -0.35, 0.675]]),
        grip=np.ones(2),
    )
    return _in_chair(replace(pose, **changes))  # type: ignore[arg-type]


def sit_down(body: Body, stood: Pose) -> list[Pose]:
    """From standing before the chair to leaning back in it."""
    ankle = stood.ankles
    seat = _seated(body)
    reach = np.array([[0.30, 0.36, 0.69], [0.30, -0.36, 0.69]])
    stoop = _seated(
        body, pelvis=np.array([0.16, 0.0, 0.72]), turn=turn(pitch=38), spine=np.array([16.0, 0, 0]),
        head=np.array([-6.0, 0, 0]), holds=reach, grip=np.array([0.85, 0.85]),
    )  # fmt: skip
    touch = _seated(
        body, pelvis=np.array([-0.02, 0.0, scene.SEAT_M + 0.14]), turn=turn(pitch=24), spine=np.array([16.0, 0, 0]),
        holds=reach,
    )  # fmt: skip
    bend = replace(
        stood, turn=_in_chair(replace(stood, turn=turn(pitch=14))).turn, pelvis=stood.pelvis + _ahead(-0.04, -0.05),
        grip=np.array([0.15, 0.15]), holds=stoop.holds,
    )  # fmt: skip
    keys = [(0.0, stood), (0.35, bend), (0.95, stoop), (1.45, touch), (2.1, seat)]
    return joined([(t, replace(p, ankles=ankle, toes=stood.toes)) for t, p in keys])


def _ahead(forward_m: float, up_m: float) -> Array:
    angle = np.radians(scene.CHAIR_HEADING_DEG)
    return np.array([forward_m * np.cos(angle), forward_m * np.sin(angle), up_m])


def rest(body: Body, first: Pose, length_s: float) -> list[Pose]:
    """Sitting, looking after the visitor, a hand in the lap."""
    lap = np.array([[0.22, 0.35, 0.675], [0.20, -0.06, 0.68]])
    looks = [
        (0.0, 0.0, 0.0, None), (0.9, 4.0, 26.0, None), (2.0, 5.0, 18.0, lap), (3.2, 7.0, -8.0, lap),
        (4.4, 6.0, -30.0, lap), (5.6, 10.0, -12.0, lap), (length_s, 10.0, 0.0, None),
    ]  # fmt: skip
    keys = []
    for t, bow, side, hands in looks:
        pose = _seated(
            body, head=np.array([bow, 0.0, side]), spine=np.array([8.0, 0.0, 0.15 * side]),
            **({} if hands is None else {"holds": hands}),
        )  # fmt: skip
        keys.append((t, replace(pose, ankles=first.ankles, toes=first.toes)))
    return joined(keys)


def rise(body: Body, seated: Pose) -> list[Pose]:
    """From leaning back to standing before the chair."""
    stood = standing(body, scene.CHAIR_HEADING_DEG, before())
    stood = replace(stood, ankles=seated.ankles, toes=seated.toes)
    bow = _seated(
        body, pelvis=np.array([0.02, 0.0, scene.SEAT_M + 0.13]), turn=turn(pitch=34), spine=np.array([18.0, 0, 0]),
        head=np.array([-8.0, 0, 0]), holds=np.array([[0.30, 0.36, 0.69], [0.30, -0.36, 0.69]]),
    )  # fmt: skip
    push = _seated(
        body, pelvis=np.array([0.24, 0.0, 0.70]), turn=turn(pitch=36), spine=np.array([14.0, 0, 0]),
        head=np.array([-6.0, 0, 0]), holds=np.array([[0.32, 0.36, 0.69], [0.32, -0.36, 0.69]]),
        grip=np.array([0.8, 0.8]),
    )  # fmt: skip
    keys = [(0.0, seated), (0.7, bow), (1.2, push), (2.0, stood), (2.3, stood)]
    return joined([(t, replace(p, ankles=seated.ankles, toes=seated.toes)) for t, p in keys])
