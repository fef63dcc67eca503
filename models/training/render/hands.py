"""Relaxed hands: the modelled ones are spread flat, hanging hands curl."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mesh import Float
from scipy.spatial.transform import Rotation

CURL_DEG = (22.0, 30.0, 20.0)
"""at the knuckle and the two finger joints"""
GATHER = 0.55
"""how far the fingers close up towards the middle one"""


def relaxed(vertices: Float, joints: dict[str, Float], shares: dict[str, Float]) -> Float:
    """Vertices with the fingers of both hands curled.

    `shares` is each finger bone's (N,) skinning weight, that of the bones behind it included.
    """
    vertices = vertices.astype(np.float64)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        wrist = joints[f"wrist.{side}"]
        across = np.cross(joints[f"finger2-1.{side}"] - wrist, joints[f"finger5-1.{side}"] - wrist) * sign
        back = across / np.linalg.norm(across)
        middle = joints[f"finger3-2.{side}"] - joints[f"finger3-1.{side}"]
        for finger in (2, 3, 4, 5):
            names = [f"finger{finger}-{k}.{side}" for k in (1, 2, 3)]
            vertices = _bent(vertices, [joints[n] for n in names], [shares[n] for n in names], back, middle)
    return vertices.astype(np.float32)


def _bent(vertices: Float, places: Sequence[Float], shares: Sequence[Float], back: Float, middle: Float) -> Float:
    """One finger bent at its joints, the outermost first so that the inner ones carry the result along."""
    along = places[1] - places[0]
    along = along / np.linalg.norm(along)
    hinge = np.cross(along, back)
    hinge /= np.linalg.norm(hinge)
    flat = middle - back * (middle @ back)
    aside = np.arcsin(np.clip(np.cross(along, flat / np.linalg.norm(flat)) @ back, -1, 1))
    for k in (2, 1, 0):
        turn = Rotation.from_rotvec(-hinge * np.radians(CURL_DEG[k]))
        if k == 0:
            turn = Rotation.from_rotvec(back * aside * GATHER) * turn
        moved = turn.apply(vertices - places[k]) + places[k]
        vertices = vertices + shares[k][:, None] * (moved - vertices)
    return vertices
