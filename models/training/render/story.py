"""Who comes into the room when, and what they do there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import scene
from body import Body, make_body
from motion import ELBOW_BACK, RATE_HZ, Gait, Path, ankle_m, blended, joined, standing, walk
from pose import Array, Pose, mirrored, turn
from scipy.spatial.transform import Rotation
from wardrobe import Dressed, Outfit, dress

LIES_S = 12.8


@dataclass(frozen=True)
class Actor:
    """One person: clothes, poses from `enters_s` on at RATE_HZ, and what is done when."""

    dressed: Dressed
    enters_s: float
    poses: list[Pose]
    actions: list[tuple[float, str]]
    """(start in clip seconds, name), in order"""
    events: Mapping[str, float]
    """moments worth knowing, clip seconds"""

    @property
    def leaves_s(self) -> float:
        """When the last pose has passed."""
        return self.enters_s + len(self.poses) / RATE_HZ

    def pose(self, t_s: float) -> Pose | None:
        """The pose at a time, None before the first and after the last."""
        k = round((t_s - self.enters_s) * RATE_HZ)
        return self.poses[k] if 0 <= k < len(self.poses) else None

    def action(self, t_s: float) -> str:
        """What the person does at a time."""
        return [name for start, name in self.actions if start <= t_s + 1e-9][-1]


def actors(seed: int) -> list[Actor]:
    """The two people of the clip."""
    return [_resident(seed), _visitor(seed + 1)]


def _visitor(seed: int) -> Actor:
    """A tall man who walks through the room."""
    body = make_body({"gender": 0.0, "age": 0.68, "height": 0.6, "weight": 0.55, "muscle": 0.6, "proportions": 0.6}, 1.82)
    outfit = Outfit(
        skin=(0.30, 0.165, 0.105),
        hair=(0.018, 0.014, 0.012),
        top=(0.10, 0.23, 0.33),
        trousers=(0.36, 0.29, 0.19),
        shoes=(0.55, 0.55, 0.53),
        socks=(0.04, 0.04, 0.05),
        sleeve=0.33,
        hair_back_m=0.015,
        hair_m=0.014,
        loose_m=0.014,
    )
    path = Path([(1.22, 5.7), (1.23, 4.4), (1.5, 3.35), (2.25, 2.15), (3.05, 1.15), (3.5, 0.3), (3.7, -1.2)], None, None)
    poses = walk(body, path, Gait(step_m=0.66, steps_hz=1.85, arm_swing=0.34, lean_deg=3.0))
    return Actor(dress(body, outfit, seed), 8.9, poses, [(8.9, "walking")], {})


def _resident(seed: int) -> Actor:
    """An older woman who comes in, rests, gets up, slips, lies and gets up again."""
    body = make_body({"gender": 1.0, "age": 0.93, "height": 0.4, "weight": 0.58, "muscle": 0.45, "proportions": 0.5}, 1.64)
    outfit = Outfit(
        skin=(0.56, 0.33, 0.24),
        hair=(0.46, 0.44, 0.42),
        top=(0.42, 0.055, 0.075),
        trousers=(0.075, 0.095, 0.15),
        shoes=(0.16, 0.07, 0.04),
        socks=(0.45, 0.43, 0.40),
    )
    gait = Gait(step_m=0.47, steps_hz=1.75, lift_m=0.04, arm_swing=0.26, lean_deg=5.0)
    start = 0.2
    spot = _before_chair()
    came = walk(
        body,
        Path([(1.2, 5.0), (1.22, 4.2), (1.6, 3.3), (2.35, 2.35), (2.95, 2.35), spot], None, scene.CHAIR_HEADING_DEG),
        gait,
    )
    sits = _sit_down(body, came[-1])
    rests = _rest(body, sits[-1], 6.0)
    rises = _rise(body, rests[-1])
    went = walk(
        body,
        Path([spot, (2.25, 2.95), (1.62, 2.95), (1.30, 2.55), (1.62, 2.18), (2.2, 1.75), (3.0, 1.15)],
             scene.CHAIR_HEADING_DEG, None),
        gait,
    )  # fmt: skip
    slip = _nearest(went, (2.12, 1.80))
    falls = _fall(body, went[slip - 4], went[slip])
    lies = _lie(falls[-1], LIES_S - 0.9)
    up = _get_up(body, lies[-1])

    poses: list[Pose] = []
    marks: dict[str, float] = {}
    for name, part in (
        ("comes", came), ("sits", sits), ("rests", rests), ("rises", rises), ("goes", went[: slip - 4]),
        ("falls", falls), ("lies", lies), ("up", up),
    ):  # fmt: skip
        marks[name] = start + len(poses) / RATE_HZ
        poses = blended(poses, part, 6) if name == "goes" else poses + part
    end = start + len(poses) / RATE_HZ
    fall_start = marks["falls"] + 4 / RATE_HZ
    down = fall_start + FALL_S
    stood = marks["up"] + UP_S
    actions = [
        (start, "walking"), (marks["sits"], "standing"), (marks["sits"] + TOUCHES_S, "sitting"),
        (marks["rises"] + LEAVES_S, "standing"), (marks["goes"], "walking"), (fall_start, "falling"), (down, "lying"),
        (marks["up"], "getting_up"), (stood, "standing"),
    ]  # fmt: skip
    events = {
        "sit_s": marks["sits"] + TOUCHES_S,
        "stand_s": marks["rises"] + LEAVES_S,
        "fall_start_s": fall_start,
        "fall_end_s": down,
        "up_start_s": marks["up"],
        "up_s": stood,
        "end_s": end,
    }
    return Actor(dress(body, outfit, seed), start, poses, actions, events)


def _before_chair() -> tuple[float, float]:
    angle = np.radians(scene.CHAIR_HEADING_DEG)
    return float(scene.CHAIR_AT[0] + 0.47 * np.cos(angle)), float(scene.CHAIR_AT[1] + 0.47 * np.sin(angle))


def _nearest(poses: list[Pose], place: tuple[float, float]) -> int:
    return int(np.argmin([np.hypot(*(p.pelvis[:2] - np.asarray(place))) for p in poses]))


# --- the armchair --------------------------------------------------------------------------------------------------


TOUCHES_S, LEAVES_S = 1.45, 0.8
"""when sitting down the seat is reached, and when rising it is left"""


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


def _sit_down(body: Body, stood: Pose) -> list[Pose]:
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


def _rest(body: Body, first: Pose, length_s: float) -> list[Pose]:
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


def _rise(body: Body, seated: Pose) -> list[Pose]:
    stood = standing(body, scene.CHAIR_HEADING_DEG, _before_chair())
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


# --- the fall ------------------------------------------------------------------------------------------------------

FALL_S = 0.8
UP_S = 5.8


def _frame_of(pose: Pose) -> tuple[Array, float]:
    """Place on the floor under the pelvis and the heading, as the person's own frame."""
    ahead = Rotation.from_quat(pose.turn).apply([1.0, 0.0, 0.0])
    return np.array([*pose.pelvis[:2], 0.0]), float(np.degrees(np.arctan2(ahead[1], ahead[0])))


