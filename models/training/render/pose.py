"""A pose as few numbers, and the segments' places that follow from it.

Legs and arms are solved from where ankles and wrists shall be (two-bone inverse kinematics), so that feet stay where
they are put. All vectors of a pose are in the world unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from body import NECK, SEGMENT_INDEX, SEGMENTS, SPINE, Body
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """One body pose; sides are (left, right)."""

    pelvis: Array
    """(3,) midway between the hip joints, metres"""
    turn: Array
    """(4,) pelvis orientation as a quaternion x, y, z, w"""
    spine: Array
    """(3,) chest against pelvis in degrees: bent forwards, bent to the left, turned to the left"""
    head: Array
    """(3,) head against chest, the same three"""
    ankles: Array
    """(2, 3) metres"""
    toes: Array
    """(2, 3) direction from heel to toes"""
    knees: Array
    """(2, 3) direction in which the knees point"""
    hands: Array
    """(2, 3) wrist from shoulder in the chest's frame (forwards, outwards, up), in arm lengths"""
    elbows: Array
    """(2, 3) direction in which the elbows point, the same frame"""
    holds: Array
    """(2, 3) metres: a place in the world for the wrist …"""
    grip: Array
    """(2,) … and how far it overrides `hands`, 0 to 1"""

    def vector(self) -> Array:
        """All numbers in a row."""
        return np.concatenate([np.ravel(getattr(self, f.name)) for f in fields(self)])

    @staticmethod
    def of(vector: Array) -> Pose:
        """The pose whose `vector()` this is; directions and the quaternion are normalised."""
        values: dict[str, Any] = {}
        at = 0
        for name, shape in _SHAPES.items():
            size = int(np.prod(shape))
            values[name] = vector[at : at + size].reshape(shape)
            at += size
        values["turn"] = values["turn"] / np.linalg.norm(values["turn"])
        return Pose(**values)

    def placed(self, origin: Array, heading_deg: float) -> Pose:
        """The pose seen from a person's own place (x ahead, y left) put into the world."""
        place = Rotation.from_euler("z", heading_deg, degrees=True)
        at = np.asarray(origin, np.float64)
        return replace(
            self,
            pelvis=place.apply(self.pelvis) + at,
            turn=(place * Rotation.from_quat(self.turn)).as_quat(),
            ankles=place.apply(self.ankles) + at,
            toes=place.apply(self.toes),
            knees=place.apply(self.knees),
            holds=place.apply(self.holds) + at,
        )


_SHAPES: dict[str, tuple[int, ...]] = {
    "pelvis": (3,), "turn": (4,), "spine": (3,), "head": (3,), "ankles": (2, 3), "toes": (2, 3),
    "knees": (2, 3), "hands": (2, 3), "elbows": (2, 3), "holds": (2, 3), "grip": (2,),
}  # fmt: skip


def turn(heading: float = 0, pitch: float = 0, roll: float = 0, twist: float = 0) -> Array:
    """Quaternion of a body's orientation; degrees.

    It is turned about its long axis by `twist`, tilted to the left by `roll`, leant forwards by `pitch`, then faced to
    `heading`.
    """
    parts = (("z", heading), ("y", pitch), ("x", -roll), ("z", twist))
    result = Rotation.identity()
    for axis, angle in parts:
        result = result * Rotation.from_euler(axis, angle, degrees=True)
    return np.asarray(result.as_quat())


def mirrored(pose: Pose) -> Pose:
    """The pose with left and right exchanged, in the frame it is written in (y turned round)."""
    flip = np.array([1.0, -1.0, 1.0])
    sides = {name: getattr(pose, name)[::-1] * flip for name in ("ankles", "toes", "knees", "holds")}
    return replace(
        pose,
        pelvis=pose.pelvis * flip,
        turn=pose.turn * [-1.0, 1.0, -1.0, 1.0],
        spine=pose.spine * [1.0, -1.0, -1.0],
        head=pose.head * [1.0, -1.0, -1.0],
        # these two are measured outwards already
        hands=pose.hands[::-1],
        elbows=pose.elbows[::-1],
        grip=pose.grip[::-1],
        **sides,
    )


def transforms(body: Body, pose: Pose) -> NDArray[np.float32]:
    """(S, 3, 4) rest-to-world transforms of the body's segments."""
    out = np.zeros((len(SEGMENTS), 3, 4))
    root = Rotation.from_quat(pose.turn).as_matrix()
    _set(out, "root", root, pose.pelvis, np.zeros(3))
    rotation = _chain(out, body, "root", root, SPINE, pose.spine)
    _chain(out, body, SPINE[-1], rotation, NECK, pose.head)
    for side, (letter, sign) in enumerate((("L", 1.0), ("R", -1.0))):
        _leg(out, body, pose, side, letter)
        _arm(out, body, pose, side, letter, sign, rotation)
    return out.astype(np.float32)


def _set(out: Array, name: str, rotation: Array, place: Array, rest: Array) -> None:
    k = SEGMENT_INDEX[name]
    out[k, :, :3] = rotation
    out[k, :, 3] = place - rotation @ rest


