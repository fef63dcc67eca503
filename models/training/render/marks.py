"""Exact places of hands, feet and of what can be told of a face on Anny's body: vertices and joints, in any pose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from body import SEGMENT_INDEX, Body
from mesh import Float, Int
from wardrobe import Dressed

FINGERS = (1, 2, 3, 4, 5)
"""Anny's numbers, thumb to little finger."""
FEET = ("left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel")
FACE = (8, 30, 36, 39, 42, 45, 68, 69)
"""What a mesh without painted lips and brows can tell of the 70 points: chin, tip of the nose, corners of the eyes,
pupils."""


@dataclass(frozen=True)
class Marks:
    """Places that follow the body."""

    vertices: Int
    """(K,) of the dressed body; -1 where a joint is meant"""
    rest: Float
    """(K, 3) the joint's place at rest"""
    segments: Int
    """(K,) what carries the joint"""

    def world(self, vertices: Float, transforms: Float) -> Float:
        """(K, 3) where they are: skinned vertices, and the segments' (S, 3, 4) transforms."""
        matrix = transforms[self.segments]
        joints = np.einsum("kij,kj->ki", matrix[:, :, :3], self.rest) + matrix[:, :, 3]
        return np.where((self.vertices >= 0)[:, None], vertices[np.maximum(self.vertices, 0)], joints)


def _of(places: list[tuple[int, Float, str]]) -> Marks:
    return Marks(
        np.array([vertex for vertex, _, _ in places], np.int32),
        np.array([rest for _, rest, _ in places], np.float32),
        np.array([SEGMENT_INDEX[segment] for _, _, segment in places], np.int32),
    )


def hand(body: Body, letter: str) -> Marks:
    """(21,) wrist, then four of each finger from the root to the tip."""
    segment = f"wrist.{letter}"
    places = [(-1, body.joints[segment], segment)]
    for finger in FINGERS:
        joints = [body.joints[f"finger{finger}-{k}.{letter}"] for k in (1, 2, 3)]
        places += [(-1, joint, segment) for joint in joints]
        places.append((_tip(body, letter, joints), joints[2], segment))
    return _of(places)


def _tip(body: Body, letter: str, joints: list[Float]) -> int:
    """The vertex that lies farthest along a finger's last bone."""
    carried = body.weights[:, SEGMENT_INDEX[f"wrist.{letter}"]] > 0.5
    way = (joints[2] - joints[1]) / np.linalg.norm(joints[2] - joints[1])
    away = body.vertices - joints[2]
    along = away @ way
    aside = np.linalg.norm(away - np.outer(along, way), axis=1)
    return int(np.where(carried & (aside < 0.011) & (along < 0.05), along, -1.0).argmax())


def feet(dressed: Dressed) -> Marks:
    """(6,) tips of the big and the small toe and the back of the heel, on the surface of skin or shoe, as FEET."""
    return _of([place for letter in "LR" for place in _foot(dressed, letter)])


def _foot(dressed: Dressed, letter: str) -> list[tuple[int, Float, str]]:
    body, segment = dressed.body, f"foot.{letter}"
    ankle, toe = body.joints[segment], body.joints[f"toe2-1.{letter}"]
    way = np.array([toe[0] - ankle[0], toe[1] - ankle[1], 0.0])
    way /= np.linalg.norm(way)
    # to the side of the big toe
    inwards = np.array([way[1], -way[0], 0.0]) * (1.0 if letter == "L" else -1.0)
    own = body.weights[:, SEGMENT_INDEX[segment]] > 0.5
    low = dressed.vertices[:, 2] < dressed.vertices[own, 2].min() + 0.06
    along, aside = dressed.vertices @ way, dressed.vertices @ inwards
    picked = []
    for number, width in ((1, 0.016), (5, 0.013)):
        root = body.joints[f"toe{number}-1.{letter}"] @ inwards
        near = own & low & (np.abs(aside - root) < width)
        picked.append(int(np.where(near, along, -9.0).argmax()))
    picked.append(int(np.where(own & low, along, 9.0).argmin()))
    return [(vertex, ankle, segment) for vertex in picked]


def face(dressed: Dressed) -> Marks:
    """(8,) of the points that FACE numbers."""
    body, points = dressed.body, dressed.vertices
    head = body.weights[:, SEGMENT_INDEX["head"]] > 0.5
    middle = head & (np.abs(points[:, 1]) < 0.006)
    eyes = {letter: body.joints[f"eye.{letter}"] for letter in "LR"}
    level = float(eyes["L"][2])
    ahead = np.where(middle & (np.abs(points[:, 2] - level + 0.04) < 0.035), points[:, 0], -9.0)
    tip = int(ahead.argmax())
    below = middle & (points[:, 2] < level - 0.075) & (points[:, 0] > points[tip, 0] - 0.06)
    chin = int(np.where(below, points[:, 2], 9.0).argmin())
    places = [chin, tip]
    for letter, outer_first in (("R", True), ("L", False)):
        corners = _corners(body, eyes[letter])
        places += corners if outer_first else corners[::-1]
    places += [_pupil(body, eyes[letter]) for letter in "RL"]
    return _of([(vertex, body.joints["head"], "head") for vertex in places])


def _eyeball(body: Body, eye: Float) -> Float:
    return np.linalg.norm(body.vertices - eye, axis=1)


def _pupil(body: Body, eye: Float) -> int:
    """The frontmost vertex of the eyeball."""
    near = _eyeball(body, eye) < 0.0155
    return int(np.where(near, body.vertices[:, 0], -9.0).argmax())


def _corners(body: Body, eye: Float) -> list[int]:
    """Outer and inner corner: where the lids meet, the skin beside the eyeball that lies nearest to it."""
    away = body.vertices - eye
    outwards = np.sign(eye[1])
    distance = np.linalg.norm(away, axis=1)
    skin = (distance > 0.0155) & (distance < 0.024) & (np.abs(away[:, 2]) < 0.006) & (away[:, 0] > -0.004)
    sides = [np.where(skin & (side * away[:, 1] * outwards > 0.009), distance, 9.0) for side in (1, -1)]
    return [int(side.argmin()) for side in sides]


def all_of(dressed: Dressed) -> Mapping[str, Marks]:
    """Everything, by the name of the part."""
    return {
        "left_hand": hand(dressed.body, "L"),
        "right_hand": hand(dressed.body, "R"),
        "feet": feet(dressed),
        "face": face(dressed),
    }
