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


def relaxed(
    vertices: Float, joints: dict[str, Float], shares: dict[str, Float], curl: float = 1.0, gather: float = GATHER
) -> Float:
    """Vertices with the fingers of both hands curled; the fingers' joints in `joints` move along.

    `shares` is each finger bone's (N,) skinning weight, that of the bones behind it included. `curl` is how far, in
    parts of CURL_DEG.
    """
    names = [name for name in joints if name.startswith("finger")]
    places = np.array([joints[name] for name in names])
    carried = {bone: np.array([_hangs_on(name, bone) for name in names]) for bone in shares}
    moved = _curled(
        np.concatenate([vertices, places]),
        joints,
        {bone: np.concatenate([shares[bone], carried[bone]]) for bone in shares},
        curl,
        gather,
    )
    joints.update(zip(names, moved[len(vertices) :].astype(np.float32), strict=True))
    return moved[: len(vertices)].astype(np.float32)


def _hangs_on(joint: str, bone: str) -> float:
    """1 for a joint that moves with a bone, which its own head does not: finger2-3.L hangs on finger2-1.L."""
    (finger, number), (of, before) = (name.split(".")[0].split("-") for name in (joint, bone))
    return float(finger == of and joint[-1] == bone[-1] and int(number) > int(before))


def _curled(vertices: Float, joints: dict[str, Float], shares: dict[str, Float], curl: float, gather: float) -> Float:
    vertices = vertices.astype(np.float64)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        wrist = joints[f"wrist.{side}"]
        across = np.cross(joints[f"finger2-1.{side}"] - wrist, joints[f"finger5-1.{side}"] - wrist) * sign
        back = across / np.linalg.norm(across)
        middle = joints[f"finger3-2.{side}"] - joints[f"finger3-1.{side}"]
        for finger in (2, 3, 4, 5):
            names = [f"finger{finger}-{k}.{side}" for k in (1, 2, 3)]
            bones = [joints[n] for n in names], [shares[n] for n in names]
            vertices = _bent(vertices, *bones, back, middle, curl, gather)
    return vertices


def _bent(
    vertices: Float,
    places: Sequence[Float],
    shares: Sequence[Float],
    back: Float,
    middle: Float,
    curl: float,
    gather: float,
) -> Float:
    """One finger bent at its joints, the outermost first so that the inner ones carry the result along."""
    along = places[1] - places[0]
    along = along / np.linalg.norm(along)
    hinge = np.cross(along, back)
    hinge /= np.linalg.norm(hinge)
    flat = middle - back * (middle @ back)
    aside = np.arcsin(np.clip(np.cross(along, flat / np.linalg.norm(flat)) @ back, -1, 1))
    for k in (2, 1, 0):
        turn = Rotation.from_rotvec(-hinge * np.radians(curl * CURL_DEG[k]))
        if k == 0:
            turn = Rotation.from_rotvec(back * aside * gather) * turn
        moved = turn.apply(vertices - places[k]) + places[k]
        vertices = vertices + shares[k][:, None] * (moved - vertices)
    return vertices
