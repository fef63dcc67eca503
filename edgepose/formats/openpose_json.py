"""OpenPose's JSON, version 1.3.

The fields and their order are those of OpenPose's published output format
(https://github.com/CMU-Perceptual-Computing-Lab/openpose/blob/master/doc/02_output.md): flat x, y, confidence in pixels
of the picture; arrays of parts that were not looked for are empty.
"""

from typing import Any

import msgspec

from edgepose.domain import FrameResult, Pose
from edgepose.formats.form import PLAIN, Form
from edgepose.formats.origin import Origin

LAYOUTS = ("body18", "body25", "mpi15")
"""The orders that OpenPose's readers know: those of its COCO, BODY_25 and MPI models."""


def encode(result: FrameResult, _origin: Origin | None = None, *, form: Form = PLAIN) -> str:
    """The text of one frame's file, without an end of line."""
    return msgspec.json.encode(document(result, form)).decode()


def document(result: FrameResult, form: Form = PLAIN) -> dict[str, Any]:
    """The file of one frame as plain values.

    Where form names no layout, it is body25 of a person whose feet were looked for, else the result's own if OpenPose
    has it, else body18. Where ids don't hold over time, person_id is [-1], as OpenPose writes it.
    """
    ids = form.holds_ids(result)
    return {
        "version": 1.3,
        "people": [_person(track.pose, track.id if ids else -1, result, form) for track in result.tracks],
    }


def _person(pose: Pose, person_id: int, result: FrameResult, form: Form) -> dict[str, Any]:
    parts, size = pose.parts, result.size
    rows = form.body(pose, result.layout, usual_layout(pose, result.layout), size)
    return {
        "person_id": [person_id],
        "pose_keypoints_2d": [number for row in rows for number in row],
        "face_keypoints_2d": form.flat(parts.face, size),
        "hand_left_keypoints_2d": form.flat(parts.left_hand, size),
        "hand_right_keypoints_2d": form.flat(parts.right_hand, size),
        "pose_keypoints_3d": [],
        "face_keypoints_3d": [],
        "hand_left_keypoints_3d": [],
        "hand_right_keypoints_3d": [],
    }


def usual_layout(pose: Pose, layout: str) -> str:
    """The order in which OpenPose would write such a pose."""
    if pose.parts.feet is not None:
        return "body25"
    return layout if layout in LAYOUTS else LAYOUTS[0]