def _pose(
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


def _fall(body: Body, before: Pose, first: Pose) -> list[Pose]:
    """A slip: the leading foot shoots ahead, she drops on her seat and back, arms thrown out."""
    origin, heading = _frame_of(first)
    a = ankle_m(body)
    out = [(1, 0.3, 0.5), (1, -0.3, 0.5)]
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
    bounce = _lying(0.0, knee=0.62, head_turn=8)
    local = [(0.15, slips), (0.37, drops), (0.54, lands), (0.78, flat), (1.15, bounce), (1.7, _lying(0.0))]
    lead = 4 / RATE_HZ
    return joined([(-lead, before), (0.0, first), *((t, p.placed(origin, heading)) for t, p in local)])


def _lying(shift_m: float, knee: float = 0.70, head_turn: float = 22.0, head_bow: float = 2.0, belly: float = 0.0) -> Pose:
    """On her back, feet ahead; `knee`: how far the right foot is from the hip (less: knee higher); `belly`: right
    hand on the belly, 0 to 1."""
    return _pose(
        (shift_m, 0.0, 0.118), {"pitch": -89}, [(0.765, 0.17, 0.085), (knee, -0.22, 0.095)],
        [(-0.03, 0.86, 0.18), (-0.03 + 0.28 * belly, 0.62 - 0.32 * belly, -0.66 + 0.14 * belly)],
        spine=(1, 0, 0), head=(head_bow, 0, head_turn),
        toes=[(0.35, 0.45, 0.85), (0.75, -0.3, 0.6)], knees=[(0.1, 0.45, 1), (0.1, -0.30, 1)],
        elbows=[(-0.35, 0.4, -0.9), (-0.25, 1.0, 0.1)],
    )  # fmt: skip


def _lie(first: Pose, length_s: float) -> list[Pose]:
    """Lying: small movements of head, arm and leg."""
    origin, heading = _lying_frame(first)
    keys = [
        (0.0, _lying(0)), (1.8, _lying(0, head_turn=20)), (2.9, _lying(0, head_turn=-16)),
        (4.6, _lying(0, head_turn=-18)), (5.8, _lying(0, head_turn=4, head_bow=12, belly=1)),
        (6.8, _lying(0, head_turn=10, belly=1)), (8.2, _lying(0, knee=0.55, head_turn=14, belly=1)),
        (9.6, _lying(0, knee=0.57, head_turn=12, belly=1)), (10.8, _lying(0, knee=0.62, head_turn=28, belly=1)),
        (length_s, _lying(0, knee=0.60, head_turn=24, belly=0.9)),
    ]  # fmt: skip
    return joined([(t, p.placed(origin, heading)) for t, p in keys])


def _lying_frame(pose: Pose) -> tuple[Array, float]:
    """The frame in which `_lying` was placed: the body's long axis points backwards along it."""
    up = Rotation.from_quat(pose.turn).apply([0.0, 0.0, 1.0])
    return np.array([*pose.pelvis[:2], 0.0]), float(np.degrees(np.arctan2(-up[1], -up[0])))


def _get_up(body: Body, lying: Pose) -> list[Pose]:
    """Onto the side, up on an arm, hands and knees, one foot forward, upright."""
    origin, heading = _lying_frame(lying)
    a = ankle_m(body)
    # written as a roll to her left (y is left, feet towards x), then mirrored: the camera is on her right
    side = _pose(
        (0.02, 0.06, 0.15), {"pitch": -86, "twist": 70}, [(0.60, 0.16, 0.085), (0.50, 0.24, 0.17)],
        [(0.55, 0.35, 0.25), (0.60, 0.05, -0.25)], spine=(14, 0, 10), head=(8, 0, 5),
        toes=[(0.8, 0.5, 0.0), (0.8, 0.5, -0.1)], knees=[(0.2, 1, 0.05), (0.3, 1, 0.2)],
        elbows=[(0, 0.6, 0.3), (-0.3, 0.8, 0.2)],
    )  # fmt: skip
    propped = _pose(
        (0.03, 0.10, 0.15), {"pitch": -52, "twist": 62, "roll": 10}, [(0.42, 0.42, 0.09), (0.46, 0.28, 0.12)],
        [(0.3, 0.4, -0.6), (0.4, 0.2, -0.6)], spine=(20, 8, 10), head=(0, -6, 0),
        toes=[(0.7, -0.6, -0.2), (0.8, -0.5, -0.2)], knees=[(0.2, 1, 0.1), (0.35, 1, 0.35)],
        elbows=[(-0.4, 0.7, -0.3), (-0.4, 0.8, 0)],
        holds=[(-0.34, 0.30, 0.06), (-0.22, 0.46, 0.06)], grip=(1.0, 0.9),
    )  # fmt: skip
    # from here on she faces to the left of how she lay
    face = 90.0
    fours = _pose(
        (0.05, 0.18, 0.44), {"heading": face, "pitch": 68}, [(-0.05, -0.20, 0.085), (0.18, -0.20, 0.085)],
        [(0.8, 0.1, 0.2), (0.8, 0.1, 0.2)], spine=(8, 0, 0), head=(-22, 0, 0),
        toes=[(-0.05, -1.0, -0.45), (0.05, -1.0, -0.45)], knees=[(0, 0.9, -0.5), (0, 0.9, -0.5)],
        elbows=[(-0.2, 0.9, -0.3)] * 2, holds=[(-0.14, 0.64, 0.07), (0.24, 0.66, 0.07)], grip=(1.0, 1.0),
    )  # fmt: skip
    kneel = _pose(
        (0.06, 0.12, 0.53), {"heading": face, "pitch": 30}, [(-0.05, -0.20, 0.09), (0.17, 0.40, a)],
        [(0.4, 0.2, -0.6), (0.4, 0.2, -0.6)], spine=(22, 0, 0), head=(-4, 0, 0),
        toes=[(-0.05, -0.75, -0.65), (0.1, 1.0, 0)], knees=[(0, 0.9, -0.3), (0.1, 1.0, 0.8)],
        elbows=[(-0.5, 0.8, 0)] * 2, holds=[(-0.05, 0.42, 0.40), (0.17, 0.46, 0.56)], grip=(0.4, 1.0),
    )  # fmt: skip
    push = _pose(
        (0.08, 0.26, 0.68), {"heading": face, "pitch": 40}, [(-0.02, 0.06, 0.16), (0.17, 0.40, a)],
        [(0.4, 0.2, -0.7), (0.4, 0.2, -0.6)], spine=(20, 0, 0), head=(-8, 0, 0),
        toes=[(-0.05, 0.8, -0.6), (0.1, 1.0, 0)], knees=[(0, 1, 0.1), (0.1, 1.0, 0.5)],
        elbows=[(-0.5, 0.8, 0)] * 2, holds=[(-0.05, 0.5, 0.50), (0.17, 0.50, 0.60)], grip=(0.3, 1.0),
    )  # fmt: skip
    stood = standing(body, face, (0.07, 0.40))
    stoop = replace(
        stood, pelvis=stood.pelvis - [0, 0.06, 0.07], turn=turn(face, 22), spine=np.array([12.0, 0, 0]),
        hands=np.array([[0.35, 0.2, -0.8], [0.35, 0.15, -0.75]]),
    )  # fmt: skip
    poses = (side, propped, fours, kneel, push, stoop, stood)
    placed = [mirrored(p).placed(origin, heading) for p in poses]
    times = [0.9, 1.8, 2.8, 3.8, 4.4, 5.0, UP_S]
    look = replace(placed[-1], head=np.array([6.0, 0.0, 20.0]))
    return joined([(0.0, lying), *zip(times, placed, strict=True), (UP_S + 0.8, look), (UP_S + 1.6, placed[-1])])
