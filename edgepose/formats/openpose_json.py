"""OpenPose's JSON, version 1.3.

The fields and their order are those of OpenPose's published output format
(https://github.com/CMU-Perceptual-Computing-Lab/openpose/blob/master/doc/02_output.md): flat x, y, confidence in pixels
of the picture; arrays of parts that were not looked for are empty.
"""

from typing import Any

import msgspec

from edgepose.domain import FrameResult, Track
from edgepose.formats.keypoints import flat, to_layout
from edgepose.formats.origin import Origin

LAYOUTS = ("body18", "body25")
"""The orders that OpenPose's readers know: its COCO model and its BODY_25 model."""


def encode(result: FrameResult, _origin: Origin | None = None) -> str:
    """The text of one frame's file, without an end of line."""
    return msgspec.json.encode(document(result)).decode()


def document(result: FrameResult, *, layout: str | None = None, tracked: bool = False) -> dict[str, Any]:
    """The file of one frame as plain values.

    layout: body18 or body25; left out: the result's own if it is one of them, else body18. tracked: whether ids hold
    over time; where they don't, person_id is [-1], as OpenPose writes it.
    """
    target = layout or (result.layout if result.layout in LAYOUTS else LAYOUTS[0])
    return {"version": 1.3, "people": [_person(track, result.layout, target, tracked) for track in result.tracks]}


def _person(track: Track, source: str, target: str, tracked: bool) -> dict[str, Any]:
    return {
        "person_id": [track.id if tracked else -1],
        "pose_keypoints_2d": flat(to_layout(track.pose.keypoints, source, target)),
        "face_keypoints_2d": [],
        "hand_left_keypoints_2d": [],
        "hand_right_keypoints_2d": [],
        "pose_keypoints_3d": [],
        "face_keypoints_3d": [],
        "hand_left_keypoints_3d": [],
        "hand_right_keypoints_3d": [],
    }
