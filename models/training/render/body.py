"""Anny's parametric body, reduced to what posing needs: rest vertices, segments, weights, joints.

Anny (package `anny`; code Apache-2.0, mesh and shapes CC0 from MakeHuman) gives the shape. Its 163 bones are gathered
into the segments below, which move rigidly and blend by the summed skinning weights (linear blend skinning).

The model's frame: x forwards, y to the person's left, z up, metres, origin midway between the hip joints.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from hands import relaxed
from mesh import Float, Int

BODY18 = [
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
]  # fmt: skip

SPINE = ("spine05", "spine04", "spine03", "spine02", "spine01")
NECK = ("neck01", "neck02", "neck03", "head")
LIMB_BONES = ("upperleg01", "lowerleg01", "foot", "upperarm01", "lowerarm01", "lowerarm02", "wrist")
SEGMENTS = ("root", *SPINE, *NECK, *(f"{bone}.{side}" for side in "LR" for bone in LIMB_BONES))
SEGMENT_INDEX = {name: k for k, name in enumerate(SEGMENTS)}


@dataclass(frozen=True)
class Body:
    """A person's shape at rest (arms and legs spread, as modelled)."""

    vertices: Float
    """(N, 3) metres, the model's frame"""
    faces: Int
    weights: Float
    """(N, S) share of each segment of SEGMENTS in each vertex; rows sum to 1"""
    joints: Mapping[str, Float]
    """head of every bone and the middle points used as keypoints"""
    sole_m: float
    """height of the ankle joint above the sole"""

    @property
    def leg_m(self) -> float:
        """Hip to ankle along the bones."""
        return self.bone_m("upperleg01.L", "lowerleg01.L") + self.bone_m("lowerleg01.L", "foot.L")

    @property
    def arm_m(self) -> float:
        """Shoulder to wrist along the bones."""
        return self.bone_m("upperarm01.L", "lowerarm01.L") + self.bone_m("lowerarm01.L", "wrist.L")

    @property
    def half_hip_m(self) -> float:
        """Half the distance between the hip joints."""
        return float(self.joints["upperleg01.L"][1])

    def bone_m(self, start: str, end: str) -> float:
        """Distance between two joints at rest."""
        return float(np.linalg.norm(self.joints[end] - self.joints[start]))


def make_body(phenotype: Mapping[str, float], height_m: float, curl: float = 1.0) -> Body:
    """A body of Anny's phenotype values (0 to 1 each), scaled to `height_m` from sole to crown.

    `curl` is how far its fingers are curled, 1 as hanging hands are.
    """
    model = _anny()
    out = model(phenotype_kwargs=dict(phenotype))
    # Anny's frame: x to the left, y backwards, z up
    vertices = _turned(out["rest_vertices"][0].detach().numpy())
    heads = _turned(out["rest_bone_heads"][0].detach().numpy())
    labels = list(model.bone_labels)
    centre = 0.5 * (heads[labels.index("upperleg01.L")] + heads[labels.index("upperleg01.R")])
    scale = height_m / float(np.ptp(vertices[:, 2]))
    vertices = ((vertices - centre) * scale).astype(np.float32)
    heads = ((heads - centre) * scale).astype(np.float32)
    joints = dict(zip(labels, heads, strict=True))
    joints["root"] = np.zeros(3, np.float32)
    vertices = relaxed(vertices, joints, _finger_shares(model, len(vertices)), curl)
    joints.update(_face_points(vertices, joints))
    faces = np.asarray(model.faces.numpy(), np.int32)
    sole = float(joints["foot.L"][2] - vertices[:, 2].min())
    return Body(vertices, faces, _segment_weights(model, len(vertices)), joints, sole)


@functools.cache
def _anny():  # type: ignore[no-untyped-def]
    warnings.filterwarnings("ignore")
    import anny

    return anny.create_fullbody_model(rig="default", triangulate_faces=True)


def _turned(points: Float) -> Float:
    return np.stack([-points[:, 1], points[:, 0], points[:, 2]], 1)


