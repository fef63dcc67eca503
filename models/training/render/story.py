"""Who comes into the room when, and what they do there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import chair
import fall
import numpy as np
import scene
from body import make_body
from motion import RATE_HZ, Gait, Path, blended, walk
from pose import Pose
from wardrobe import Dressed, Outfit, dress

LIES_S = 12.8
"""how long she lies still on the floor, more or less"""


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
    shape = {"gender": 0.0, "age": 0.68, "height": 0.6, "weight": 0.55, "muscle": 0.6, "proportions": 0.6}
    body = make_body(shape, 1.82)
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
    way = [(1.22, 5.7), (1.23, 4.4), (1.5, 3.35), (2.25, 2.15), (3.05, 1.15), (3.5, 0.3), (3.7, -1.2)]
    path = Path(way, None, None)
    poses = walk(body, path, Gait(step_m=0.66, steps_hz=1.85, arm_swing=0.34, lean_deg=3.0))
    return Actor(dress(body, outfit, seed), 8.9, poses, [(8.9, "walking")], {})


def _resident(seed: int) -> Actor:
    """An older woman who comes in, rests, gets up, slips, lies and gets up again."""
    shape = {"gender": 1.0, "age": 0.93, "height": 0.4, "weight": 0.58, "muscle": 0.45, "proportions": 0.5}
    body = make_body(shape, 1.64)
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
    spot = chair.before()
    came = walk(
        body,
        Path([(1.2, 5.0), (1.22, 4.2), (1.6, 3.3), (2.35, 2.35), (2.95, 2.35), spot], None, scene.CHAIR_HEADING_DEG),
        gait,
    )
    sits = chair.sit_down(body, came[-1])
    rests = chair.rest(body, sits[-1], 6.0)
    rises = chair.rise(body, rests[-1])
    went = walk(
        body,
        Path([spot, (2.25, 2.95), (1.62, 2.95), (1.30, 2.55), (1.62, 2.18), (2.2, 1.75), (3.0, 1.15)],
             scene.CHAIR_HEADING_DEG, None),
        gait,
    )  # fmt: skip
    slip = _nearest(went, (2.12, 1.80))
    falls = fall.slip_back(body, went[slip - 4], went[slip])
    lies = fall.lie(falls[-1], LIES_S - 0.9)
    up = fall.get_up(body, lies[-1])

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
    down = fall_start + fall.DOWN_S
    stood = marks["up"] + fall.UP_S
    actions = [
        (start, "walking"), (marks["sits"], "standing"), (marks["sits"] + chair.TOUCHES_S, "sitting"),
        (marks["rises"] + chair.LEAVES_S, "standing"), (marks["goes"], "walking"),
        (fall_start, "falling"), (down, "lying"), (marks["up"], "getting_up"), (stood, "standing"),
    ]  # fmt: skip
    events = {
        "sit_s": marks["sits"] + chair.TOUCHES_S,
        "stand_s": marks["rises"] + chair.LEAVES_S,
        "fall_start_s": fall_start,
        "fall_end_s": down,
        "up_start_s": marks["up"],
        "up_s": stood,
        "end_s": end,
    }
    return Actor(dress(body, outfit, seed), start, poses, actions, events)


def _nearest(poses: list[Pose], place: tuple[float, float]) -> int:
    return int(np.argmin([np.hypot(*(p.pelvis[:2] - np.asarray(place))) for p in poses]))