def _moved(out: Array, name: str, point: Array) -> Array:
    matrix = out[SEGMENT_INDEX[name]]
    result: Array = matrix[:, :3] @ point + matrix[:, 3]
    return result


def _chain(out: Array, body: Body, parent: str, rotation: Array, names: tuple[str, ...], bend: Array) -> Array:
    """Spreads a bend (forwards, left, turn; degrees) evenly over a chain of segments; its last rotation."""
    share = np.asarray(bend) / len(names)
    step = Rotation.from_euler("yxz", [share[0], -share[1], share[2]], degrees=True).as_matrix()
    for name in names:
        joint = np.asarray(body.joints[name], np.float64)
        place = _moved(out, parent, joint)
        rotation = rotation @ step
        _set(out, name, rotation, place, joint)
        parent = name
    return rotation


def _unit(vector: Array) -> Array:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))


def _frame(along: Array, hinge: Array) -> Array:
    first = _unit(along)
    second = _unit(hinge - first * (hinge @ first))
    return np.stack([first, second, np.cross(first, second)], 1)


def _two_bones(start: Array, target: Array, upper: float, lower: float, pole: Array) -> tuple[Array, Array, Array]:
    """Middle joint, end joint and hinge axis of a limb that reaches for `target`."""
    reach = target - start
    distance = float(np.clip(np.linalg.norm(reach), abs(upper - lower) + 1e-3, (upper + lower) * 0.9985))
    along = _unit(reach)
    side = _unit(pole - along * (pole @ along))
    cosine = np.clip((upper**2 + distance**2 - lower**2) / (2 * upper * distance), -1, 1)
    middle = start + upper * (along * cosine + side * np.sqrt(1 - cosine**2))
    return middle, start + along * distance, -np.cross(along, side)


def _leg(out: Array, body: Body, pose: Pose, side: int, letter: str) -> None:
    hip, knee, ankle, toe = (
        np.asarray(body.joints[f"{n}.{letter}"], np.float64) for n in ("upperleg01", "lowerleg01", "foot", "toe2-1")
    )
    start = _moved(out, "root", hip)
    lengths = float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee))
    middle, end, hinge = _two_bones(start, pose.ankles[side], *lengths, pose.knees[side])
    lateral = np.array([0.0, 1.0, 0.0])
    _set(out, f"upperleg01.{letter}", _frame(middle - start, hinge) @ _frame(knee - hip, lateral).T, start, hip)
    _set(out, f"lowerleg01.{letter}", _frame(end - middle, hinge) @ _frame(ankle - knee, lateral).T, middle, knee)
    rest = _frame((toe - ankle) * [1, 1, 0], np.array([0.0, 0.0, 1.0]))
    _set(out, f"foot.{letter}", _frame(pose.toes[side], middle - end) @ rest.T, end, ankle)


def _arm(out: Array, body: Body, pose: Pose, side: int, letter: str, sign: float, chest: Array) -> None:
    shoulder, elbow, half, wrist = (
        np.asarray(body.joints[f"{n}.{letter}"], np.float64)
        for n in ("upperarm01", "lowerarm01", "lowerarm02", "wrist")
    )
    outwards = np.array([1.0, sign, 1.0])
    start = _moved(out, SPINE[-1], shoulder)
    lengths = float(np.linalg.norm(elbow - shoulder)), float(np.linalg.norm(wrist - elbow))
    free = start + chest @ (pose.hands[side] * outwards) * sum(lengths)
    grip = float(np.clip(pose.grip[side], 0, 1))
    target = (1 - grip) * free + grip * pose.holds[side]
    middle, end, hinge = _two_bones(start, target, *lengths, chest @ (pose.elbows[side] * outwards))
    rest_hinge = np.cross(elbow - shoulder, wrist - elbow)
    upper = _frame(middle - start, hinge) @ _frame(elbow - shoulder, rest_hinge).T
    lower = _frame(end - middle, hinge) @ _frame(wrist - elbow, rest_hinge).T
    _set(out, f"upperarm01.{letter}", upper, start, shoulder)
    _set(out, f"lowerarm01.{letter}", lower, middle, elbow)
    _set(out, f"lowerarm02.{letter}", lower, _moved(out, f"lowerarm01.{letter}", half), half)
    _set(out, f"wrist.{letter}", _off_the_floor(end, middle) @ lower, end, wrist)


_HAND_M = 0.16


def _off_the_floor(wrist: Array, elbow: Array) -> Array:
    """Rotation that bends a hand at the wrist as far as its fingers would go through the floor."""
    along = _unit(wrist - elbow)
    lowest = float(np.clip((0.02 - wrist[2]) / _HAND_M, -1.0, 0.6))
    if along[2] >= lowest:
        return np.eye(3)
    flat = np.array([along[0], along[1], 0.0])
    flat = _unit(flat) * np.sqrt(1 - lowest**2)
    goal = np.array([flat[0], flat[1], lowest])
    axis = np.cross(along, goal)
    size = float(np.linalg.norm(axis))
    angle = np.arctan2(size, float(along @ goal))
    return np.asarray(Rotation.from_rotvec(axis / max(size, 1e-9) * angle).as_matrix())