def _segment_weights(model, count: int) -> Float:  # type: ignore[no-untyped-def]
    """Each bone's weight goes to its nearest ancestor that is a segment."""
    labels, parents = list(model.bone_labels), list(model.bone_parents)
    owner = []
    for bone in range(len(labels)):
        at = bone
        while labels[at] not in SEGMENT_INDEX:
            at = int(parents[at])
        owner.append(SEGMENT_INDEX[labels[at]])
    bones = model.vertex_bone_indices.numpy()
    share = model.vertex_bone_weights.detach().numpy()
    weights = np.zeros((count, len(SEGMENTS)), np.float32)
    for column in range(bones.shape[1]):
        np.add.at(weights, (np.arange(count), np.asarray(owner)[bones[:, column]]), share[:, column])
    return np.asarray(weights / np.maximum(weights.sum(1, keepdims=True), 1e-9))


def _finger_shares(model, count: int) -> dict[str, Float]:  # type: ignore[no-untyped-def]
    """For each finger bone the weight of it and of the bones that hang on it."""
    labels, parents = list(model.bone_labels), list(model.bone_parents)
    bones = model.vertex_bone_indices.numpy()
    share = model.vertex_bone_weights.detach().numpy()
    total = {name: np.zeros(count, np.float32) for name in labels if name.startswith("finger")}
    for bone, name in enumerate(labels):
        own = np.where(bones == bone, share, 0).sum(1)
        at = bone
        while name.startswith("finger") and labels[at].startswith("finger"):
            total[labels[at]] += own
            at = int(parents[at])
    return total


def _face_points(vertices: Float, joints: Mapping[str, Float]) -> dict[str, Float]:
    """Nose tip and ears, as vertices of the surface."""
    eyes = 0.5 * (joints["eye.L"] + joints["eye.R"])
    near = vertices[np.abs(vertices[:, 2] - eyes[2] + 0.02) < 0.06]
    middle = near[np.abs(near[:, 1]) < 0.02]
    points = {"nose": middle[np.argmax(middle[:, 0])]}
    behind = near[near[:, 0] < eyes[0] - 0.04]
    points["ear.L"] = behind[np.argmax(behind[:, 1])] * np.array([1, 0.95, 1], np.float32)
    points["ear.R"] = behind[np.argmin(behind[:, 1])] * np.array([1, 0.95, 1], np.float32)
    return points


_KEYPOINT_JOINTS: dict[str, tuple[str, str]] = {
    # keypoint: (joint, segment that carries it)
    "nose": ("nose", "head"),
    **{f"{s}_eye": (f"eye.{c}", "head") for s, c in (("right", "R"), ("left", "L"))},
    **{f"{s}_ear": (f"ear.{c}", "head") for s, c in (("right", "R"), ("left", "L"))},
    **{f"{s}_shoulder": (f"upperarm01.{c}", f"upperarm01.{c}") for s, c in (("right", "R"), ("left", "L"))},
    **{f"{s}_elbow": (f"lowerarm01.{c}", f"lowerarm01.{c}") for s, c in (("right", "R"), ("left", "L"))},
    **{f"{s}_wrist": (f"wrist.{c}", f"wrist.{c}") for s, c in (("right", "R"), ("left", "L"))},
    **{f"{s}_hip": (f"upperleg01.{c}", "root") for s, c in (("right", "R"), ("left", "L"))},
    **{f"{s}_knee": (f"lowerleg01.{c}", f"lowerleg01.{c}") for s, c in (("right", "R"), ("left", "L"))},
    **{f"{s}_ankle": (f"foot.{c}", f"foot.{c}") for s, c in (("right", "R"), ("left", "L"))},
}


def skinned(body: Body, vertices: Float, transforms: Float) -> Float:
    """`vertices` (the body's own or dressed ones) moved by the segments' (S, 3, 4) transforms."""
    blend = (body.weights @ transforms.reshape(len(SEGMENTS), 12)).reshape(-1, 3, 4)
    return np.asarray(np.einsum("nij,nj->ni", blend[:, :, :3], vertices) + blend[:, :, 3], np.float32)


def keypoints(body: Body, transforms: Float) -> Float:
    """(18, 3) world places of the body18 keypoints; the neck is midway between the shoulders."""
    out = np.zeros((18, 3), np.float32)
    for name, (joint, segment) in _KEYPOINT_JOINTS.items():
        matrix = transforms[SEGMENT_INDEX[segment]]
        out[BODY18.index(name)] = matrix[:, :3] @ body.joints[joint] + matrix[:, 3]
    out[1] = 0.5 * (out[2] + out[5])
    return out
